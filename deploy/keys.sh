#!/bin/sh
# Makes what the services of docker-compose.yml know and settings must not hold: passwords, keys, certificates. Others
# each time, and only once. Needs openssl.
#
# keys.sh DATABASE MAIL NODES: for each of them a folder with what it needs and nothing else.
set -eu
umask 022

database=$1 mail=$2 nodes=$3
if [ -e "$nodes/complete" ]; then
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

# Curve P-256, for ten years.
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }
cat > configuration <<'CONFIGURATION'
[req]
distinguished_name = name
[name]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
CONFIGURATION

# An authority that signs these two certificates; its key is then thrown away.
key authority.key
openssl req -x509 -new -config configuration -extensions authority -key authority.key -days 3650 \
  -subj '/CN=auth-server containers' -out authority.pem
for server in database mail; do
  key "$server.key"
  openssl req -new -config configuration -key "$server.key" -subj "/CN=$server" -out "$server.request"
  printf 'subjectAltName = DNS:%s, DNS:localhost\nextendedKeyUsage = serverAuth\n' "$server" > extensions
  openssl x509 -req -in "$server.request" -CA authority.pem -CAkey authority.key -CAcreateserial -days 3650 \
    -extfile extensions -out "$server.pem"
done

password() { openssl rand -hex 24; }
superuser=$(password) owner=$(password) service=$(password) mailer=$(password)

# Each folder is seen by one service only, which is nobody special there: it must be able to read.
printf %s "$superuser" > "$database/superuser_password"
printf %s "$owner" > "$database/owner_password"
printf %s "$service" > "$database/service_password"
cp database.pem "$database/certificate.pem"
cp database.key "$database/key.pem"

printf 'auth:%s\n' "$mailer" > "$mail/logins"
cp mail.pem "$mail/certificate.pem"
cp mail.key "$mail/key.pem"

verified='sslmode=verify-full&sslrootcert=/run/secrets/authority.pem'
printf %s "postgres://auth_owner:$owner@database/auth?$verified" > "$nodes/owner_url"
printf %s "postgres://auth_service:$service@database/auth?$verified" > "$nodes/database_url"
printf %s "smtp://auth:$mailer@mail:1025?tls=required" > "$nodes/smtp_url"
cp authority.pem "$nodes/authority.pem"

chmod 444 "$database"/* "$mail"/* "$nodes"/*
: > "$nodes/complete"

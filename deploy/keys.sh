#!/bin/sh
# Makes what the services of docker-compose.yml know and settings must not hold: passwords, keys, certificates. Others on
# each machine. Needs openssl.
#
# keys.sh DATABASE MAIL MIGRATION NODES [again]: for each of them a folder with what it needs and nothing else. What is
# complete is left alone. If something is missing, or with `again`, keys and certificates are generated again; passwords stay
# those that are found in any of the folders, because the database knows them.
set -eu
umask 022

database=$1 mail=$2 migration=$3 nodes=$4 again=${5-}
folders="$database $mail $migration $nodes"

is_complete() {
  for folder in $folders; do
    [ -e "$folder/complete" ] || return 1
  done
}
if [ -z "$again" ] && is_complete; then
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

# The first of these passwords that is known; otherwise a new one.
password() { cat - | grep -m 1 . || openssl rand -hex 24; }
known() { if [ -e "$1" ]; then cat "$1"; echo; fi; }
of_url() { if [ -e "$1" ]; then sed -n 's#^[a-z]*://[a-z_]*:\([0-9a-f]*\)@.*#\1#p' "$1"; echo; fi; }
superuser=$(known "$database/superuser_password" | password)
owner=$({ known "$database/owner_password"; of_url "$migration/owner_url"; } | password)
service=$({ known "$database/service_password"; of_url "$nodes/database_url"; } | password)
mailer=$({ known "$mail/logins" | sed -n 's/^auth://p'; of_url "$nodes/smtp_url"; of_url "$migration/smtp_url"; } | password)

# Each folder is seen by one service only, which is unprivileged there and must be able to read. A file appears as a
# whole: who is interrupted leaves nothing half written.
put() {
  cat > "$1.new"
  chmod 444 "$1.new"
  mv -f "$1.new" "$1"
}
for folder in $folders; do
  rm -f "$folder/complete"
done
printf %s "$superuser" | put "$database/superuser_password"
printf %s "$owner" | put "$database/owner_password"
printf %s "$service" | put "$database/service_password"
put "$database/certificate.pem" < database.pem
put "$database/key.pem" < database.key

printf 'auth:%s\n' "$mailer" | put "$mail/logins"
put "$mail/certificate.pem" < mail.pem
put "$mail/key.pem" < mail.key

verified='sslmode=verify-full&sslrootcert=/run/secrets/authority.pem'
printf %s "postgres://auth_owner:$owner@database/auth?$verified" | put "$migration/owner_url"
printf %s "postgres://auth_service:$service@database/auth?$verified" | put "$nodes/database_url"
for folder in "$migration" "$nodes"; do
  printf %s "smtp://auth:$mailer@mail:1025?tls=required" | put "$folder/smtp_url"
  put "$folder/authority.pem" < authority.pem
done

for folder in $folders; do
  : > "$folder/complete"
done

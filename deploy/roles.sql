-- The database, owned by the role that migrates; and a role that reads and writes its rows and nothing else.
-- Run once, by the superuser, when the database is made.
\set owner_password `cat /run/secrets/owner_password`
\set service_password `cat /run/secrets/service_password`

CREATE ROLE auth_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE auth_service LOGIN PASSWORD :'service_password';
CREATE DATABASE auth OWNER auth_owner;

\connect auth
-- What was applied is for the owner to write: so this table is made before the rule for all others.
SET ROLE auth_owner;
CREATE TABLE seaql_migrations (version varchar NOT NULL PRIMARY KEY, applied_at bigint NOT NULL);
GRANT SELECT ON seaql_migrations TO auth_service;
RESET ROLE;
ALTER DEFAULT PRIVILEGES FOR ROLE auth_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO auth_service;

#!/bin/sh
# Runs once, when the database is made: one user owns the tables, another, who is held to their policies, runs the program.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres -d guardian \
  -v app="$(cat /run/secrets/app_password)" -v owner="$(cat /run/secrets/owner_password)" <<'SQL'
CREATE ROLE guardian_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE guardian_app LOGIN PASSWORD :'app';
ALTER DATABASE guardian OWNER TO guardian_owner;
ALTER SCHEMA public OWNER TO guardian_owner;
SQL

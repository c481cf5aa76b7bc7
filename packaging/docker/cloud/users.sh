#!/bin/sh
# Runs once, when the database is made: one user owns the tables, another, who is held to their policies, runs the program.
set -eu
APP=$(cat /run/secrets/app_password)
OWNER=$(cat /run/secrets/owner_password)
export APP OWNER
psql --no-psqlrc -q -v ON_ERROR_STOP=1 -U postgres -d guardian <<'SQL'
\getenv app APP
\getenv owner OWNER
CREATE ROLE guardian_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE guardian_app LOGIN PASSWORD :'app';
ALTER DATABASE guardian OWNER TO guardian_owner;
ALTER SCHEMA public OWNER TO guardian_owner;
SQL

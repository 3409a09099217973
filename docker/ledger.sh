#!/bin/sh
# Runs once, when PostgreSQL starts on an empty volume: the ledger gets a database and a role of its
# own, so that Airflow's tables and ours never share a password or a backup.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --set password="$LEDGER_PASSWORD" <<'SQL'
CREATE ROLE ledger LOGIN PASSWORD :'password';
CREATE DATABASE ledger OWNER ledger;
SQL

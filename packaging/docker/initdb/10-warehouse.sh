#!/bin/sh
# Run once by the image of PostgreSQL, as the superuser: data to try with, and the role that endpoints run as.
set -eu

psql --set ON_ERROR_STOP=1 --set password="$DATA_API_PASSWORD" --dbname "$POSTGRES_DB" <<'SQL'
CREATE SCHEMA reporting;
CREATE TABLE reporting.sales (day date NOT NULL, region text NOT NULL, total numeric(12, 2) NOT NULL);
INSERT INTO reporting.sales VALUES
	('2026-01-05', 'North', 1200.00), ('2026-01-06', 'South', 950.50), ('2026-02-03', 'North', 410.25);

CREATE ROLE data_api LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
GRANT USAGE ON SCHEMA reporting TO data_api;
GRANT SELECT ON ALL TABLES IN SCHEMA reporting TO data_api;
REVOKE EXECUTE ON FUNCTION
	lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea), lo_put(oid, bigint, bytea), lo_unlink(oid),
	pg_notify(text, text), set_config(text, text, boolean),
	pg_advisory_lock(bigint), pg_advisory_lock(integer, integer),
	pg_cancel_backend(integer), pg_terminate_backend(integer, bigint)
FROM PUBLIC;
SQL

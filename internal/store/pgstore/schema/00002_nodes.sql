-- A row for each server that runs, which it renews every few seconds. What a heartbeat changes stands in no index, and a page
-- has room for many versions of a row, so that a heartbeat leaves nothing behind that autovacuum has to remove.
CREATE TABLE data_api.nodes (
	id text COLLATE "C" PRIMARY KEY, -- random, another one each time that a server opens the store
	name text NOT NULL,
	version text NOT NULL,
	started bigint NOT NULL,
	beat bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.1, autovacuum_vacuum_threshold = 200);

-- The earliest step whose program works with this schema: a later step that leaves an older program behind replaces it.
CREATE FUNCTION data_api.least_step() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 1::bigint $$;

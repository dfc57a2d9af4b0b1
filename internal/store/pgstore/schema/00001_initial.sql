-- The first layout of the store. data_api is replaced by the schema that the configuration names.
--
-- Instants by which the store decides are bigint: nanoseconds since 1970 by the database's clock. Instants that are only
-- shown, as callers have handed them in, are named *_at, not_before and lease_until.

-- now_ns is the database's clock at the beginning of a statement, to the microsecond.
CREATE FUNCTION data_api.now_ns() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
AS $$ SELECT (extract(epoch FROM statement_timestamp()) * 1000000000)::bigint $$;

CREATE TABLE data_api.secrets (
	name text COLLATE "C" PRIMARY KEY,
	value bytea NOT NULL
);

CREATE TABLE data_api.api_keys (
	id text COLLATE "C" PRIMARY KEY,
	company text COLLATE "C" NOT NULL,
	usr text NOT NULL,
	name text NOT NULL,
	secret_mac bytea NOT NULL CHECK (octet_length(secret_mac) = 32),
	created_at timestamptz NOT NULL,
	expires_at timestamptz,
	revoked_at timestamptz,
	successor text NOT NULL DEFAULT '',
	last_used_at timestamptz
) WITH (fillfactor = 80);

CREATE TABLE data_api.token_keys (
	id text COLLATE "C" PRIMARY KEY,
	algorithm text NOT NULL,
	private bytea NOT NULL,
	published_at timestamptz NOT NULL,
	signs_from timestamptz NOT NULL,
	signs_until timestamptz,
	longest_token bigint NOT NULL -- seconds
);

CREATE TABLE data_api.token_families (
	id text COLLATE "C" PRIMARY KEY,
	company text NOT NULL,
	usr text NOT NULL,
	key_id text NOT NULL,
	access_id text NOT NULL,
	refresh_id text NOT NULL,
	issued_at timestamptz NOT NULL,
	previous text NOT NULL,
	rotated_at timestamptz NOT NULL,
	created_at timestamptz NOT NULL,
	revoked_at timestamptz,
	expires_at timestamptz NOT NULL,
	access_until timestamptz NOT NULL,
	keep_until timestamptz NOT NULL
);
CREATE INDEX token_families_keep_until ON data_api.token_families (keep_until);
CREATE INDEX token_families_revoked ON data_api.token_families (id) WHERE revoked_at IS NOT NULL;

CREATE TABLE data_api.signing_keys (
	company text COLLATE "C" NOT NULL,
	usr text COLLATE "C" NOT NULL,
	keys text NOT NULL, -- JSON
	PRIMARY KEY (company, usr)
);

-- What each job was asked for, and how it has ended. Rows are written when a job is accepted and when it ends. An id
-- begins with the time at which it was made, so that ranges of ids are ranges of time.
CREATE TABLE data_api.jobs (
	id bytea NOT NULL,
	company text COLLATE "C" NOT NULL,
	usr text NOT NULL,
	address text COLLATE "C" NOT NULL,
	created_at bigint NOT NULL,
	request text NOT NULL, -- JSON
	callback_host text COLLATE "C",
	idempotency bytea, -- the name of its key among idempotency_keys
	kept bigint NOT NULL, -- bytes that count against its company's quota
	status text NOT NULL DEFAULT 'processing',
	attempt integer NOT NULL DEFAULT 0, -- this and what follows is set at its end
	forgiven integer NOT NULL DEFAULT 0,
	started_at bigint,
	outcome text, -- JSON
	expires bigint,
	PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE TABLE data_api.jobs_rest PARTITION OF data_api.jobs DEFAULT;
CREATE INDEX jobs_company ON data_api.jobs (company, created_at DESC, id DESC);
CREATE INDEX jobs_expires ON data_api.jobs (expires) WHERE expires IS NOT NULL;

-- The jobs that are processing: small, hot, and the only place where a job's turns are decided. What a heartbeat writes
-- stands in no index.
CREATE TABLE data_api.queue (
	id bytea PRIMARY KEY,
	company text COLLATE "C" NOT NULL,
	source text COLLATE "C" NOT NULL,
	usr text NOT NULL,
	key_id text NOT NULL,
	created_at bigint NOT NULL,
	place bigint GENERATED ALWAYS AS IDENTITY,
	state smallint NOT NULL DEFAULT 0, -- 0 it can be claimed, 1 it runs, 2 it waits for delayed_until
	attempt integer NOT NULL DEFAULT 0,
	forgiven integer NOT NULL DEFAULT 0,
	started_at bigint,
	owner text COLLATE "C" NOT NULL DEFAULT '',
	lease_until bigint,
	not_before bigint,
	lease_ends bigint, -- of one that runs
	lease_length bigint,
	delayed_until bigint -- of one that waits
) WITH (
	fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0,
	autovacuum_analyze_threshold = 2000
);
CREATE INDEX queue_ready ON data_api.queue (source, company, place) WHERE state = 0;
CREATE INDEX queue_running ON data_api.queue (owner) WHERE state = 1;
CREATE INDEX queue_delayed ON data_api.queue (delayed_until) WHERE state = 2;

-- How many jobs of a company can be claimed, and what its jobs take: the sum of its rows. Whoever changes it takes a row
-- that nobody holds, or adds one, so that no writer waits for another.
CREATE TABLE data_api.tallies (
	slot bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	company text COLLATE "C" NOT NULL,
	waiting bigint NOT NULL,
	kept bigint NOT NULL
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX tallies_company ON data_api.tallies (company);

CREATE TABLE data_api.idempotency_keys (
	name bytea PRIMARY KEY, -- SHA-256 of company, endpoint and key
	job_id bytea NOT NULL,
	bound_until bigint NOT NULL -- by the clocks of the servers, as the job's created_at
);

CREATE TABLE data_api.chunks (
	id bytea NOT NULL,
	attempt integer NOT NULL,
	n integer NOT NULL,
	data bytea NOT NULL,
	PRIMARY KEY (id, attempt, n)
) PARTITION BY RANGE (id);
CREATE TABLE data_api.chunks_rest PARTITION OF data_api.chunks DEFAULT;
ALTER TABLE data_api.chunks ALTER COLUMN data SET STORAGE EXTERNAL; -- it is compressed already
ALTER TABLE data_api.chunks_rest ALTER COLUMN data SET STORAGE EXTERNAL;

-- Attempts whose chunks are to be removed, a few at a time.
CREATE TABLE data_api.discards (
	id bytea NOT NULL,
	attempt integer NOT NULL,
	PRIMARY KEY (id, attempt)
);

CREATE TABLE data_api.deliveries (
	job_id bytea NOT NULL,
	company text COLLATE "C" NOT NULL,
	host text COLLATE "C" NOT NULL,
	state text NOT NULL,
	created_at bigint NOT NULL,
	next_attempt bigint,
	due bigint, -- of one that is pending
	attempt integer NOT NULL DEFAULT 0,
	forgiven integer NOT NULL DEFAULT 0,
	ended_at bigint,
	needed_until bigint, -- of one that is dead: how long its job stays for it
	log text, -- JSON
	node text, -- that is trying it
	PRIMARY KEY (job_id)
) PARTITION BY RANGE (job_id);
CREATE TABLE data_api.deliveries_rest PARTITION OF data_api.deliveries DEFAULT;
CREATE INDEX deliveries_pending ON data_api.deliveries (company, host, due, job_id) WHERE state = 'pending';
CREATE INDEX deliveries_tried ON data_api.deliveries (node) WHERE node IS NOT NULL;

-- What servers have to hear of from each other. Whoever reads on remembers the oldest transaction that was under way, so that
-- none is missed that commits late.
CREATE TABLE data_api.changes (
	seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
	at timestamptz NOT NULL DEFAULT statement_timestamp(),
	kind text NOT NULL,
	key text NOT NULL
);
CREATE INDEX changes_transaction ON data_api.changes (transaction);

-- What was counted in an hour (since 1970) under a key, and the last batch of each counter that was added.
CREATE TABLE data_api.usage (
	hour bigint NOT NULL,
	company text COLLATE "C" NOT NULL,
	usr text COLLATE "C" NOT NULL,
	key_id text COLLATE "C" NOT NULL,
	endpoint_company text COLLATE "C" NOT NULL,
	endpoint_namespace text COLLATE "C" NOT NULL,
	endpoint_slug text COLLATE "C" NOT NULL,
	calls bigint NOT NULL,
	charged bigint NOT NULL,
	rows bigint NOT NULL,
	bytes bigint NOT NULL,
	database_micros bigint NOT NULL,
	cache_hits bigint NOT NULL,
	jobs bigint NOT NULL,
	invalid bigint NOT NULL,
	denied bigint NOT NULL,
	not_found bigint NOT NULL,
	timed_out bigint NOT NULL,
	limited bigint NOT NULL,
	failed bigint NOT NULL,
	gone bigint NOT NULL,
	PRIMARY KEY (hour, company, usr, key_id, endpoint_company, endpoint_namespace, endpoint_slug)
) WITH (fillfactor = 80);
CREATE TABLE data_api.usage_sources (
	source text COLLATE "C" PRIMARY KEY,
	number bigint NOT NULL,
	at bigint NOT NULL
);

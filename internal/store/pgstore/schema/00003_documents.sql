-- Documents: small things that people make and that change rarely. A row of documents is the present revision, and the
-- revisions that are kept stand beside it, the present one included.
CREATE TABLE data_api.documents (
	kind text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	revision bigint NOT NULL,
	value bytea NOT NULL,
	deleted boolean NOT NULL,
	author text NOT NULL,
	action text NOT NULL,
	note text NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (kind, key)
);
CREATE INDEX documents_deleted ON data_api.documents (at) WHERE deleted;

CREATE TABLE data_api.document_revisions (
	kind text COLLATE "C" NOT NULL,
	key text COLLATE "C" NOT NULL,
	revision bigint NOT NULL,
	value bytea NOT NULL,
	deleted boolean NOT NULL,
	author text NOT NULL,
	action text NOT NULL,
	note text NOT NULL,
	at timestamptz NOT NULL,
	PRIMARY KEY (kind, key, revision)
);

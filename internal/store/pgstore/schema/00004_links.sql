-- Presigned links. What never changes of a link is JSON; the columns beside it are what links are found by, and what is counted.
CREATE TABLE data_api.links (
	id text COLLATE "C" PRIMARY KEY,
	company text COLLATE "C" NOT NULL,
	namespace text COLLATE "C" NOT NULL,
	slug text COLLATE "C" NOT NULL,
	expires_at timestamptz NOT NULL,
	uses integer NOT NULL, -- 0: any number
	used integer NOT NULL,
	made text NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX links_endpoint ON data_api.links (company, namespace, slug, id);
CREATE INDEX links_expires_at ON data_api.links (expires_at);

-- What projects keep at providers, and who made it: not subject to the retention
-- of the request log. id is the provider's. made and deleted are in microseconds
-- since 1970; deleted is 0 until somebody deletes it through weir.
CREATE TABLE upstream_objects (
  id              TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  connection_id   TEXT NOT NULL,
  kind            TEXT NOT NULL,
  project_id      TEXT NOT NULL,
  api_key_id      TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  made            BIGINT NOT NULL,
  deleted         BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id, organization_id, connection_id)
) WITHOUT ROWID;

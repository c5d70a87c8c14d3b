-- Keys and storage in clouds, as they were registered. config and provider are
-- JSON objects, whose members depend on the cloud.
CREATE TABLE external_keys (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    cloud           TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    config          TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX external_keys_list ON external_keys (organization_id, created_at, id);
CREATE INDEX projects_of_external_key ON projects (external_key_id, organization_id) WHERE external_key_id <> '';

CREATE TABLE external_storage (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    cloud           TEXT NOT NULL,
    provider        TEXT NOT NULL,
    geography       TEXT NOT NULL,
    status          TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX external_storage_list ON external_storage (organization_id, created_at, id);

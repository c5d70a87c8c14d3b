-- From where an organization may be called, or one of its projects where
-- project_id is not null. allowed_ips is a list in JSON.
CREATE TABLE ip_allowlists (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id),
    name            TEXT NOT NULL,
    allowed_ips     TEXT NOT NULL,
    active          INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX ip_allowlists_list ON ip_allowlists (organization_id, created_at, id);
CREATE INDEX ip_allowlists_active ON ip_allowlists (organization_id, created_at, id) WHERE active = 1;

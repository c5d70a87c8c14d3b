-- Who may join an organization. projects is a list of {id, role} in JSON;
-- token_hash is null until somebody is given a token, and again once it is used.
CREATE TABLE invites (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email           TEXT NOT NULL,
    email_key       TEXT NOT NULL,
    role            TEXT NOT NULL,
    projects        TEXT NOT NULL,
    token_hash      TEXT,
    granted_by      TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    accepted_at     BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX invites_list ON invites (organization_id, created_at, id);
CREATE INDEX invites_email ON invites (organization_id, email_key);
CREATE UNIQUE INDEX invites_token_hash ON invites (token_hash);

-- What an identity provider keeps by SCIM (RFC 7643): its tokens, and what it
-- says of people and groups beside what they had already.

CREATE TABLE scim_tokens (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    secret_hash     TEXT NOT NULL,
    redacted        TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX scim_tokens_secret ON scim_tokens (secret_hash);
CREATE INDEX scim_tokens_list ON scim_tokens (organization_id, created_at, id);

-- mail is a second address beside email, by which the provider looks people up;
-- person holds the parts of the name in JSON, '' for none. updated_at is when
-- the provider changed the row last, 0 for never.
ALTER TABLE users ADD COLUMN deactivated_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN scim_managed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN mail TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN mail_key TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN person TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_external ON users (organization_id, external_id) WHERE external_id <> '';
CREATE INDEX users_mail ON users (organization_id, mail_key) WHERE mail_key <> '';

ALTER TABLE groups ADD COLUMN external_id TEXT NOT NULL DEFAULT '';
ALTER TABLE groups ADD COLUMN updated_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX groups_scim ON groups (organization_id, created_at, id) WHERE scim_managed = 1;
CREATE INDEX groups_external ON groups (organization_id, external_id) WHERE external_id <> '';

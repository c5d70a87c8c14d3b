-- Sessions end when they are not used, and are listed by person.
ALTER TABLE sessions ADD COLUMN last_used_at BIGINT NOT NULL DEFAULT 0;
UPDATE sessions SET last_used_at = created_at;
CREATE INDEX sessions_list ON sessions (organization_id, user_id, created_at, id);

-- A user has one at a time.
CREATE TABLE password_resets (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash      TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX password_resets_user ON password_resets (user_id);
CREATE UNIQUE INDEX password_resets_token_hash ON password_resets (token_hash);

-- Whom identity providers know users as.
CREATE TABLE external_identities (
    subject         TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    provider        TEXT NOT NULL,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, provider, subject)
) WITHOUT ROWID;
CREATE UNIQUE INDEX external_identities_user ON external_identities (user_id, provider);

-- A sign-in through a provider ends once. What is remembered here is forgotten
-- when it could not be used again anyway.
CREATE TABLE spent_sign_in_states (
    state_hash       TEXT NOT NULL PRIMARY KEY,
    organization_id  TEXT NOT NULL,
    remembered_until BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX spent_sign_in_states_end ON spent_sign_in_states (remembered_until);

-- last_step is that of the newest TOTP code that was used; recovery codes are
-- hashes, separated by blanks.
CREATE TABLE second_factors (
    user_id         TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    secret          TEXT NOT NULL,
    last_step       BIGINT NOT NULL,
    recovery_codes  TEXT NOT NULL,
    confirmed_at    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);

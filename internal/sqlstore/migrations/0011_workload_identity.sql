-- Issuers of tokens for programs, and which of their tokens are exchanged for
-- keys of which service account. verification, transformations, matchers and
-- scopes are JSON; scopes are null for all that the account may do.
CREATE TABLE workload_identity_providers (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    issuer          TEXT NOT NULL,
    audience        TEXT NOT NULL,
    enabled         INTEGER NOT NULL,
    verification    TEXT NOT NULL,
    transformations TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX workload_identity_providers_list ON workload_identity_providers (organization_id, created_at, id);

CREATE TABLE federation_rules (
    id                 TEXT NOT NULL PRIMARY KEY,
    organization_id    TEXT NOT NULL REFERENCES organizations (id),
    provider_id        TEXT NOT NULL REFERENCES workload_identity_providers (id),
    project_id         TEXT NOT NULL REFERENCES projects (id),
    service_account_id TEXT NOT NULL REFERENCES service_accounts (id),
    name               TEXT NOT NULL,
    description        TEXT NOT NULL,
    enabled            INTEGER NOT NULL,
    matchers           TEXT NOT NULL,
    scopes             TEXT NOT NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
CREATE INDEX federation_rules_list ON federation_rules (organization_id, provider_id, created_at, id);
CREATE INDEX federation_rules_of_service_account ON federation_rules (service_account_id, created_at, id);

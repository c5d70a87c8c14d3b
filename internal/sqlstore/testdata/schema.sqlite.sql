CREATE TABLE admin_keys (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    user_id         TEXT NOT NULL REFERENCES users (id),
    hash            TEXT NOT NULL,
    redacted        TEXT NOT NULL,
    previous_hash   TEXT,
    previous_until  BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    last_used_at    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX admin_keys_hash ON admin_keys (hash);
CREATE INDEX admin_keys_list ON admin_keys (organization_id, created_at, id);
CREATE INDEX admin_keys_of_user ON admin_keys (user_id, organization_id);
CREATE UNIQUE INDEX admin_keys_previous_hash ON admin_keys (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE TABLE api_keys (
    id                 TEXT NOT NULL PRIMARY KEY,
    organization_id    TEXT NOT NULL REFERENCES organizations (id),
    project_id         TEXT NOT NULL REFERENCES projects (id),
    name               TEXT NOT NULL,
    user_id            TEXT REFERENCES users (id),
    service_account_id TEXT REFERENCES service_accounts (id),
    scopes             TEXT NOT NULL,
    hash               TEXT NOT NULL,
    redacted           TEXT NOT NULL,
    previous_hash      TEXT,
    previous_until     BIGINT NOT NULL,
    expires_at         BIGINT NOT NULL,
    last_used_at       BIGINT NOT NULL,
    created_at         BIGINT NOT NULL,
    CHECK ((user_id IS NULL) <> (service_account_id IS NULL))
);
CREATE UNIQUE INDEX api_keys_hash ON api_keys (hash);
CREATE INDEX api_keys_list ON api_keys (organization_id, project_id, created_at, id);
CREATE INDEX api_keys_of_service_account ON api_keys (service_account_id, organization_id, project_id, created_at, id);
CREATE INDEX api_keys_of_user ON api_keys (user_id, organization_id, project_id, created_at, id) WHERE user_id IS NOT NULL;
CREATE UNIQUE INDEX api_keys_previous_hash ON api_keys (previous_hash) WHERE previous_hash IS NOT NULL;
CREATE TABLE audit_checkpoints (
    organization_id TEXT NOT NULL PRIMARY KEY,
    seq             BIGINT NOT NULL,
    hash            TEXT NOT NULL,
    through         BIGINT NOT NULL,
    pruned          BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    key_id          TEXT NOT NULL,
    signature       TEXT NOT NULL
);
CREATE TABLE audit_cursors (
    sink            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    seq             BIGINT NOT NULL,
    PRIMARY KEY (sink, organization_id)
) WITHOUT ROWID;
CREATE TABLE audit_events (
    organization_id          TEXT NOT NULL,
    seq                      BIGINT NOT NULL,
    id                       TEXT NOT NULL,
    action                   TEXT NOT NULL,
    type                     TEXT NOT NULL,
    effective_at             BIGINT NOT NULL,
    late                     INTEGER NOT NULL,
    project_id               TEXT NOT NULL,
    project_name             TEXT NOT NULL,
    actor_type               TEXT NOT NULL,
    actor_user_id            TEXT NOT NULL,
    actor_email              TEXT NOT NULL,
    actor_service_account_id TEXT NOT NULL,
    actor_key_id             TEXT NOT NULL,
    actor_session_id         TEXT NOT NULL,
    actor_ip_address         TEXT NOT NULL,
    actor_user_agent         TEXT NOT NULL,
    resource_id              TEXT NOT NULL,
    details                  TEXT NOT NULL,
    prev_hash                TEXT NOT NULL,
    hash                     TEXT NOT NULL,
    PRIMARY KEY (organization_id, seq)
);
CREATE INDEX audit_events_action ON audit_events (organization_id, action, seq);
CREATE INDEX audit_events_email ON audit_events (organization_id, actor_email, seq) WHERE actor_email <> '';
CREATE UNIQUE INDEX audit_events_id ON audit_events (id);
CREATE INDEX audit_events_key ON audit_events (organization_id, actor_key_id, seq) WHERE actor_key_id <> '';
CREATE INDEX audit_events_late ON audit_events (organization_id, seq) WHERE late = 1;
CREATE INDEX audit_events_project ON audit_events (organization_id, project_id, seq);
CREATE INDEX audit_events_resource ON audit_events (organization_id, resource_id, seq);
CREATE INDEX audit_events_service_account ON audit_events (organization_id, actor_service_account_id, seq) WHERE actor_service_account_id <> '';
CREATE INDEX audit_events_time ON audit_events (organization_id, effective_at, seq) WHERE late = 0;
CREATE INDEX audit_events_type ON audit_events (organization_id, type, seq);
CREATE INDEX audit_events_user ON audit_events (organization_id, actor_user_id, seq) WHERE actor_user_id <> '';
CREATE TABLE audit_heads (
    organization_id TEXT NOT NULL PRIMARY KEY,
    seq             BIGINT NOT NULL,
    hash            TEXT NOT NULL,
    latest          BIGINT NOT NULL
);
CREATE TABLE audit_sinks (
    sink       TEXT NOT NULL PRIMARY KEY,
    holder     TEXT NOT NULL,
    held_until BIGINT NOT NULL
);
CREATE TABLE certificates (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    pem             TEXT NOT NULL,
    valid_at        BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    active          INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX certificates_list ON certificates (organization_id, created_at, id);
CREATE TABLE changes (
    version         BIGINT NOT NULL,
    ordinal         BIGINT NOT NULL,
    organization_id TEXT NOT NULL,
    kind            TEXT NOT NULL,
    object_id       TEXT NOT NULL,
    PRIMARY KEY (version, ordinal)
) WITHOUT ROWID;
CREATE TABLE checkpoint_permissions (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    checkpoint      TEXT NOT NULL,
    project_id      TEXT NOT NULL REFERENCES projects (id),
    created_at      BIGINT NOT NULL
);
CREATE INDEX checkpoint_permissions_list ON checkpoint_permissions (organization_id, checkpoint, created_at, id);
CREATE UNIQUE INDEX checkpoint_permissions_once ON checkpoint_permissions (organization_id, checkpoint, project_id);
CREATE TABLE connection_workspaces (
    connection_id   TEXT NOT NULL REFERENCES connections (id),
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (connection_id, workspace_id)
) WITHOUT ROWID;
CREATE INDEX connection_workspaces_of_workspace ON connection_workspaces (workspace_id, connection_id);
CREATE TABLE connections (
    id                    TEXT NOT NULL PRIMARY KEY,
    organization_id       TEXT NOT NULL REFERENCES organizations (id),
    name                  TEXT NOT NULL,
    description           TEXT NOT NULL,
    provider              TEXT NOT NULL,
    base_url              TEXT NOT NULL,
    api_key               TEXT NOT NULL,
    api_key_redacted      TEXT NOT NULL,
    admin_key             TEXT NOT NULL,
    admin_key_redacted    TEXT NOT NULL,
    headers               TEXT NOT NULL,
    header_names          TEXT NOT NULL,
    upstream_organization TEXT NOT NULL,
    upstream_project      TEXT NOT NULL,
    models                TEXT NOT NULL,
    discovered            TEXT NOT NULL,
    no_stream_usage       INTEGER NOT NULL,
    status                TEXT NOT NULL,
    last_error            TEXT NOT NULL,
    probed_at             BIGINT NOT NULL,
    created_at            BIGINT NOT NULL
);
CREATE INDEX connections_list ON connections (organization_id, created_at, id);
CREATE TABLE control_version (
    only_row BIGINT NOT NULL PRIMARY KEY CHECK (only_row = 1),
    version  BIGINT NOT NULL
);
CREATE TABLE deliveries (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    channel_id      TEXT REFERENCES notification_channels (id),
    recipient       TEXT NOT NULL,
    event           TEXT NOT NULL,
    reference       TEXT NOT NULL,
    body            TEXT NOT NULL,
    status          TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    response_status BIGINT NOT NULL,
    error           TEXT NOT NULL,
    next_attempt    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT NOT NULL
);
CREATE INDEX deliveries_age ON deliveries (created_at);
CREATE INDEX deliveries_channel ON deliveries (channel_id, created_at, id);
CREATE INDEX deliveries_due ON deliveries (next_attempt, id) WHERE next_attempt > 0;
CREATE INDEX deliveries_list ON deliveries (organization_id, created_at, id);
CREATE TABLE external_identities (
    subject         TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    provider        TEXT NOT NULL,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, provider, subject)
) WITHOUT ROWID;
CREATE UNIQUE INDEX external_identities_user ON external_identities (user_id, provider);
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
CREATE TABLE group_members (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    group_id        TEXT NOT NULL REFERENCES groups (id),
    principal_id    TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, group_id, principal_id)
) WITHOUT ROWID;
CREATE INDEX group_members_list ON group_members (organization_id, group_id, created_at, principal_id);
CREATE INDEX group_members_of_principal ON group_members (organization_id, principal_id, group_id);
CREATE TABLE groups (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    scim_managed    INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
, external_id TEXT NOT NULL DEFAULT '', updated_at BIGINT NOT NULL DEFAULT 0);
CREATE INDEX groups_external ON groups (organization_id, external_id) WHERE external_id <> '';
CREATE INDEX groups_list ON groups (organization_id, created_at, id);
CREATE INDEX groups_name ON groups (organization_id, name);
CREATE INDEX groups_scim ON groups (organization_id, created_at, id) WHERE scim_managed = 1;
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
CREATE INDEX invites_email ON invites (organization_id, email_key);
CREATE INDEX invites_list ON invites (organization_id, created_at, id);
CREATE UNIQUE INDEX invites_token_hash ON invites (token_hash);
CREATE TABLE ip_allowlists (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT REFERENCES projects (id),
    name            TEXT NOT NULL,
    allowed_ips     TEXT NOT NULL,
    active          INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX ip_allowlists_active ON ip_allowlists (organization_id, created_at, id) WHERE active = 1;
CREATE INDEX ip_allowlists_list ON ip_allowlists (organization_id, created_at, id);
CREATE TABLE model_endpoint_connections (
    model_endpoint_id TEXT NOT NULL REFERENCES model_endpoints (id),
    connection_id     TEXT NOT NULL REFERENCES connections (id),
    organization_id   TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (model_endpoint_id, connection_id)
) WITHOUT ROWID;
CREATE INDEX model_endpoint_connections_of_connection ON model_endpoint_connections (connection_id, model_endpoint_id);
CREATE TABLE model_endpoints (
    id                    TEXT NOT NULL PRIMARY KEY,
    organization_id       TEXT NOT NULL REFERENCES organizations (id),
    workspace_id          TEXT NOT NULL REFERENCES workspaces (id),
    name                  TEXT NOT NULL,
    upstreams             TEXT NOT NULL,
    enabled               INTEGER NOT NULL,
    max_output_tokens     BIGINT NOT NULL,
    hangup                TEXT NOT NULL,
    connect_timeout_ms    BIGINT NOT NULL,
    first_byte_timeout_ms BIGINT NOT NULL,
    idle_timeout_ms       BIGINT NOT NULL,
    total_timeout_ms      BIGINT NOT NULL,
    retries               BIGINT NOT NULL,
    created_by            TEXT NOT NULL,
    created_at            BIGINT NOT NULL
);
CREATE INDEX model_endpoints_list ON model_endpoints (organization_id, created_at, id);
CREATE UNIQUE INDEX model_endpoints_name ON model_endpoints (workspace_id, name);
CREATE TABLE notification_channels (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    shown_url       TEXT NOT NULL,
    recipients      TEXT NOT NULL,
    url             TEXT NOT NULL,
    secret          TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX notification_channels_list ON notification_channels (organization_id, created_at, id);
CREATE TABLE organizations (
    id                 TEXT NOT NULL PRIMARY KEY,
    name               TEXT NOT NULL,
    default_project_id TEXT NOT NULL,
    created_at         BIGINT NOT NULL
);
CREATE INDEX organizations_list ON organizations (created_at, id);
CREATE TABLE password_resets (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_hash      TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX password_resets_token_hash ON password_resets (token_hash);
CREATE UNIQUE INDEX password_resets_user ON password_resets (user_id);
CREATE TABLE project_certificates (
    certificate_id  TEXT NOT NULL REFERENCES certificates (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (certificate_id, project_id)
) WITHOUT ROWID;
CREATE INDEX project_certificates_of_project ON project_certificates (project_id, certificate_id);
CREATE TABLE project_members (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    principal_id    TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, project_id, principal_id)
) WITHOUT ROWID;
CREATE INDEX project_members_list ON project_members (organization_id, project_id, principal_kind, created_at, principal_id);
CREATE INDEX project_members_of_principal ON project_members (organization_id, principal_id, created_at, project_id);
CREATE TABLE projects (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    external_key_id TEXT NOT NULL,
    residency       TEXT NOT NULL,
    archived_at     BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX projects_active ON projects (organization_id, created_at, id) WHERE archived_at = 0;
CREATE INDEX projects_list ON projects (organization_id, created_at, id);
CREATE INDEX projects_of_external_key ON projects (external_key_id, organization_id) WHERE external_key_id <> '';
CREATE TABLE rate_limits (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL,
    model           TEXT NOT NULL,
    rates           TEXT NOT NULL,
    PRIMARY KEY (organization_id, project_id, model)
) WITHOUT ROWID;
CREATE TABLE role_assignments (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    principal_id    TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    role_id         TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, principal_id, project_id, role_id)
) WITHOUT ROWID;
CREATE INDEX role_assignments_list ON role_assignments (organization_id, project_id, principal_id, created_at, role_id);
CREATE INDEX role_assignments_of_role ON role_assignments (organization_id, role_id, principal_id, principal_kind);
CREATE TABLE roles (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    permissions     TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE INDEX roles_list ON roles (organization_id, project_id, created_at, id);
CREATE UNIQUE INDEX roles_name ON roles (organization_id, project_id, name);
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
CREATE INDEX scim_tokens_list ON scim_tokens (organization_id, created_at, id);
CREATE UNIQUE INDEX scim_tokens_secret ON scim_tokens (secret_hash);
CREATE TABLE second_factors (
    user_id         TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    secret          TEXT NOT NULL,
    last_step       BIGINT NOT NULL,
    recovery_codes  TEXT NOT NULL,
    confirmed_at    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE TABLE service_accounts (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    name            TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX service_accounts_list ON service_accounts (organization_id, project_id, created_at, id);
CREATE TABLE sessions (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    token_hash      TEXT NOT NULL,
    csrf_hash       TEXT NOT NULL,
    ip_address      TEXT NOT NULL,
    user_agent      TEXT NOT NULL,
    expires_at      BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
, last_used_at BIGINT NOT NULL DEFAULT 0);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_list ON sessions (organization_id, user_id, created_at, id);
CREATE UNIQUE INDEX sessions_token_hash ON sessions (token_hash);
CREATE TABLE settings (
    organization_id   TEXT NOT NULL REFERENCES organizations (id),
    project_id        TEXT NOT NULL,
    spend_limit       BIGINT NOT NULL,
    model_permissions TEXT NOT NULL,
    disabled_tools    TEXT NOT NULL,
    service_tier      TEXT NOT NULL,
    service_tiers     TEXT NOT NULL,
    data_retention    TEXT NOT NULL,
    PRIMARY KEY (organization_id, project_id)
);
CREATE TABLE shared_checkpoints (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    checkpoint      TEXT NOT NULL,
    PRIMARY KEY (organization_id, checkpoint)
);
CREATE TABLE spend_alert_firings (
    alert_id        TEXT NOT NULL,
    month           TEXT NOT NULL,
    threshold       BIGINT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    fired_at        BIGINT NOT NULL,
    PRIMARY KEY (alert_id, month, threshold)
) WITHOUT ROWID;
CREATE TABLE spend_alerts (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL,
    threshold       BIGINT NOT NULL,
    recipients      TEXT NOT NULL,
    subject_prefix  TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX spend_alerts_list ON spend_alerts (organization_id, project_id, created_at, id);
CREATE TABLE spent_sign_in_states (
    state_hash       TEXT NOT NULL PRIMARY KEY,
    organization_id  TEXT NOT NULL,
    remembered_until BIGINT NOT NULL
) WITHOUT ROWID;
CREATE INDEX spent_sign_in_states_end ON spent_sign_in_states (remembered_until);
CREATE TABLE users (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    email           TEXT NOT NULL,
    email_key       TEXT NOT NULL,
    name            TEXT NOT NULL,
    password_hash   TEXT NOT NULL,
    created_at      BIGINT NOT NULL
, technical_level TEXT NOT NULL DEFAULT '', developer_persona TEXT NOT NULL DEFAULT '', deactivated_at BIGINT NOT NULL DEFAULT 0, scim_managed INTEGER NOT NULL DEFAULT 0, external_id TEXT NOT NULL DEFAULT '', mail TEXT NOT NULL DEFAULT '', mail_key TEXT NOT NULL DEFAULT '', person TEXT NOT NULL DEFAULT '', updated_at BIGINT NOT NULL DEFAULT 0);
CREATE UNIQUE INDEX users_email ON users (email_key, organization_id);
CREATE INDEX users_external ON users (organization_id, external_id) WHERE external_id <> '';
CREATE INDEX users_list ON users (organization_id, created_at, id);
CREATE INDEX users_mail ON users (organization_id, mail_key) WHERE mail_key <> '';
CREATE TABLE vacated_places (
    organization_id TEXT NOT NULL,
    list            TEXT NOT NULL,
    holder          TEXT NOT NULL,
    id              TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    vacated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, list, holder, id)
);
CREATE INDEX vacated_places_old ON vacated_places (vacated_at);
CREATE TABLE waiting_mail (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind            TEXT NOT NULL,
    reference       TEXT NOT NULL,
    sealed          TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt    BIGINT NOT NULL,
    give_up         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX waiting_mail_due ON waiting_mail (next_attempt, id);
CREATE INDEX waiting_mail_reference ON waiting_mail (organization_id, reference);
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
CREATE TABLE workspace_memberships (
    workspace_id    TEXT NOT NULL REFERENCES workspaces (id),
    principal_id    TEXT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    principal_kind  TEXT NOT NULL,
    role            TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, principal_id)
);
CREATE INDEX workspace_memberships_list ON workspace_memberships (organization_id, workspace_id, created_at, principal_id);
CREATE INDEX workspace_memberships_of_principal ON workspace_memberships (organization_id, principal_id, created_at, workspace_id);
CREATE TABLE workspaces (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    project_ids     TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX workspaces_list ON workspaces (organization_id, created_at, id);
CREATE UNIQUE INDEX workspaces_name ON workspaces (organization_id, name);

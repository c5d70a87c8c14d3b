admin_keys
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  hash text COLLATE C NOT NULL
  redacted text COLLATE C NOT NULL
  previous_hash text COLLATE C
  previous_until bigint NOT NULL
  expires_at bigint NOT NULL
  last_used_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint admin_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint admin_keys_pkey PRIMARY KEY (id)
  constraint admin_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
  CREATE UNIQUE INDEX admin_keys_hash ON admin_keys USING btree (hash)
  CREATE INDEX admin_keys_list ON admin_keys USING btree (organization_id, created_at, id)
  CREATE INDEX admin_keys_of_user ON admin_keys USING btree (user_id, organization_id)
  CREATE UNIQUE INDEX admin_keys_pkey ON admin_keys USING btree (id)
  CREATE UNIQUE INDEX admin_keys_previous_hash ON admin_keys USING btree (previous_hash) WHERE (previous_hash IS NOT NULL)
api_keys
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  user_id text COLLATE C
  service_account_id text COLLATE C
  scopes text COLLATE C NOT NULL
  hash text COLLATE C NOT NULL
  redacted text COLLATE C NOT NULL
  previous_hash text COLLATE C
  previous_until bigint NOT NULL
  expires_at bigint NOT NULL
  last_used_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint api_keys_check CHECK (((user_id IS NULL) <> (service_account_id IS NULL)))
  constraint api_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint api_keys_pkey PRIMARY KEY (id)
  constraint api_keys_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  constraint api_keys_service_account_id_fkey FOREIGN KEY (service_account_id) REFERENCES service_accounts(id)
  constraint api_keys_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
  CREATE UNIQUE INDEX api_keys_hash ON api_keys USING btree (hash)
  CREATE INDEX api_keys_list ON api_keys USING btree (organization_id, project_id, created_at, id)
  CREATE INDEX api_keys_of_service_account ON api_keys USING btree (service_account_id, organization_id, project_id, created_at, id)
  CREATE INDEX api_keys_of_user ON api_keys USING btree (user_id, organization_id, project_id, created_at, id) WHERE (user_id IS NOT NULL)
  CREATE UNIQUE INDEX api_keys_pkey ON api_keys USING btree (id)
  CREATE UNIQUE INDEX api_keys_previous_hash ON api_keys USING btree (previous_hash) WHERE (previous_hash IS NOT NULL)
audit_checkpoints
  organization_id text COLLATE C NOT NULL
  seq bigint NOT NULL
  hash text COLLATE C NOT NULL
  through bigint NOT NULL
  pruned bigint NOT NULL
  created_at bigint NOT NULL
  key_id text COLLATE C NOT NULL
  signature text COLLATE C NOT NULL
  constraint audit_checkpoints_pkey PRIMARY KEY (organization_id)
  CREATE UNIQUE INDEX audit_checkpoints_pkey ON audit_checkpoints USING btree (organization_id)
audit_cursors
  sink text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  seq bigint NOT NULL
  constraint audit_cursors_pkey PRIMARY KEY (sink, organization_id)
  CREATE UNIQUE INDEX audit_cursors_pkey ON audit_cursors USING btree (sink, organization_id)
audit_events
  organization_id text COLLATE C NOT NULL
  seq bigint NOT NULL
  id text COLLATE C NOT NULL
  action text COLLATE C NOT NULL
  type text COLLATE C NOT NULL
  effective_at bigint NOT NULL
  late integer NOT NULL
  project_id text COLLATE C NOT NULL
  project_name text COLLATE C NOT NULL
  actor_type text COLLATE C NOT NULL
  actor_user_id text COLLATE C NOT NULL
  actor_email text COLLATE C NOT NULL
  actor_service_account_id text COLLATE C NOT NULL
  actor_key_id text COLLATE C NOT NULL
  actor_session_id text COLLATE C NOT NULL
  actor_ip_address text COLLATE C NOT NULL
  actor_user_agent text COLLATE C NOT NULL
  resource_id text COLLATE C NOT NULL
  details text COLLATE C NOT NULL
  prev_hash text COLLATE C NOT NULL
  hash text COLLATE C NOT NULL
  constraint audit_events_pkey PRIMARY KEY (organization_id, seq)
  CREATE INDEX audit_events_action ON audit_events USING btree (organization_id, action, seq)
  CREATE INDEX audit_events_email ON audit_events USING btree (organization_id, actor_email, seq) WHERE (actor_email <> ''::text)
  CREATE UNIQUE INDEX audit_events_id ON audit_events USING btree (id)
  CREATE INDEX audit_events_key ON audit_events USING btree (organization_id, actor_key_id, seq) WHERE (actor_key_id <> ''::text)
  CREATE INDEX audit_events_late ON audit_events USING btree (organization_id, seq) WHERE (late = 1)
  CREATE UNIQUE INDEX audit_events_pkey ON audit_events USING btree (organization_id, seq)
  CREATE INDEX audit_events_project ON audit_events USING btree (organization_id, project_id, seq)
  CREATE INDEX audit_events_resource ON audit_events USING btree (organization_id, resource_id, seq)
  CREATE INDEX audit_events_service_account ON audit_events USING btree (organization_id, actor_service_account_id, seq) WHERE (actor_service_account_id <> ''::text)
  CREATE INDEX audit_events_time ON audit_events USING btree (organization_id, effective_at, seq) WHERE (late = 0)
  CREATE INDEX audit_events_type ON audit_events USING btree (organization_id, type, seq)
  CREATE INDEX audit_events_user ON audit_events USING btree (organization_id, actor_user_id, seq) WHERE (actor_user_id <> ''::text)
audit_heads
  organization_id text COLLATE C NOT NULL
  seq bigint NOT NULL
  hash text COLLATE C NOT NULL
  latest bigint NOT NULL
  constraint audit_heads_pkey PRIMARY KEY (organization_id)
  CREATE UNIQUE INDEX audit_heads_pkey ON audit_heads USING btree (organization_id)
audit_sinks
  sink text COLLATE C NOT NULL
  holder text COLLATE C NOT NULL
  held_until bigint NOT NULL
  constraint audit_sinks_pkey PRIMARY KEY (sink)
  CREATE UNIQUE INDEX audit_sinks_pkey ON audit_sinks USING btree (sink)
certificates
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  pem text COLLATE C NOT NULL
  valid_at bigint NOT NULL
  expires_at bigint NOT NULL
  active integer NOT NULL
  created_at bigint NOT NULL
  constraint certificates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint certificates_pkey PRIMARY KEY (id)
  CREATE INDEX certificates_list ON certificates USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX certificates_pkey ON certificates USING btree (id)
changes
  version bigint NOT NULL
  ordinal bigint NOT NULL
  organization_id text COLLATE C NOT NULL
  kind text COLLATE C NOT NULL
  object_id text COLLATE C NOT NULL
  constraint changes_pkey PRIMARY KEY (version, ordinal)
  CREATE UNIQUE INDEX changes_pkey ON changes USING btree (version, ordinal)
checkpoint_permissions
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  checkpoint text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint checkpoint_permissions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint checkpoint_permissions_pkey PRIMARY KEY (id)
  constraint checkpoint_permissions_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX checkpoint_permissions_list ON checkpoint_permissions USING btree (organization_id, checkpoint, created_at, id)
  CREATE UNIQUE INDEX checkpoint_permissions_once ON checkpoint_permissions USING btree (organization_id, checkpoint, project_id)
  CREATE UNIQUE INDEX checkpoint_permissions_pkey ON checkpoint_permissions USING btree (id)
connection_workspaces
  connection_id text COLLATE C NOT NULL
  workspace_id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  constraint connection_workspaces_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES connections(id)
  constraint connection_workspaces_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint connection_workspaces_pkey PRIMARY KEY (connection_id, workspace_id)
  constraint connection_workspaces_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id)
  CREATE INDEX connection_workspaces_of_workspace ON connection_workspaces USING btree (workspace_id, connection_id)
  CREATE UNIQUE INDEX connection_workspaces_pkey ON connection_workspaces USING btree (connection_id, workspace_id)
connections
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  description text COLLATE C NOT NULL
  provider text COLLATE C NOT NULL
  base_url text COLLATE C NOT NULL
  api_key text COLLATE C NOT NULL
  api_key_redacted text COLLATE C NOT NULL
  admin_key text COLLATE C NOT NULL
  admin_key_redacted text COLLATE C NOT NULL
  headers text COLLATE C NOT NULL
  header_names text COLLATE C NOT NULL
  upstream_organization text COLLATE C NOT NULL
  upstream_project text COLLATE C NOT NULL
  models text COLLATE C NOT NULL
  discovered text COLLATE C NOT NULL
  no_stream_usage integer NOT NULL
  status text COLLATE C NOT NULL
  last_error text COLLATE C NOT NULL
  probed_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint connections_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint connections_pkey PRIMARY KEY (id)
  CREATE INDEX connections_list ON connections USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX connections_pkey ON connections USING btree (id)
control_version
  only_row bigint NOT NULL
  version bigint NOT NULL
  constraint control_version_only_row_check CHECK ((only_row = 1))
  constraint control_version_pkey PRIMARY KEY (only_row)
  CREATE UNIQUE INDEX control_version_pkey ON control_version USING btree (only_row)
deliveries
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  channel_id text COLLATE C
  recipient text COLLATE C NOT NULL
  event text COLLATE C NOT NULL
  reference text COLLATE C NOT NULL
  body text COLLATE C NOT NULL
  status text COLLATE C NOT NULL
  attempts bigint NOT NULL
  response_status bigint NOT NULL
  error text COLLATE C NOT NULL
  next_attempt bigint NOT NULL
  created_at bigint NOT NULL
  finished_at bigint NOT NULL
  constraint deliveries_channel_id_fkey FOREIGN KEY (channel_id) REFERENCES notification_channels(id)
  constraint deliveries_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint deliveries_pkey PRIMARY KEY (id)
  CREATE INDEX deliveries_age ON deliveries USING btree (created_at)
  CREATE INDEX deliveries_channel ON deliveries USING btree (channel_id, created_at, id)
  CREATE INDEX deliveries_due ON deliveries USING btree (next_attempt, id) WHERE (next_attempt > 0)
  CREATE INDEX deliveries_list ON deliveries USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX deliveries_pkey ON deliveries USING btree (id)
external_identities
  subject text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  provider text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint external_identities_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint external_identities_pkey PRIMARY KEY (organization_id, provider, subject)
  constraint external_identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX external_identities_pkey ON external_identities USING btree (organization_id, provider, subject)
  CREATE UNIQUE INDEX external_identities_user ON external_identities USING btree (user_id, provider)
external_keys
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  cloud text COLLATE C NOT NULL
  purpose text COLLATE C NOT NULL
  config text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint external_keys_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint external_keys_pkey PRIMARY KEY (id)
  CREATE INDEX external_keys_list ON external_keys USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX external_keys_pkey ON external_keys USING btree (id)
external_storage
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  cloud text COLLATE C NOT NULL
  provider text COLLATE C NOT NULL
  geography text COLLATE C NOT NULL
  status text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint external_storage_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint external_storage_pkey PRIMARY KEY (id)
  constraint external_storage_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX external_storage_list ON external_storage USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX external_storage_pkey ON external_storage USING btree (id)
federation_rules
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  provider_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  service_account_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  description text COLLATE C NOT NULL
  enabled integer NOT NULL
  matchers text COLLATE C NOT NULL
  scopes text COLLATE C NOT NULL
  created_at bigint NOT NULL
  updated_at bigint NOT NULL
  constraint federation_rules_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint federation_rules_pkey PRIMARY KEY (id)
  constraint federation_rules_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  constraint federation_rules_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES workload_identity_providers(id)
  constraint federation_rules_service_account_id_fkey FOREIGN KEY (service_account_id) REFERENCES service_accounts(id)
  CREATE INDEX federation_rules_list ON federation_rules USING btree (organization_id, provider_id, created_at, id)
  CREATE INDEX federation_rules_of_service_account ON federation_rules USING btree (service_account_id, created_at, id)
  CREATE UNIQUE INDEX federation_rules_pkey ON federation_rules USING btree (id)
group_members
  organization_id text COLLATE C NOT NULL
  group_id text COLLATE C NOT NULL
  principal_id text COLLATE C NOT NULL
  principal_kind text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint group_members_group_id_fkey FOREIGN KEY (group_id) REFERENCES groups(id)
  constraint group_members_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint group_members_pkey PRIMARY KEY (organization_id, group_id, principal_id)
  CREATE INDEX group_members_list ON group_members USING btree (organization_id, group_id, created_at, principal_id)
  CREATE INDEX group_members_of_principal ON group_members USING btree (organization_id, principal_id, group_id)
  CREATE UNIQUE INDEX group_members_pkey ON group_members USING btree (organization_id, group_id, principal_id)
groups
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  scim_managed integer NOT NULL
  created_at bigint NOT NULL
  external_id text COLLATE C NOT NULL DEFAULT ''::text
  updated_at bigint NOT NULL DEFAULT 0
  constraint groups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint groups_pkey PRIMARY KEY (id)
  CREATE INDEX groups_external ON groups USING btree (organization_id, external_id) WHERE (external_id <> ''::text)
  CREATE INDEX groups_list ON groups USING btree (organization_id, created_at, id)
  CREATE INDEX groups_name ON groups USING btree (organization_id, name)
  CREATE UNIQUE INDEX groups_pkey ON groups USING btree (id)
  CREATE INDEX groups_scim ON groups USING btree (organization_id, created_at, id) WHERE (scim_managed = 1)
invites
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  email text COLLATE C NOT NULL
  email_key text COLLATE C NOT NULL
  role text COLLATE C NOT NULL
  projects text COLLATE C NOT NULL
  token_hash text COLLATE C
  granted_by text COLLATE C NOT NULL
  expires_at bigint NOT NULL
  accepted_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint invites_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint invites_pkey PRIMARY KEY (id)
  CREATE INDEX invites_email ON invites USING btree (organization_id, email_key)
  CREATE INDEX invites_list ON invites USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX invites_pkey ON invites USING btree (id)
  CREATE UNIQUE INDEX invites_token_hash ON invites USING btree (token_hash)
ip_allowlists
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C
  name text COLLATE C NOT NULL
  allowed_ips text COLLATE C NOT NULL
  active integer NOT NULL
  created_at bigint NOT NULL
  constraint ip_allowlists_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint ip_allowlists_pkey PRIMARY KEY (id)
  constraint ip_allowlists_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX ip_allowlists_active ON ip_allowlists USING btree (organization_id, created_at, id) WHERE (active = 1)
  CREATE INDEX ip_allowlists_list ON ip_allowlists USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX ip_allowlists_pkey ON ip_allowlists USING btree (id)
model_endpoint_connections
  model_endpoint_id text COLLATE C NOT NULL
  connection_id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  constraint model_endpoint_connections_connection_id_fkey FOREIGN KEY (connection_id) REFERENCES connections(id)
  constraint model_endpoint_connections_model_endpoint_id_fkey FOREIGN KEY (model_endpoint_id) REFERENCES model_endpoints(id)
  constraint model_endpoint_connections_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint model_endpoint_connections_pkey PRIMARY KEY (model_endpoint_id, connection_id)
  CREATE INDEX model_endpoint_connections_of_connection ON model_endpoint_connections USING btree (connection_id, model_endpoint_id)
  CREATE UNIQUE INDEX model_endpoint_connections_pkey ON model_endpoint_connections USING btree (model_endpoint_id, connection_id)
model_endpoints
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  workspace_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  upstreams text COLLATE C NOT NULL
  enabled integer NOT NULL
  max_output_tokens bigint NOT NULL
  hangup text COLLATE C NOT NULL
  connect_timeout_ms bigint NOT NULL
  first_byte_timeout_ms bigint NOT NULL
  idle_timeout_ms bigint NOT NULL
  total_timeout_ms bigint NOT NULL
  retries bigint NOT NULL
  created_by text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint model_endpoints_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint model_endpoints_pkey PRIMARY KEY (id)
  constraint model_endpoints_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id)
  CREATE INDEX model_endpoints_list ON model_endpoints USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX model_endpoints_name ON model_endpoints USING btree (workspace_id, name)
  CREATE UNIQUE INDEX model_endpoints_pkey ON model_endpoints USING btree (id)
notification_channels
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  kind text COLLATE C NOT NULL
  shown_url text COLLATE C NOT NULL
  recipients text COLLATE C NOT NULL
  url text COLLATE C NOT NULL
  secret text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint notification_channels_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint notification_channels_pkey PRIMARY KEY (id)
  CREATE INDEX notification_channels_list ON notification_channels USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX notification_channels_pkey ON notification_channels USING btree (id)
organizations
  id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  default_project_id text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint organizations_pkey PRIMARY KEY (id)
  CREATE INDEX organizations_list ON organizations USING btree (created_at, id)
  CREATE UNIQUE INDEX organizations_pkey ON organizations USING btree (id)
password_resets
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  token_hash text COLLATE C NOT NULL
  created_by text COLLATE C NOT NULL
  expires_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint password_resets_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint password_resets_pkey PRIMARY KEY (id)
  constraint password_resets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX password_resets_pkey ON password_resets USING btree (id)
  CREATE UNIQUE INDEX password_resets_token_hash ON password_resets USING btree (token_hash)
  CREATE UNIQUE INDEX password_resets_user ON password_resets USING btree (user_id)
project_certificates
  certificate_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  constraint project_certificates_certificate_id_fkey FOREIGN KEY (certificate_id) REFERENCES certificates(id)
  constraint project_certificates_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint project_certificates_pkey PRIMARY KEY (certificate_id, project_id)
  constraint project_certificates_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX project_certificates_of_project ON project_certificates USING btree (project_id, certificate_id)
  CREATE UNIQUE INDEX project_certificates_pkey ON project_certificates USING btree (certificate_id, project_id)
project_members
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  principal_id text COLLATE C NOT NULL
  principal_kind text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint project_members_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint project_members_pkey PRIMARY KEY (organization_id, project_id, principal_id)
  constraint project_members_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX project_members_list ON project_members USING btree (organization_id, project_id, principal_kind, created_at, principal_id)
  CREATE INDEX project_members_of_principal ON project_members USING btree (organization_id, principal_id, created_at, project_id)
  CREATE UNIQUE INDEX project_members_pkey ON project_members USING btree (organization_id, project_id, principal_id)
projects
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  external_key_id text COLLATE C NOT NULL
  residency text COLLATE C NOT NULL
  archived_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint projects_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint projects_pkey PRIMARY KEY (id)
  CREATE INDEX projects_active ON projects USING btree (organization_id, created_at, id) WHERE (archived_at = 0)
  CREATE INDEX projects_list ON projects USING btree (organization_id, created_at, id)
  CREATE INDEX projects_of_external_key ON projects USING btree (external_key_id, organization_id) WHERE (external_key_id <> ''::text)
  CREATE UNIQUE INDEX projects_pkey ON projects USING btree (id)
rate_limits
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  model text COLLATE C NOT NULL
  rates text COLLATE C NOT NULL
  constraint rate_limits_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint rate_limits_pkey PRIMARY KEY (organization_id, project_id, model)
  CREATE UNIQUE INDEX rate_limits_pkey ON rate_limits USING btree (organization_id, project_id, model)
role_assignments
  organization_id text COLLATE C NOT NULL
  principal_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  role_id text COLLATE C NOT NULL
  principal_kind text COLLATE C NOT NULL
  created_by text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint role_assignments_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint role_assignments_pkey PRIMARY KEY (organization_id, principal_id, project_id, role_id)
  CREATE INDEX role_assignments_list ON role_assignments USING btree (organization_id, project_id, principal_id, created_at, role_id)
  CREATE INDEX role_assignments_of_role ON role_assignments USING btree (organization_id, role_id, principal_id, principal_kind)
  CREATE UNIQUE INDEX role_assignments_pkey ON role_assignments USING btree (organization_id, principal_id, project_id, role_id)
roles
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  description text COLLATE C NOT NULL
  permissions text COLLATE C NOT NULL
  created_by text COLLATE C NOT NULL
  created_at bigint NOT NULL
  updated_at bigint NOT NULL
  constraint roles_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint roles_pkey PRIMARY KEY (id)
  CREATE INDEX roles_list ON roles USING btree (organization_id, project_id, created_at, id)
  CREATE UNIQUE INDEX roles_name ON roles USING btree (organization_id, project_id, name)
  CREATE UNIQUE INDEX roles_pkey ON roles USING btree (id)
scim_tokens
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  secret_hash text COLLATE C NOT NULL
  redacted text COLLATE C NOT NULL
  created_by text COLLATE C NOT NULL
  expires_at bigint NOT NULL
  last_used_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint scim_tokens_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint scim_tokens_pkey PRIMARY KEY (id)
  CREATE INDEX scim_tokens_list ON scim_tokens USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX scim_tokens_pkey ON scim_tokens USING btree (id)
  CREATE UNIQUE INDEX scim_tokens_secret ON scim_tokens USING btree (secret_hash)
second_factors
  user_id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  secret text COLLATE C NOT NULL
  last_step bigint NOT NULL
  recovery_codes text COLLATE C NOT NULL
  confirmed_at bigint NOT NULL
  created_at bigint NOT NULL
  constraint second_factors_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint second_factors_pkey PRIMARY KEY (user_id)
  constraint second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
  CREATE UNIQUE INDEX second_factors_pkey ON second_factors USING btree (user_id)
service_accounts
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint service_accounts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint service_accounts_pkey PRIMARY KEY (id)
  constraint service_accounts_project_id_fkey FOREIGN KEY (project_id) REFERENCES projects(id)
  CREATE INDEX service_accounts_list ON service_accounts USING btree (organization_id, project_id, created_at, id)
  CREATE UNIQUE INDEX service_accounts_pkey ON service_accounts USING btree (id)
sessions
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  token_hash text COLLATE C NOT NULL
  csrf_hash text COLLATE C NOT NULL
  ip_address text COLLATE C NOT NULL
  user_agent text COLLATE C NOT NULL
  expires_at bigint NOT NULL
  created_at bigint NOT NULL
  last_used_at bigint NOT NULL DEFAULT 0
  constraint sessions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint sessions_pkey PRIMARY KEY (id)
  constraint sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id)
  CREATE INDEX sessions_expiry ON sessions USING btree (expires_at)
  CREATE INDEX sessions_list ON sessions USING btree (organization_id, user_id, created_at, id)
  CREATE UNIQUE INDEX sessions_pkey ON sessions USING btree (id)
  CREATE UNIQUE INDEX sessions_token_hash ON sessions USING btree (token_hash)
settings
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  spend_limit bigint NOT NULL
  model_permissions text COLLATE C NOT NULL
  disabled_tools text COLLATE C NOT NULL
  service_tier text COLLATE C NOT NULL
  service_tiers text COLLATE C NOT NULL
  data_retention text COLLATE C NOT NULL
  constraint settings_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint settings_pkey PRIMARY KEY (organization_id, project_id)
  CREATE UNIQUE INDEX settings_pkey ON settings USING btree (organization_id, project_id)
shared_checkpoints
  organization_id text COLLATE C NOT NULL
  checkpoint text COLLATE C NOT NULL
  constraint shared_checkpoints_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint shared_checkpoints_pkey PRIMARY KEY (organization_id, checkpoint)
  CREATE UNIQUE INDEX shared_checkpoints_pkey ON shared_checkpoints USING btree (organization_id, checkpoint)
spend_alert_firings
  alert_id text COLLATE C NOT NULL
  month text COLLATE C NOT NULL
  threshold bigint NOT NULL
  organization_id text COLLATE C NOT NULL
  fired_at bigint NOT NULL
  constraint spend_alert_firings_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint spend_alert_firings_pkey PRIMARY KEY (alert_id, month, threshold)
  CREATE UNIQUE INDEX spend_alert_firings_pkey ON spend_alert_firings USING btree (alert_id, month, threshold)
spend_alerts
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  threshold bigint NOT NULL
  recipients text COLLATE C NOT NULL
  subject_prefix text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint spend_alerts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint spend_alerts_pkey PRIMARY KEY (id)
  CREATE INDEX spend_alerts_list ON spend_alerts USING btree (organization_id, project_id, created_at, id)
  CREATE UNIQUE INDEX spend_alerts_pkey ON spend_alerts USING btree (id)
spent_sign_in_states
  state_hash text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  remembered_until bigint NOT NULL
  constraint spent_sign_in_states_pkey PRIMARY KEY (state_hash)
  CREATE INDEX spent_sign_in_states_end ON spent_sign_in_states USING btree (remembered_until)
  CREATE UNIQUE INDEX spent_sign_in_states_pkey ON spent_sign_in_states USING btree (state_hash)
users
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  email text COLLATE C NOT NULL
  email_key text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  password_hash text COLLATE C NOT NULL
  created_at bigint NOT NULL
  technical_level text COLLATE C NOT NULL DEFAULT ''::text
  developer_persona text COLLATE C NOT NULL DEFAULT ''::text
  deactivated_at bigint NOT NULL DEFAULT 0
  scim_managed integer NOT NULL DEFAULT 0
  external_id text COLLATE C NOT NULL DEFAULT ''::text
  mail text COLLATE C NOT NULL DEFAULT ''::text
  mail_key text COLLATE C NOT NULL DEFAULT ''::text
  person text COLLATE C NOT NULL DEFAULT ''::text
  updated_at bigint NOT NULL DEFAULT 0
  constraint users_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint users_pkey PRIMARY KEY (id)
  CREATE UNIQUE INDEX users_email ON users USING btree (email_key, organization_id)
  CREATE INDEX users_external ON users USING btree (organization_id, external_id) WHERE (external_id <> ''::text)
  CREATE INDEX users_list ON users USING btree (organization_id, created_at, id)
  CREATE INDEX users_mail ON users USING btree (organization_id, mail_key) WHERE (mail_key <> ''::text)
  CREATE UNIQUE INDEX users_pkey ON users USING btree (id)
vacated_places
  organization_id text COLLATE C NOT NULL
  list text COLLATE C NOT NULL
  holder text COLLATE C NOT NULL
  id text COLLATE C NOT NULL
  created_at bigint NOT NULL
  vacated_at bigint NOT NULL
  constraint vacated_places_pkey PRIMARY KEY (organization_id, list, holder, id)
  CREATE INDEX vacated_places_old ON vacated_places USING btree (vacated_at)
  CREATE UNIQUE INDEX vacated_places_pkey ON vacated_places USING btree (organization_id, list, holder, id)
waiting_mail
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  kind text COLLATE C NOT NULL
  reference text COLLATE C NOT NULL
  sealed text COLLATE C NOT NULL
  attempts bigint NOT NULL
  next_attempt bigint NOT NULL
  give_up bigint NOT NULL
  created_at bigint NOT NULL
  constraint waiting_mail_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint waiting_mail_pkey PRIMARY KEY (id)
  CREATE INDEX waiting_mail_due ON waiting_mail USING btree (next_attempt, id)
  CREATE UNIQUE INDEX waiting_mail_pkey ON waiting_mail USING btree (id)
  CREATE INDEX waiting_mail_reference ON waiting_mail USING btree (organization_id, reference)
workload_identity_providers
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  description text COLLATE C NOT NULL
  issuer text COLLATE C NOT NULL
  audience text COLLATE C NOT NULL
  enabled integer NOT NULL
  verification text COLLATE C NOT NULL
  transformations text COLLATE C NOT NULL
  created_at bigint NOT NULL
  updated_at bigint NOT NULL
  constraint workload_identity_providers_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint workload_identity_providers_pkey PRIMARY KEY (id)
  CREATE INDEX workload_identity_providers_list ON workload_identity_providers USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX workload_identity_providers_pkey ON workload_identity_providers USING btree (id)
workspace_memberships
  workspace_id text COLLATE C NOT NULL
  principal_id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  principal_kind text COLLATE C NOT NULL
  role text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint workspace_memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint workspace_memberships_pkey PRIMARY KEY (workspace_id, principal_id)
  constraint workspace_memberships_workspace_id_fkey FOREIGN KEY (workspace_id) REFERENCES workspaces(id)
  CREATE INDEX workspace_memberships_list ON workspace_memberships USING btree (organization_id, workspace_id, created_at, principal_id)
  CREATE INDEX workspace_memberships_of_principal ON workspace_memberships USING btree (organization_id, principal_id, created_at, workspace_id)
  CREATE UNIQUE INDEX workspace_memberships_pkey ON workspace_memberships USING btree (workspace_id, principal_id)
workspaces
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  name text COLLATE C NOT NULL
  project_ids text COLLATE C NOT NULL
  created_at bigint NOT NULL
  constraint workspaces_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id)
  constraint workspaces_pkey PRIMARY KEY (id)
  CREATE INDEX workspaces_list ON workspaces USING btree (organization_id, created_at, id)
  CREATE UNIQUE INDEX workspaces_name ON workspaces USING btree (organization_id, name)
  CREATE UNIQUE INDEX workspaces_pkey ON workspaces USING btree (id)

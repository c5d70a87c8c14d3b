CREATE TABLE upstream_objects (
  id              TEXT NOT NULL,
  organization_id TEXT NOT NULL,
  connection_id   TEXT NOT NULL,
  kind            TEXT NOT NULL,
  project_id      TEXT NOT NULL,
  api_key_id      TEXT NOT NULL,
  user_id         TEXT NOT NULL,
  made            BIGINT NOT NULL,
  deleted         BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (id, organization_id, connection_id)
) WITHOUT ROWID;
CREATE TABLE usage_callers (
  id              INTEGER PRIMARY KEY,
  digest          TEXT NOT NULL UNIQUE,
  organization_id TEXT NOT NULL,
  level           BIGINT NOT NULL,
  project_id      TEXT NOT NULL,
  api_key_id      TEXT NOT NULL,
  user_id         TEXT NOT NULL
);
CREATE INDEX usage_callers_by_api_key ON usage_callers (organization_id, level, api_key_id);
CREATE INDEX usage_callers_by_project ON usage_callers (organization_id, level, project_id);
CREATE INDEX usage_callers_by_user ON usage_callers (organization_id, level, user_id);
CREATE TABLE usage_cost_days (
  bucket      BIGINT NOT NULL,
  caller      BIGINT NOT NULL,
  item        BIGINT NOT NULL,
  quantity    BIGINT NOT NULL,
  amount_nano BIGINT NOT NULL,
  amount_atto BIGINT NOT NULL,
  priced      BIGINT NOT NULL,
  unpriced    BIGINT NOT NULL,
  PRIMARY KEY (bucket, caller, item)
) WITHOUT ROWID;
CREATE TABLE usage_days (
  bucket       BIGINT NOT NULL,
  caller       BIGINT NOT NULL,
  item         BIGINT NOT NULL,
  requests     BIGINT NOT NULL,
  input_text   BIGINT NOT NULL,
  input_audio  BIGINT NOT NULL DEFAULT 0,
  input_image  BIGINT NOT NULL DEFAULT 0,
  cached_text  BIGINT NOT NULL,
  cached_audio BIGINT NOT NULL DEFAULT 0,
  cached_image BIGINT NOT NULL DEFAULT 0,
  cache_write  BIGINT NOT NULL,
  output_text  BIGINT NOT NULL,
  output_audio BIGINT NOT NULL DEFAULT 0,
  output_image BIGINT NOT NULL DEFAULT 0,
  images       BIGINT NOT NULL DEFAULT 0,
  characters   BIGINT NOT NULL DEFAULT 0,
  millis       BIGINT NOT NULL DEFAULT 0,
  bytes        BIGINT NOT NULL DEFAULT 0,
  sessions     BIGINT NOT NULL DEFAULT 0,
  tool_calls   BIGINT NOT NULL DEFAULT 0,
  reasoning    BIGINT NOT NULL,
  choices      BIGINT NOT NULL,
  PRIMARY KEY (bucket, caller, item)
) WITHOUT ROWID;
CREATE TABLE usage_hours (
  bucket       BIGINT NOT NULL,
  caller       BIGINT NOT NULL,
  item         BIGINT NOT NULL,
  requests     BIGINT NOT NULL,
  input_text   BIGINT NOT NULL,
  input_audio  BIGINT NOT NULL DEFAULT 0,
  input_image  BIGINT NOT NULL DEFAULT 0,
  cached_text  BIGINT NOT NULL,
  cached_audio BIGINT NOT NULL DEFAULT 0,
  cached_image BIGINT NOT NULL DEFAULT 0,
  cache_write  BIGINT NOT NULL,
  output_text  BIGINT NOT NULL,
  output_audio BIGINT NOT NULL DEFAULT 0,
  output_image BIGINT NOT NULL DEFAULT 0,
  images       BIGINT NOT NULL DEFAULT 0,
  characters   BIGINT NOT NULL DEFAULT 0,
  millis       BIGINT NOT NULL DEFAULT 0,
  bytes        BIGINT NOT NULL DEFAULT 0,
  sessions     BIGINT NOT NULL DEFAULT 0,
  tool_calls   BIGINT NOT NULL DEFAULT 0,
  reasoning    BIGINT NOT NULL,
  choices      BIGINT NOT NULL,
  PRIMARY KEY (bucket, caller, item)
) WITHOUT ROWID;
CREATE TABLE usage_items (
  id              INTEGER PRIMARY KEY,
  digest          TEXT NOT NULL UNIQUE,
  kind            TEXT NOT NULL,
  model           TEXT NOT NULL,
  service_tier    TEXT NOT NULL,
  batch           TEXT NOT NULL,
  size            TEXT NOT NULL,
  source          TEXT NOT NULL,
  context_level   TEXT NOT NULL,
  vector_store_id TEXT NOT NULL,
  line_item       TEXT NOT NULL,
  unit            TEXT NOT NULL
);
CREATE TABLE usage_marks (
  node     TEXT NOT NULL PRIMARY KEY,
  position BIGINT NOT NULL
) WITHOUT ROWID;
CREATE TABLE usage_minutes (
  bucket       BIGINT NOT NULL,
  caller       BIGINT NOT NULL,
  item         BIGINT NOT NULL,
  requests     BIGINT NOT NULL,
  input_text   BIGINT NOT NULL,
  input_audio  BIGINT NOT NULL DEFAULT 0,
  input_image  BIGINT NOT NULL DEFAULT 0,
  cached_text  BIGINT NOT NULL,
  cached_audio BIGINT NOT NULL DEFAULT 0,
  cached_image BIGINT NOT NULL DEFAULT 0,
  cache_write  BIGINT NOT NULL,
  output_text  BIGINT NOT NULL,
  output_audio BIGINT NOT NULL DEFAULT 0,
  output_image BIGINT NOT NULL DEFAULT 0,
  images       BIGINT NOT NULL DEFAULT 0,
  characters   BIGINT NOT NULL DEFAULT 0,
  millis       BIGINT NOT NULL DEFAULT 0,
  bytes        BIGINT NOT NULL DEFAULT 0,
  sessions     BIGINT NOT NULL DEFAULT 0,
  tool_calls   BIGINT NOT NULL DEFAULT 0,
  reasoning    BIGINT NOT NULL,
  choices      BIGINT NOT NULL,
  PRIMARY KEY (bucket, caller, item)
) WITHOUT ROWID;
CREATE TABLE usage_requests (
  id                TEXT NOT NULL PRIMARY KEY,
  organization_id   TEXT NOT NULL,
  project_id        TEXT NOT NULL,
  api_key_id        TEXT NOT NULL,
  received          BIGINT NOT NULL,
  user_id           TEXT NOT NULL,
  model_asked       TEXT NOT NULL,
  model             TEXT NOT NULL,
  model_endpoint_id TEXT NOT NULL,
  status            BIGINT NOT NULL,
  error_code        TEXT NOT NULL,
  outcome           TEXT NOT NULL,
  latency_us        BIGINT NOT NULL,
  detail            TEXT NOT NULL
);
CREATE INDEX usage_requests_by_api_key ON usage_requests (api_key_id, received);
CREATE INDEX usage_requests_by_organization ON usage_requests (organization_id, received);
CREATE INDEX usage_requests_by_project ON usage_requests (project_id, received);
CREATE INDEX usage_requests_failed ON usage_requests (organization_id, received)
  WHERE outcome <> 'completed' OR status >= 400 OR error_code <> '';

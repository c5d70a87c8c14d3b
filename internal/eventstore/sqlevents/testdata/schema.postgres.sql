upstream_objects
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  connection_id text COLLATE C NOT NULL
  kind text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  api_key_id text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  made bigint NOT NULL
  deleted bigint NOT NULL DEFAULT 0
  constraint upstream_objects_pkey PRIMARY KEY (id, organization_id, connection_id)
  CREATE UNIQUE INDEX upstream_objects_pkey ON upstream_objects USING btree (id, organization_id, connection_id)
usage_callers
  id bigint NOT NULL IDENTITY
  digest text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  level bigint NOT NULL
  project_id text COLLATE C NOT NULL
  api_key_id text COLLATE C NOT NULL
  user_id text COLLATE C NOT NULL
  constraint usage_callers_digest_key UNIQUE (digest)
  constraint usage_callers_pkey PRIMARY KEY (id)
  CREATE INDEX usage_callers_by_api_key ON usage_callers USING btree (organization_id, level, api_key_id)
  CREATE INDEX usage_callers_by_project ON usage_callers USING btree (organization_id, level, project_id)
  CREATE INDEX usage_callers_by_user ON usage_callers USING btree (organization_id, level, user_id)
  CREATE UNIQUE INDEX usage_callers_digest_key ON usage_callers USING btree (digest)
  CREATE UNIQUE INDEX usage_callers_pkey ON usage_callers USING btree (id)
usage_cost_days
  bucket bigint NOT NULL
  caller bigint NOT NULL
  item bigint NOT NULL
  quantity bigint NOT NULL
  amount_nano bigint NOT NULL
  amount_atto bigint NOT NULL
  priced bigint NOT NULL
  unpriced bigint NOT NULL
  constraint usage_cost_days_pkey PRIMARY KEY (bucket, caller, item)
  CREATE UNIQUE INDEX usage_cost_days_pkey ON usage_cost_days USING btree (bucket, caller, item)
usage_days
  bucket bigint NOT NULL
  caller bigint NOT NULL
  item bigint NOT NULL
  requests bigint NOT NULL
  input_text bigint NOT NULL
  input_audio bigint NOT NULL DEFAULT 0
  input_image bigint NOT NULL DEFAULT 0
  cached_text bigint NOT NULL
  cached_audio bigint NOT NULL DEFAULT 0
  cached_image bigint NOT NULL DEFAULT 0
  cache_write bigint NOT NULL
  output_text bigint NOT NULL
  output_audio bigint NOT NULL DEFAULT 0
  output_image bigint NOT NULL DEFAULT 0
  images bigint NOT NULL DEFAULT 0
  characters bigint NOT NULL DEFAULT 0
  millis bigint NOT NULL DEFAULT 0
  bytes bigint NOT NULL DEFAULT 0
  sessions bigint NOT NULL DEFAULT 0
  tool_calls bigint NOT NULL DEFAULT 0
  reasoning bigint NOT NULL
  choices bigint NOT NULL
  constraint usage_days_pkey PRIMARY KEY (bucket, caller, item)
  CREATE UNIQUE INDEX usage_days_pkey ON usage_days USING btree (bucket, caller, item)
usage_hours
  bucket bigint NOT NULL
  caller bigint NOT NULL
  item bigint NOT NULL
  requests bigint NOT NULL
  input_text bigint NOT NULL
  input_audio bigint NOT NULL DEFAULT 0
  input_image bigint NOT NULL DEFAULT 0
  cached_text bigint NOT NULL
  cached_audio bigint NOT NULL DEFAULT 0
  cached_image bigint NOT NULL DEFAULT 0
  cache_write bigint NOT NULL
  output_text bigint NOT NULL
  output_audio bigint NOT NULL DEFAULT 0
  output_image bigint NOT NULL DEFAULT 0
  images bigint NOT NULL DEFAULT 0
  characters bigint NOT NULL DEFAULT 0
  millis bigint NOT NULL DEFAULT 0
  bytes bigint NOT NULL DEFAULT 0
  sessions bigint NOT NULL DEFAULT 0
  tool_calls bigint NOT NULL DEFAULT 0
  reasoning bigint NOT NULL
  choices bigint NOT NULL
  constraint usage_hours_pkey PRIMARY KEY (bucket, caller, item)
  CREATE UNIQUE INDEX usage_hours_pkey ON usage_hours USING btree (bucket, caller, item)
usage_items
  id bigint NOT NULL IDENTITY
  digest text COLLATE C NOT NULL
  kind text COLLATE C NOT NULL
  model text COLLATE C NOT NULL
  service_tier text COLLATE C NOT NULL
  batch text COLLATE C NOT NULL
  size text COLLATE C NOT NULL
  source text COLLATE C NOT NULL
  context_level text COLLATE C NOT NULL
  vector_store_id text COLLATE C NOT NULL
  line_item text COLLATE C NOT NULL
  unit text COLLATE C NOT NULL
  constraint usage_items_digest_key UNIQUE (digest)
  constraint usage_items_pkey PRIMARY KEY (id)
  CREATE UNIQUE INDEX usage_items_digest_key ON usage_items USING btree (digest)
  CREATE UNIQUE INDEX usage_items_pkey ON usage_items USING btree (id)
usage_marks
  node text COLLATE C NOT NULL
  position bigint NOT NULL
  constraint usage_marks_pkey PRIMARY KEY (node)
  CREATE UNIQUE INDEX usage_marks_pkey ON usage_marks USING btree (node)
usage_minutes
  bucket bigint NOT NULL
  caller bigint NOT NULL
  item bigint NOT NULL
  requests bigint NOT NULL
  input_text bigint NOT NULL
  input_audio bigint NOT NULL DEFAULT 0
  input_image bigint NOT NULL DEFAULT 0
  cached_text bigint NOT NULL
  cached_audio bigint NOT NULL DEFAULT 0
  cached_image bigint NOT NULL DEFAULT 0
  cache_write bigint NOT NULL
  output_text bigint NOT NULL
  output_audio bigint NOT NULL DEFAULT 0
  output_image bigint NOT NULL DEFAULT 0
  images bigint NOT NULL DEFAULT 0
  characters bigint NOT NULL DEFAULT 0
  millis bigint NOT NULL DEFAULT 0
  bytes bigint NOT NULL DEFAULT 0
  sessions bigint NOT NULL DEFAULT 0
  tool_calls bigint NOT NULL DEFAULT 0
  reasoning bigint NOT NULL
  choices bigint NOT NULL
  constraint usage_minutes_pkey PRIMARY KEY (bucket, caller, item)
  CREATE UNIQUE INDEX usage_minutes_pkey ON usage_minutes USING btree (bucket, caller, item)
usage_requests
  id text COLLATE C NOT NULL
  organization_id text COLLATE C NOT NULL
  project_id text COLLATE C NOT NULL
  api_key_id text COLLATE C NOT NULL
  received bigint NOT NULL
  user_id text COLLATE C NOT NULL
  model_asked text COLLATE C NOT NULL
  model text COLLATE C NOT NULL
  model_endpoint_id text COLLATE C NOT NULL
  status bigint NOT NULL
  error_code text COLLATE C NOT NULL
  outcome text COLLATE C NOT NULL
  latency_us bigint NOT NULL
  detail text COLLATE C NOT NULL
  constraint usage_requests_pkey PRIMARY KEY (id)
  CREATE INDEX usage_requests_by_api_key ON usage_requests USING btree (api_key_id, received)
  CREATE INDEX usage_requests_by_organization ON usage_requests USING btree (organization_id, received)
  CREATE INDEX usage_requests_by_project ON usage_requests USING btree (project_id, received)
  CREATE INDEX usage_requests_failed ON usage_requests USING btree (organization_id, received) WHERE ((outcome <> 'completed'::text) OR (status >= 400) OR (error_code <> ''::text))
  CREATE UNIQUE INDEX usage_requests_pkey ON usage_requests USING btree (id)

-- A person's own keys in a project are a list too.
DROP INDEX api_keys_of_user;
CREATE INDEX api_keys_of_user ON api_keys (user_id, organization_id, project_id, created_at, id) WHERE user_id IS NOT NULL;

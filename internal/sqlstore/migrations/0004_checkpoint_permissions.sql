-- Which projects may use which fine-tuned checkpoints, by the provider's name.
CREATE TABLE checkpoint_permissions (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    checkpoint      TEXT NOT NULL,
    project_id      TEXT NOT NULL REFERENCES projects (id),
    created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX checkpoint_permissions_once ON checkpoint_permissions (organization_id, checkpoint, project_id);
CREATE INDEX checkpoint_permissions_list ON checkpoint_permissions (organization_id, checkpoint, created_at, id);

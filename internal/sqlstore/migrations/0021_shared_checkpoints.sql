-- The fine-tuned checkpoints that any project was ever given. They stay when the
-- last permission goes: what was shared with somebody is not everybody's then.
CREATE TABLE shared_checkpoints (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    checkpoint      TEXT NOT NULL,
    PRIMARY KEY (organization_id, checkpoint)
);
INSERT INTO shared_checkpoints (organization_id, checkpoint) SELECT DISTINCT organization_id, checkpoint FROM checkpoint_permissions;

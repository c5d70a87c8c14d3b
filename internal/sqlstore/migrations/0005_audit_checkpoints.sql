-- What stands for the events of an organization's audit log that were pruned:
-- its chain goes on behind seq. Signed with a child of the master key key_id.
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

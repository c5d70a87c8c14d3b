-- Who pushes audit events to a sink, until when: one node at a time, so that
-- the events of an organization arrive in order.
CREATE TABLE audit_sinks (
    sink       TEXT NOT NULL PRIMARY KEY,
    holder     TEXT NOT NULL,
    held_until BIGINT NOT NULL
);

-- How far each sink has come in each log.
CREATE TABLE audit_cursors (
    sink            TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    seq             BIGINT NOT NULL,
    PRIMARY KEY (sink, organization_id)
) WITHOUT ROWID;

-- The rate limits that were set, by model. A project_id of '' is the
-- organization itself, whose limits are the ceilings of its projects'.
CREATE TABLE rate_limits (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL,
    model           TEXT NOT NULL,
    rates           TEXT NOT NULL,
    PRIMARY KEY (organization_id, project_id, model)
) WITHOUT ROWID;

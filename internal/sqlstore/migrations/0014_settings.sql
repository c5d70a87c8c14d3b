-- A project_id of '' is the organization itself. Sums are cents.
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

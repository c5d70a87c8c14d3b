-- Places that hear of what happens. What they post to is sealed; shown_url is what
-- of it may be seen.
CREATE TABLE notification_channels (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    kind            TEXT NOT NULL,
    shown_url       TEXT NOT NULL,
    recipients      TEXT NOT NULL,
    url             TEXT NOT NULL,
    secret          TEXT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX notification_channels_list ON notification_channels (organization_id, created_at, id);

-- Notices on their way to a channel, or to a person (recipient), and what became
-- of them. next_attempt is 0 for what is not, or not any more, to be posted.
CREATE TABLE deliveries (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    channel_id      TEXT REFERENCES notification_channels (id),
    recipient       TEXT NOT NULL,
    event           TEXT NOT NULL,
    reference       TEXT NOT NULL,
    body            TEXT NOT NULL,
    status          TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    response_status BIGINT NOT NULL,
    error           TEXT NOT NULL,
    next_attempt    BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    finished_at     BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (next_attempt, id) WHERE next_attempt > 0;
CREATE INDEX deliveries_list ON deliveries (organization_id, created_at, id);
CREATE INDEX deliveries_channel ON deliveries (channel_id, created_at, id);
CREATE INDEX deliveries_age ON deliveries (created_at);

-- That an alert was sent for a sum (in cents) in a month (2026-11): once, whatever
-- restarts and however many nodes look.
CREATE TABLE spend_alert_firings (
    alert_id        TEXT NOT NULL,
    month           TEXT NOT NULL,
    threshold       BIGINT NOT NULL,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    fired_at        BIGINT NOT NULL,
    PRIMARY KEY (alert_id, month, threshold)
) WITHOUT ROWID;

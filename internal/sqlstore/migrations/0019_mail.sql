-- Letters that wait to be sent. What they say is sealed: it may hold a secret.
CREATE TABLE waiting_mail (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    kind            TEXT NOT NULL,
    reference       TEXT NOT NULL,
    sealed          TEXT NOT NULL,
    attempts        BIGINT NOT NULL,
    next_attempt    BIGINT NOT NULL,
    give_up         BIGINT NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX waiting_mail_due ON waiting_mail (next_attempt, id);
CREATE INDEX waiting_mail_reference ON waiting_mail (organization_id, reference);

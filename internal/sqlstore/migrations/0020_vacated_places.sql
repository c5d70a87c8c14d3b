-- The places that deleted rows had in their lists: whoever walks a list and
-- names a row that was deleted meanwhile goes on from there. list is the table,
-- holder what the list belongs to where an id alone says no place (a project, a
-- group, a workspace), '' elsewhere. Places are forgotten after a while.

CREATE TABLE vacated_places (
    organization_id TEXT NOT NULL,
    list            TEXT NOT NULL,
    holder          TEXT NOT NULL,
    id              TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    vacated_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, list, holder, id)
);
CREATE INDEX vacated_places_old ON vacated_places (vacated_at);

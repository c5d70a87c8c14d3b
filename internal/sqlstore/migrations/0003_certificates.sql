-- Certificates that callers may identify themselves by. valid_at and expires_at
-- are what the certificate says, in Unix seconds; active is in the organization.
CREATE TABLE certificates (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    pem             TEXT NOT NULL,
    valid_at        BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    active          INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX certificates_list ON certificates (organization_id, created_at, id);

-- Which certificates are active in which project.
CREATE TABLE project_certificates (
    certificate_id  TEXT NOT NULL REFERENCES certificates (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    PRIMARY KEY (certificate_id, project_id)
) WITHOUT ROWID;
CREATE INDEX project_certificates_of_project ON project_certificates (project_id, certificate_id);

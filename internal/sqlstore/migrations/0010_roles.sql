-- Who may do what. role_assignments is the one truth: an assignment gives a
-- principal (a user, a service account or a group) a role at the organization,
-- where project_id is '', or in a project. A role is one of roles or a
-- predefined one, whose id says which and of what
-- (role-api-project-owner__api-project__<project>); hence no reference.

CREATE TABLE roles (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL,
    name            TEXT NOT NULL,
    description     TEXT NOT NULL,
    permissions     TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX roles_name ON roles (organization_id, project_id, name);
CREATE INDEX roles_list ON roles (organization_id, project_id, created_at, id);

CREATE TABLE role_assignments (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    principal_id    TEXT NOT NULL,
    project_id      TEXT NOT NULL,
    role_id         TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_by      TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, principal_id, project_id, role_id)
) WITHOUT ROWID;
CREATE INDEX role_assignments_list ON role_assignments (organization_id, project_id, principal_id, created_at, role_id);
CREATE INDEX role_assignments_of_role ON role_assignments (organization_id, role_id, principal_kind, principal_id);

CREATE TABLE groups (
    id              TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    name            TEXT NOT NULL,
    scim_managed    INTEGER NOT NULL,
    created_at      BIGINT NOT NULL
);
CREATE INDEX groups_list ON groups (organization_id, created_at, id);
CREATE INDEX groups_name ON groups (organization_id, name);

-- A member is a user or a service account, hence no reference.
CREATE TABLE group_members (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    group_id        TEXT NOT NULL REFERENCES groups (id),
    principal_id    TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, group_id, principal_id)
) WITHOUT ROWID;
CREATE INDEX group_members_list ON group_members (organization_id, group_id, created_at, principal_id);
CREATE INDEX group_members_of_principal ON group_members (organization_id, principal_id, group_id);

-- Since when a user or a group is in a project: from its first assignment there
-- to its last. Kept beside role_assignments for paging.
CREATE TABLE project_members (
    organization_id TEXT NOT NULL REFERENCES organizations (id),
    project_id      TEXT NOT NULL REFERENCES projects (id),
    principal_id    TEXT NOT NULL,
    principal_kind  TEXT NOT NULL,
    created_at      BIGINT NOT NULL,
    PRIMARY KEY (organization_id, project_id, principal_id)
) WITHOUT ROWID;
CREATE INDEX project_members_list ON project_members (organization_id, project_id, principal_kind, created_at, principal_id);
CREATE INDEX project_members_of_principal ON project_members (organization_id, principal_id, created_at, project_id);

INSERT INTO role_assignments (organization_id, principal_id, project_id, role_id, principal_kind, created_by, created_at)
SELECT organization_id, id, '', 'role-api-organization-' || role || '__api-organization__' || organization_id, 'user', '', created_at
FROM users WHERE role IN ('owner', 'reader');

INSERT INTO role_assignments (organization_id, principal_id, project_id, role_id, principal_kind, created_by, created_at)
SELECT organization_id, id, project_id, 'role-api-project-' || role || '__api-project__' || project_id, 'service_account', '', created_at
FROM service_accounts WHERE role IN ('owner', 'member', 'viewer');

-- Until now whoever had a key in a project was a member of it.
INSERT INTO role_assignments (organization_id, principal_id, project_id, role_id, principal_kind, created_by, created_at)
SELECT organization_id, user_id, project_id, 'role-api-project-member__api-project__' || project_id, 'user', '', MIN(created_at)
FROM api_keys WHERE user_id IS NOT NULL GROUP BY organization_id, user_id, project_id;

INSERT INTO project_members (organization_id, project_id, principal_id, principal_kind, created_at)
SELECT organization_id, project_id, principal_id, principal_kind, created_at
FROM role_assignments WHERE project_id <> '' AND principal_kind = 'user';

ALTER TABLE users DROP COLUMN role;
ALTER TABLE service_accounts DROP COLUMN role;

-- What OpenAI's API lets a client note about a person; '' for nothing.
ALTER TABLE users ADD COLUMN technical_level TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN developer_persona TEXT NOT NULL DEFAULT '';

CREATE INDEX api_keys_of_user ON api_keys (user_id, organization_id) WHERE user_id IS NOT NULL;
CREATE INDEX admin_keys_of_user ON admin_keys (user_id, organization_id);

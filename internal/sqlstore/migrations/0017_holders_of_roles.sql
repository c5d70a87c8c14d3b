-- With the kind before the principal, PostgreSQL read all holders of a role to
-- find one of them until it had statistics of the table.
DROP INDEX role_assignments_of_role;
CREATE INDEX role_assignments_of_role ON role_assignments (organization_id, role_id, principal_id, principal_kind);

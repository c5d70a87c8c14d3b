package orgtest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

const checkpoint = "ft:gpt-4o-mini-2024-07-18:org:weather:B7R9VjQd"

// newCheckpointPermission is a project's of its own, which the caller inserts.
func (n *tenant) newCheckpointPermission(projectID string) org.CheckpointPermission {
	at := n.clock.next()
	return org.CheckpointPermission{
		ID: id.At(id.CheckpointPermission, at), OrganizationID: n.org.ID, Checkpoint: checkpoint, ProjectID: projectID, CreatedAt: at,
	}
}

func checkpointFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.checkpoint = n.newCheckpointPermission(n.project.ID)
			return tx.InsertCheckpointPermission(ctx, n.checkpoint)
		},
		probes: func(a *tenant) map[string]probe {
			return map[string]probe{
				"CheckpointPermission": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.CheckpointPermission(ctx, o, checkpoint, a.checkpoint.ID)
				},
				"SharedCheckpoints": func(ctx context.Context, r org.Reader, o string) (any, error) {
					shared, err := r.SharedCheckpoints(ctx, o)
					if err == nil && !slices.Contains(shared[checkpoint], a.project.ID) {
						err = fault.NotFoundf("not shared with the project")
					}
					if err != nil {
						return []string(nil), err
					}
					return shared[checkpoint], nil
				},
				"CheckpointPermissions": lists(a.checkpoint, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.CheckpointPermission], error) {
					return r.CheckpointPermissions(ctx, o, checkpoint, org.CheckpointPermissionFilter{Page: org.Page{Limit: 100}})
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			return map[string]func(org.Tx) error{
				"DeleteCheckpointPermission": func(tx org.Tx) error {
					return tx.DeleteCheckpointPermission(ctx, o, checkpoint, a.checkpoint.ID)
				},
			}
		},
		lists: []pageable{{
			name: "permissions of a checkpoint",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				project := n.newProject()
				v := n.newCheckpointPermission(project.ID)
				v.CreatedAt = at
				return v.ID, errors.Join(tx.InsertProject(ctx, project), tx.InsertCheckpointPermission(ctx, v))
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteCheckpointPermission(ctx, n.org.ID, checkpoint, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.CheckpointPermissions(ctx, n.org.ID, checkpoint, org.CheckpointPermissionFilter{Page: p})
				return places(rows, err, func(v org.CheckpointPermission) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

func checkpointPermissions(t *testing.T, s org.Store) {
	c := &clock{}
	n := newTenant(t, s, c)
	newTenant(t, s, c) // whose rows are not to be seen
	ctx, o := t.Context(), n.org.ID
	project := n.newProject()
	update(t, s, o, func(tx org.Tx) error { return tx.InsertProject(ctx, project) })
	noun[org.CheckpointPermission]{
		label: "Checkpoint permission", kind: org.ChangeCheckpointPermission, id: func(v org.CheckpointPermission) string { return v.ID },
		create: func() org.CheckpointPermission { return n.newCheckpointPermission(project.ID) },
		get: func(ctx context.Context, r org.Reader, v org.CheckpointPermission) (org.CheckpointPermission, error) {
			return r.CheckpointPermission(ctx, o, v.Checkpoint, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.CheckpointPermission) error {
			return tx.InsertCheckpointPermission(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v org.CheckpointPermission) error {
			return tx.DeleteCheckpointPermission(ctx, o, v.Checkpoint, v.ID)
		},
	}.check(t, s, o)

	second, elsewhere := n.newCheckpointPermission(project.ID), n.newCheckpointPermission(project.ID)
	elsewhere.Checkpoint = checkpoint + ":ckpt-step-100"
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertCheckpointPermission(ctx, second), tx.InsertCheckpointPermission(ctx, elsewhere))
	})
	again := n.newCheckpointPermission(project.ID)
	wantFault(t, "the same once more", refuse(t, s, o, func(tx org.Tx) error { return tx.InsertCheckpointPermission(ctx, again) }),
		fault.Invalid, "permission_exists", "project_ids")
	wantNotFound(t, refuse(t, s, o, func(tx org.Tx) error { return tx.DeleteCheckpointPermission(ctx, o, checkpoint, elsewhere.ID) }),
		"Checkpoint permission with ID '"+elsewhere.ID+"' not found.")
	view(t, s, func(r org.Reader) error {
		list := func(name, projectID string, want ...org.CheckpointPermission) error {
			rows, err := r.CheckpointPermissions(ctx, o, name, org.CheckpointPermissionFilter{Page: org.Page{Limit: 9}, ProjectID: projectID})
			equal(t, "permissions for "+name+" of "+projectID, rows.Items, want)
			return err
		}
		return errors.Join(
			list(checkpoint, "", second, n.checkpoint), list(checkpoint, project.ID, second), list(checkpoint, "proj_\x00"),
			list(elsewhere.Checkpoint, "", elsewhere), list("ft:none", ""), list("ft:\xff", ""),
		)
	})
	shared := func(what string, want map[string][]string) {
		t.Helper()
		view(t, s, func(r org.Reader) error {
			got, err := r.SharedCheckpoints(ctx, o)
			for _, projects := range got {
				slices.Sort(projects)
			}
			equal(t, what, got, want)
			return err
		})
	}
	both := []string{n.project.ID, project.ID}
	slices.Sort(both)
	shared("shared", map[string][]string{checkpoint: both, elsewhere.Checkpoint: {project.ID}})
	update(t, s, o, func(tx org.Tx) error {
		return tx.DeleteCheckpointPermission(ctx, o, elsewhere.Checkpoint, elsewhere.ID)
	})
	shared("with nobody any more", map[string][]string{checkpoint: both, elsewhere.Checkpoint: nil})
}

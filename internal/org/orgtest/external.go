package orgtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

func (n *tenant) newExternalKey() org.ExternalKey {
	at := n.clock.next()
	return org.ExternalKey{
		ID: id.At(id.ExternalKey, at), OrganizationID: n.org.ID, Name: "Master", Cloud: org.AWS, Purpose: org.PurposeEKM,
		Config: org.ExternalKeyConfig{ExternalID: n.org.ID, KMSARN: "arn:…", RoleARN: "arn:…"}, CreatedAt: at,
	}
}

func (n *tenant) newExternalStorage() org.ExternalStorage {
	at := n.clock.next()
	return org.ExternalStorage{
		ID: id.At(id.ExternalStorage, at), OrganizationID: n.org.ID, ProjectID: n.project.ID, Cloud: org.OCI,
		Provider:  org.StorageProvider{Bucket: "b", Region: "eu-frankfurt-1", TenancyOCID: "ocid1…"},
		Geography: "EU", Status: org.ExternalPending, CreatedAt: at,
	}
}

func externalFamily() family {
	return family{
		insert: func(ctx context.Context, tx org.Tx, n *tenant) error {
			n.externalKey, n.storage = n.newExternalKey(), n.newExternalStorage()
			return errors.Join(tx.InsertExternalKey(ctx, n.externalKey), tx.InsertExternalStorage(ctx, n.storage))
		},
		probes: func(a *tenant) map[string]probe {
			page := org.Page{Limit: 100}
			return map[string]probe{
				"ExternalKey": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.ExternalKey(ctx, o, a.externalKey.ID)
				},
				"ExternalKeys": lists(a.externalKey, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.ExternalKey], error) {
					return r.ExternalKeys(ctx, o, org.ExternalKeyFilter{Page: page})
				}),
				"ExternalStorage": func(ctx context.Context, r org.Reader, o string) (any, error) {
					return r.ExternalStorage(ctx, o, a.storage.ID)
				},
				"ExternalStorages": lists(a.storage, func(ctx context.Context, r org.Reader, o string) (org.Rows[org.ExternalStorage], error) {
					return r.ExternalStorages(ctx, o, org.ExternalStorageFilter{Page: page})
				}),
			}
		},
		writes: func(ctx context.Context, a *tenant, o string) map[string]func(org.Tx) error {
			storage := a.storage
			storage.OrganizationID = o
			return map[string]func(org.Tx) error{
				"DeleteExternalKey":     func(tx org.Tx) error { return tx.DeleteExternalKey(ctx, o, a.externalKey.ID) },
				"UpdateExternalStorage": func(tx org.Tx) error { return tx.UpdateExternalStorage(ctx, storage) },
				"DeleteExternalStorage": func(tx org.Tx) error { return tx.DeleteExternalStorage(ctx, o, a.storage.ID) },
			}
		},
		lists: []pageable{{
			name: "external keys",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newExternalKey()
				v.CreatedAt = at
				return v.ID, tx.InsertExternalKey(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteExternalKey(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.ExternalKeys(ctx, n.org.ID, org.ExternalKeyFilter{Page: p})
				return places(rows, err, func(v org.ExternalKey) place { return place{v.CreatedAt, v.ID} })
			},
		}, {
			name: "external storage",
			insert: func(ctx context.Context, tx org.Tx, n *tenant, at time.Time) (string, error) {
				v := n.newExternalStorage()
				v.CreatedAt = at
				return v.ID, tx.InsertExternalStorage(ctx, v)
			},
			remove: func(ctx context.Context, tx org.Tx, n *tenant, rowID string) error {
				return tx.DeleteExternalStorage(ctx, n.org.ID, rowID)
			},
			list: func(ctx context.Context, r org.Reader, n *tenant, p org.Page) ([]place, bool, error) {
				rows, err := r.ExternalStorages(ctx, n.org.ID, org.ExternalStorageFilter{Page: p})
				return places(rows, err, func(v org.ExternalStorage) place { return place{v.CreatedAt, v.ID} })
			},
		}},
	}
}

func external(t *testing.T, s org.Store) {
	n := newTenant(t, s, &clock{})
	ctx, o := t.Context(), n.org.ID
	noun[org.ExternalKey]{
		label: "External key", id: func(v org.ExternalKey) string { return v.ID }, create: n.newExternalKey,
		get: func(ctx context.Context, r org.Reader, v org.ExternalKey) (org.ExternalKey, error) {
			return r.ExternalKey(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.ExternalKey) error { return tx.InsertExternalKey(ctx, v) },
		remove: func(ctx context.Context, tx org.Tx, v org.ExternalKey) error {
			return tx.DeleteExternalKey(ctx, o, v.ID)
		},
	}.check(t, s, o)
	noun[org.ExternalStorage]{
		label: "External storage", id: func(v org.ExternalStorage) string { return v.ID }, create: n.newExternalStorage,
		change: func(v *org.ExternalStorage) { v.Status = org.ExternalUnhealthy },
		get: func(ctx context.Context, r org.Reader, v org.ExternalStorage) (org.ExternalStorage, error) {
			return r.ExternalStorage(ctx, o, v.ID)
		},
		insert: func(ctx context.Context, tx org.Tx, v org.ExternalStorage) error {
			return tx.InsertExternalStorage(ctx, v)
		},
		update: func(ctx context.Context, tx org.Tx, v org.ExternalStorage) error {
			return tx.UpdateExternalStorage(ctx, v)
		},
		remove: func(ctx context.Context, tx org.Tx, v org.ExternalStorage) error {
			return tx.DeleteExternalStorage(ctx, o, v.ID)
		},
	}.check(t, s, o)

	decryption, other, archived := n.newExternalKey(), n.newProject(), n.newProject()
	decryption.Purpose, decryption.Config = org.PurposePSPDecryption, org.ExternalKeyConfig{KeyVersion: "v"}
	other.ExternalKeyID, archived.ExternalKeyID, archived.ArchivedAt = n.externalKey.ID, n.externalKey.ID, n.clock.next()
	elsewhere := n.newExternalStorage()
	elsewhere.ProjectID = other.ID
	home := n.project
	home.ExternalKeyID = n.externalKey.ID
	update(t, s, o, func(tx org.Tx) error {
		return errors.Join(tx.InsertExternalKey(ctx, decryption), tx.InsertProject(ctx, other), tx.InsertProject(ctx, archived),
			tx.UpdateProject(ctx, home), tx.InsertExternalStorage(ctx, elsewhere))
	})
	view(t, s, func(r org.Reader) error {
		got, err := r.ExternalKey(ctx, o, n.externalKey.ID)
		equal(t, "projects of a key", got.ProjectIDs, []string{n.project.ID, other.ID})
		keys, err2 := r.ExternalKeys(ctx, o, org.ExternalKeyFilter{Page: org.Page{Limit: 9}, Purpose: org.PurposePSPDecryption})
		equal(t, "keys by purpose", keys.Items, []org.ExternalKey{decryption})
		storage, err3 := r.ExternalStorages(ctx, o, org.ExternalStorageFilter{Page: org.Page{Limit: 9}, ProjectID: other.ID})
		equal(t, "storage of a project", storage.Items, []org.ExternalStorage{elsewhere})
		_, err4 := r.ExternalKeys(ctx, o, org.ExternalKeyFilter{Page: org.Page{Limit: 9, After: "extkey_\x00"}})
		wantFault(t, "cursor", err4, fault.Invalid, "invalid_cursor", "after")
		return errors.Join(err, err2, err3)
	})
}

package org

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// newSecret is what is kept of a fresh secret.
func newSecret(plain string) Secret {
	return Secret{Hash: id.HashOf(plain), Redacted: id.Redact(plain)}
}

// rotate replaces the secret; the old one works until then.
func (s *Secret) rotate(plain string, until time.Time) {
	next := newSecret(plain)
	if !until.IsZero() {
		next.PreviousHash, next.PreviousUntil = s.Hash, until
	}
	*s = next
}

// Accepts reports whether hash is the secret's, or the previous one's while it
// still works.
func (s *Secret) Accepts(hash id.Hash, now time.Time) bool {
	if hash == s.Hash {
		return true
	}
	return !s.PreviousUntil.IsZero() && hash == s.PreviousHash && now.Before(s.PreviousUntil)
}

// maxOverlap bounds how long a rotated-out secret keeps working.
const maxOverlap = 30 * 24 * time.Hour

func checkOverlap(seconds int64) error {
	return fault.InRange("overlap_seconds", seconds, 0, int64(maxOverlap/time.Second))
}

func (s *Service) overlapEnd(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return s.Now().Add(time.Duration(seconds) * time.Second)
}

// maxLifetime bounds the lifetime of a key that expires, as OpenAI's API does.
const maxLifetime = 365 * 24 * time.Hour

func (s *Service) expiry(seconds optional.Value[int64]) (time.Time, error) {
	if !seconds.Given() {
		return time.Time{}, nil
	}
	if err := fault.InRange("expires_in_seconds", seconds.V, 1, int64(maxLifetime/time.Second)); err != nil {
		return time.Time{}, err
	}
	return s.Now().Add(time.Duration(seconds.V) * time.Second), nil
}

func checkScopes(scopes []string) error {
	if err := checkReferences("scopes", scopes, maxScopes); err != nil {
		return err
	}
	for i, scope := range scopes {
		if !access.ValidScope(scope) {
			return fault.Invalidf("invalid_value", fmt.Sprintf("scopes[%d]", i), "Invalid value: '%s' is not a permission.", scope)
		}
	}
	return nil
}

func keyCreated(keyID string, scopes []string) details {
	if scopes == nil {
		scopes = []string{}
	}
	return details{ID: keyID, Data: map[string]any{"scopes": scopes}}
}

// unnamedKey is what a key is called that nobody named, as OpenAI does.
const unnamedKey = "Secret Key"

// NewAPIKey is a key to create in a project. Name and scopes may be empty.
type NewAPIKey struct {
	Name             string
	UserID           string // the owner; "" with ServiceAccountID
	ServiceAccountID string
	Scopes           []string
	ExpiresInSeconds optional.Value[int64]
	Within           KeyLimits // of the key that asks for it
}

// Validate reports the first rule that in breaks.
func (in NewAPIKey) Validate() error {
	if in.Name != "" {
		if err := checkName("name", in.Name); err != nil {
			return err
		}
	}
	if (in.UserID == "") == (in.ServiceAccountID == "") {
		return fault.MissingParam("owner_user_id")
	}
	return checkScopes(in.Scopes)
}

// CreateAPIKey makes a project key and returns it with its secret, which is
// not kept.
func (s *Service) CreateAPIKey(ctx context.Context, actor audit.Actor, projectID string, in NewAPIKey) (key APIKey, secret string, err error) {
	if err := in.Validate(); err != nil {
		return APIKey{}, "", err
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if in.UserID != "" {
			if _, err := ownerOfNewKey(ctx, tx, actor.OrganizationID, in.UserID); err != nil {
				return withParam(notFoundAsInvalid(err, "owner_user_id"), "owner_user_id")
			}
		} else if _, err := tx.ServiceAccount(ctx, actor.OrganizationID, projectID, in.ServiceAccountID); err != nil {
			return err
		}
		key, secret, err = s.insertAPIKey(ctx, tx, &project, in)
		return err
	})
	return key, secret, err
}

// freshSecret makes the secret of a project key, which shows whether a service
// account owns it.
func freshSecret(serviceAccountID string) string {
	if serviceAccountID != "" {
		return id.Secret(id.ServiceAccountSecret)
	}
	return id.Secret(id.ProjectSecret)
}

// insertAPIKey makes the key within a unit of work and records it.
func (s *Service) insertAPIKey(ctx context.Context, tx Tx, project *Project, in NewAPIKey) (APIKey, string, error) {
	if err := in.Within.checkScopes(in.Scopes); err != nil {
		return APIKey{}, "", err
	}
	asked, err := s.expiry(in.ExpiresInSeconds)
	if err != nil {
		return APIKey{}, "", err
	}
	expires, err := in.Within.expiry(asked)
	if err != nil {
		return APIKey{}, "", err
	}
	secret := freshSecret(in.ServiceAccountID)
	key := APIKey{
		ID: id.New(id.Key), OrganizationID: project.OrganizationID, ProjectID: project.ID, Name: cmp.Or(in.Name, unnamedKey),
		UserID: in.UserID, ServiceAccountID: in.ServiceAccountID, Scopes: in.Scopes,
		Secret: newSecret(secret), ExpiresAt: expires, CreatedAt: s.Now(),
	}
	tx.Record(event(audit.APIKeyCreated, project, keyCreated(key.ID, key.Scopes)))
	return key, secret, tx.InsertAPIKey(ctx, key)
}

// Rotation says how a key gets a new secret.
type Rotation struct {
	OverlapSeconds int64     // for so long the old secret works too
	Within         KeyLimits // of the key that asks for it
}

// RotateAPIKey gives the key a new secret.
func (s *Service) RotateAPIKey(ctx context.Context, actor audit.Actor, projectID, keyID string, in Rotation) (key APIKey, secret string, err error) {
	if err := checkOverlap(in.OverlapSeconds); err != nil {
		return APIKey{}, "", err
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if key, err = tx.APIKey(ctx, actor.OrganizationID, projectID, keyID); err != nil {
			return err
		}
		if err := in.Within.checkRotation(key.ID, key.Scopes, key.ExpiresAt); err != nil {
			return err
		}
		secret = freshSecret(key.ServiceAccountID)
		key.rotate(secret, s.overlapEnd(in.OverlapSeconds))
		tx.Record(event(audit.APIKeyUpdated, &project, rotated(key.ID, in.OverlapSeconds)))
		return tx.UpdateAPIKey(ctx, key)
	})
	return key, secret, err
}

func rotated(keyID string, overlapSeconds int64) details {
	return details{ID: keyID, Changes: map[string]any{"rotated": true, "overlap_seconds": overlapSeconds}}
}

// DeleteAPIKey revokes a key, whoever owns it; a service account survives its
// keys.
func (s *Service) DeleteAPIKey(ctx context.Context, actor audit.Actor, projectID, keyID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		project, err := tx.Project(ctx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if err := tx.DeleteAPIKey(ctx, actor.OrganizationID, projectID, keyID); err != nil {
			return err
		}
		tx.Record(event(audit.APIKeyDeleted, &project, details{ID: keyID}))
		return nil
	})
}

// APIKeys of an active project, newest first.
func (s *Service) APIKeys(ctx context.Context, organizationID, projectID string, f APIKeyFilter) (Rows[APIKey], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[APIKey], error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return Rows[APIKey]{}, err
		}
		return r.APIKeys(ctx, organizationID, projectID, f)
	})
}

// APIKey returns one key of a project.
func (s *Service) APIKey(ctx context.Context, organizationID, projectID, keyID string) (APIKey, error) {
	return view(ctx, s.Store, func(r Reader) (APIKey, error) { return r.APIKey(ctx, organizationID, projectID, keyID) })
}

// NewAdminKey is an admin key to create. It acts as its owner.
type NewAdminKey struct {
	Name             string
	UserID           string
	ExpiresInSeconds optional.Value[int64]
	Within           KeyLimits // of the key that asks for it
}

// CreateAdminKey makes an admin key and returns it with its secret, which is
// not kept.
func (s *Service) CreateAdminKey(ctx context.Context, actor audit.Actor, in NewAdminKey) (AdminKey, string, error) {
	if err := checkName("name", in.Name); err != nil {
		return AdminKey{}, "", err
	}
	asked, err := s.expiry(in.ExpiresInSeconds)
	if err != nil {
		return AdminKey{}, "", err
	}
	expires, err := in.Within.expiry(asked)
	if err != nil {
		return AdminKey{}, "", err
	}
	secret := id.Secret(id.AdminSecret)
	key := AdminKey{
		ID: id.New(id.Key), OrganizationID: actor.OrganizationID, Name: in.Name, UserID: in.UserID,
		Secret: newSecret(secret), ExpiresAt: expires, CreatedAt: s.Now(),
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		if _, err := ownerOfNewKey(ctx, tx, actor.OrganizationID, in.UserID); err != nil {
			return err
		}
		tx.Record(event(audit.APIKeyCreated, nil, keyCreated(key.ID, nil)))
		return tx.InsertAdminKey(ctx, key)
	})
	return key, secret, err
}

// RotateAdminKey gives the key a new secret.
func (s *Service) RotateAdminKey(ctx context.Context, actor audit.Actor, keyID string, in Rotation) (key AdminKey, secret string, err error) {
	if err := checkOverlap(in.OverlapSeconds); err != nil {
		return AdminKey{}, "", err
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		var err error
		if key, err = tx.AdminKey(ctx, actor.OrganizationID, keyID); err != nil {
			return err
		}
		if err := in.Within.checkRotation(key.ID, nil, key.ExpiresAt); err != nil {
			return err
		}
		secret = id.Secret(id.AdminSecret)
		key.rotate(secret, s.overlapEnd(in.OverlapSeconds))
		tx.Record(event(audit.APIKeyUpdated, nil, rotated(key.ID, in.OverlapSeconds)))
		return tx.UpdateAdminKey(ctx, key)
	})
	return key, secret, err
}

// DeleteAdminKey revokes an admin key, the caller's own included, but never the
// last one that manages the organization: nobody could by API any more.
func (s *Service) DeleteAdminKey(ctx context.Context, actor audit.Actor, keyID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		key, err := tx.AdminKey(ctx, actor.OrganizationID, keyID)
		if err != nil {
			return err
		}
		last, err := s.lastManagingKey(ctx, tx, &key)
		if err != nil {
			return err
		}
		if last {
			return fault.Invalidf("last_admin_key", "", "The last admin key that can manage the organization cannot be deleted. Create another one first.")
		}
		tx.Record(event(audit.APIKeyDeleted, nil, details{ID: keyID}))
		return tx.DeleteAdminKey(ctx, actor.OrganizationID, keyID)
	})
}

func (s *Service) unexpired(k AdminKey) bool {
	return k.ExpiresAt.IsZero() || s.Now().Before(k.ExpiresAt)
}

// lastManagingKey reports whether key can manage the organization and no other
// admin key can: one that works, of somebody who may.
func (s *Service) lastManagingKey(ctx context.Context, r Reader, key *AdminKey) (bool, error) {
	may := map[string]bool{} // by owner
	manages := func(k *AdminKey) (bool, error) {
		if !s.unexpired(*k) {
			return false, nil
		}
		if known, ok := may[k.UserID]; ok {
			return known, nil
		}
		owner, err := grantorNow(ctx, r, k.OrganizationID, k.UserID)
		if err != nil {
			return false, err
		}
		may[k.UserID] = owner.Holds.Allows(access.ManagementWrite, access.Scope{})
		return may[k.UserID], nil
	}
	if can, err := manages(key); err != nil || !can {
		return false, err
	}
	page := Page{Limit: 100}
	for {
		rows, err := r.AdminKeys(ctx, key.OrganizationID, page)
		if err != nil {
			return false, err
		}
		for _, k := range rows.Items {
			page.After = k.ID
			if k.ID == key.ID {
				continue
			}
			if can, err := manages(&k); err != nil || can {
				return false, err
			}
		}
		if !rows.More {
			return true, nil
		}
	}
}

// AdminKeys of an organization.
func (s *Service) AdminKeys(ctx context.Context, organizationID string, p Page) (Rows[AdminKey], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[AdminKey], error) { return r.AdminKeys(ctx, organizationID, p) })
}

// AdminKey returns one admin key.
func (s *Service) AdminKey(ctx context.Context, organizationID, keyID string) (AdminKey, error) {
	return view(ctx, s.Store, func(r Reader) (AdminKey, error) { return r.AdminKey(ctx, organizationID, keyID) })
}

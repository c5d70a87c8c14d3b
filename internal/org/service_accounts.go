package org

import (
	"context"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// NewServiceAccount is a service account to create. Without AccountOnly it gets
// the role member and a first key.
type NewServiceAccount struct {
	Name             string
	AccountOnly      bool
	ExpiresInSeconds optional.Value[int64] // of the first key
	Within           KeyLimits             // of the key that asks for it
}

// Validate reports the first rule that in breaks.
func (in NewServiceAccount) Validate() error {
	if err := checkName("name", in.Name); err != nil {
		return err
	}
	if in.AccountOnly && in.ExpiresInSeconds.Given() {
		return fault.Invalidf("invalid_value", "expires_in_seconds", "'expires_in_seconds' is about the account's first key, and 'create_service_account_only' asks for none.")
	}
	return nil
}

// CreateServiceAccount makes a service account and, unless AccountOnly, its
// first key; key is nil without one, and secret is not kept.
func (s *Service) CreateServiceAccount(ctx context.Context, actor audit.Actor, projectID string, in NewServiceAccount) (account ServiceAccount, key *APIKey, secret string, err error) {
	if err := in.Validate(); err != nil {
		return ServiceAccount{}, nil, "", err
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		account = ServiceAccount{
			ID: id.New(id.ServiceAccount), OrganizationID: actor.OrganizationID, ProjectID: projectID,
			Name: in.Name, Role: access.ProjectMember, CreatedAt: s.Now(),
		}
		if in.AccountOnly {
			account.Role = access.NoRole
		}
		if err := tx.InsertServiceAccount(ctx, account); err != nil {
			return err
		}
		tx.Record(event(audit.ServiceAccountCreated, &project, details{ID: account.ID, Data: map[string]any{"role": account.Role}}))
		if in.AccountOnly {
			return nil
		}
		made, plain, err := s.insertAPIKey(ctx, tx, &project, NewAPIKey{
			ServiceAccountID: account.ID, ExpiresInSeconds: in.ExpiresInSeconds, Within: in.Within,
		})
		key, secret = &made, plain
		return err
	})
	return account, key, secret, err
}

// ServiceAccountChange is a partial update of a service account.
type ServiceAccountChange struct {
	Name optional.Value[string]
	Role optional.Value[string] // member or owner
}

// Validate reports the first rule that in breaks.
func (in ServiceAccountChange) Validate() error {
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return err
		}
	}
	if in.Role.Given() {
		return fault.OneOf("role", in.Role.V, []string{string(access.ProjectMember), string(access.ProjectOwner)})
	}
	return nil
}

// UpdateServiceAccount changes the fields that were sent.
func (s *Service) UpdateServiceAccount(ctx context.Context, actor audit.Actor, projectID, accountID string, in ServiceAccountChange) (ServiceAccount, error) {
	if err := in.Validate(); err != nil {
		return ServiceAccount{}, err
	}
	var account ServiceAccount
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if account, err = tx.ServiceAccount(ctx, actor.OrganizationID, projectID, accountID); err != nil {
			return err
		}
		requested := map[string]any{}
		if in.Name.Given() {
			account.Name = in.Name.V
			requested["name"] = account.Name
		}
		if in.Role.Given() {
			account.Role = access.ProjectRole(in.Role.V)
			requested["role"] = account.Role
			// Whoever manages a project's accounts owns the project, and holds all
			// that either role gives.
			by := Grantor{Actor: actor, Holds: access.Unlimited()}
			role := projectRole(actor.OrganizationID, projectID, account.Role)
			if err := s.setRole(ctx, tx, &by, accountID, PrincipalServiceAccount, &role); err != nil {
				return err
			}
		}
		tx.Record(event(audit.ServiceAccountUpdated, &project, details{ID: account.ID, Changes: requested}))
		return tx.UpdateServiceAccount(ctx, account)
	})
	return account, err
}

// DeleteServiceAccount removes the account, revokes its keys and ends the
// federation rules that give more of them.
func (s *Service) DeleteServiceAccount(ctx context.Context, actor audit.Actor, projectID, accountID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		project, err := activeProject(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if _, err := tx.ServiceAccount(ctx, actor.OrganizationID, projectID, accountID); err != nil {
			return err
		}
		keys, err := tx.DeleteAPIKeysOf(ctx, actor.OrganizationID, projectID, accountID)
		if err != nil {
			return err
		}
		rules, err := tx.DeleteFederationRulesOf(ctx, actor.OrganizationID, accountID)
		if err != nil {
			return err
		}
		if err := tx.DeleteServiceAccount(ctx, actor.OrganizationID, projectID, accountID); err != nil {
			return err
		}
		tx.Record(event(audit.ServiceAccountDeleted, &project, details{ID: accountID}))
		for _, rule := range rules {
			tx.Record(ruleDeleted(rule, &project))
		}
		for _, keyID := range keys {
			tx.Record(event(audit.APIKeyDeleted, &project, details{ID: keyID}))
		}
		return nil
	})
}

// ServiceAccounts of an active project, newest first.
func (s *Service) ServiceAccounts(ctx context.Context, organizationID, projectID string, p Page) (Rows[ServiceAccount], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[ServiceAccount], error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return Rows[ServiceAccount]{}, err
		}
		return r.ServiceAccounts(ctx, organizationID, projectID, p)
	})
}

// ServiceAccount returns one service account of an active project.
func (s *Service) ServiceAccount(ctx context.Context, organizationID, projectID, accountID string) (ServiceAccount, error) {
	return view(ctx, s.Store, func(r Reader) (ServiceAccount, error) {
		if _, err := activeProject(ctx, r, organizationID, projectID); err != nil {
			return ServiceAccount{}, err
		}
		return r.ServiceAccount(ctx, organizationID, projectID, accountID)
	})
}

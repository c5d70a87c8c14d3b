package org

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/optional"
)

// TokenExchange asks for a key of a service account and shows a token of a
// workload identity provider for it, in the words of RFC 8693 and of OpenAI's
// SDKs, which also name provider and account.
type TokenExchange struct {
	GrantType        string
	SubjectToken     string
	SubjectTokenType string
	ProviderID       string
	ServiceAccountID string
	IPAddress        string // where it comes from, for the audit log
	UserAgent        string
}

// The words of RFC 8693.
const (
	GrantTokenExchange = "urn:ietf:params:oauth:grant-type:token-exchange"
	TokenTypeJWT       = "urn:ietf:params:oauth:token-type:jwt"
	TokenTypeID        = "urn:ietf:params:oauth:token-type:id_token"
	TokenTypeAccess    = "urn:ietf:params:oauth:token-type:access_token"
)

// Validate reports the first rule that in breaks.
func (in TokenExchange) Validate() error {
	if err := fault.OneOf("grant_type", in.GrantType, []string{GrantTokenExchange}); err != nil {
		return err
	}
	if err := fault.OneOf("subject_token_type", in.SubjectTokenType, []string{TokenTypeJWT, TokenTypeID}); err != nil {
		return err
	}
	if len(in.SubjectToken) > maxSubjectToken {
		return fault.StringTooLong("subject_token", maxSubjectToken, len(in.SubjectToken))
	}
	return nil
}

const (
	// workloadKeyName is what keys are called that tokens were exchanged for.
	workloadKeyName = "Workload identity"
	// workloadKeyLifetime is what OpenAI's SDKs expect of such keys.
	workloadKeyLifetime = time.Hour
	// Expired ones are kept for a day, for whoever reads the audit log, and then
	// removed as the next one is made, some at a time.
	workloadKeyKept  = 24 * time.Hour
	workloadKeySweep = 100
)

// ExchangeToken gives a key of the service account, with its secret, for a token
// that one of the provider's rules fits. Every refusal of the token is the same
// fault of kind Unauthenticated, with the reason as its cause.
func (s *Service) ExchangeToken(ctx context.Context, in TokenExchange) (key APIKey, secret string, err error) {
	if err := in.Validate(); err != nil {
		return APIKey{}, "", err
	}
	p, err := view(ctx, s.Store, func(r Reader) (WorkloadIdentityProvider, error) {
		return r.WorkloadIdentityProviderByID(ctx, in.ProviderID)
	})
	switch {
	case fault.Is(err, fault.NotFound):
		return APIKey{}, "", errNotAccepted(err)
	case err != nil:
		return APIKey{}, "", err
	}
	actor := audit.Actor{
		OrganizationID: p.OrganizationID, Type: audit.ActorSystem, ServiceAccountID: in.ServiceAccountID,
		IPAddress: in.IPAddress, UserAgent: in.UserAgent,
	}
	key, secret, err = s.exchange(ctx, actor, p, in)
	switch {
	case fault.Is(err, fault.Unauthenticated):
		actor.ServiceAccountID = "" // nobody has shown to be that
		err = audit.Refused(actor, err)
	case fault.Is(err, fault.Forbidden): // a good token, shown elsewhere: it may be stolen
		err = audit.Refused(actor, err)
	}
	return key, secret, err
}

func (s *Service) exchange(ctx context.Context, actor audit.Actor, p WorkloadIdentityProvider, in TokenExchange) (key APIKey, secret string, err error) {
	if !p.Enabled {
		return APIKey{}, "", errNotAccepted(errors.New("the provider is not enabled"))
	}
	shown, err := s.verifyToken(ctx, p, in.SubjectToken)
	switch {
	case fault.Is(err, fault.Unavailable):
		return APIKey{}, "", err
	case err != nil:
		return APIKey{}, "", errNotAccepted(err)
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		rule, project, err := s.ruleFor(ctx, tx, p, in.ServiceAccountID, shown)
		if err != nil {
			return err
		}
		if err := CheckAddress(ctx, tx, p.OrganizationID, project.ID, in.IPAddress); err != nil {
			return err
		}
		expired, err := tx.DeleteExpiredAPIKeys(ctx, ExpiredAPIKeys{
			OrganizationID: p.OrganizationID, ProjectID: project.ID, ServiceAccountID: rule.ServiceAccountID,
			Name: workloadKeyName, Before: s.Now().Add(-workloadKeyKept), Limit: workloadKeySweep,
		})
		if err != nil {
			return err
		}
		for _, keyID := range expired {
			tx.Record(event(audit.APIKeyDeleted, &project, details{ID: keyID}))
		}
		key, secret, err = s.insertAPIKey(ctx, tx, &project, NewAPIKey{
			Name: workloadKeyName, ServiceAccountID: rule.ServiceAccountID, Scopes: rule.Scopes,
			ExpiresInSeconds: optional.Of(int64(workloadKeyLifetime / time.Second)),
		})
		if err != nil {
			return err
		}
		tx.Record(event(audit.WorkloadIdentityTokenExchanged, &project, details{ID: key.ID, Data: map[string]any{
			"identity_provider_id": p.ID, "federation_rule_id": rule.ID, "service_account_id": rule.ServiceAccountID,
			"issuer": p.Issuer, "subject": subjectOf(shown),
		}}))
		return nil
	})
	return key, secret, err
}

// ruleFor returns the oldest enabled rule for the account that the token fits.
// The provider must be as it was when the token was verified.
func (s *Service) ruleFor(ctx context.Context, r Reader, p WorkloadIdentityProvider, accountID string, shown claims) (FederationRule, Project, error) {
	refuse := func(format string, args ...any) (FederationRule, Project, error) {
		return FederationRule{}, Project{}, errNotAccepted(fmt.Errorf(format, args...))
	}
	now, err := r.WorkloadIdentityProvider(ctx, p.OrganizationID, p.ID)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && !now.UpdatedAt.Equal(p.UpdatedAt):
		return refuse("the provider was changed meanwhile")
	case err != nil:
		return FederationRule{}, Project{}, err
	}
	if accountID == "" {
		return refuse("no service account is named")
	}
	rules, err := r.FederationRules(ctx, p.OrganizationID, p.ID, FederationRuleFilter{
		Page: Page{Limit: maxRules, Ascending: true}, ServiceAccountID: accountID,
	})
	if err != nil {
		return FederationRule{}, Project{}, err
	}
	for _, rule := range rules.Items {
		if !rule.Enabled || !rule.fits(&p, shown) {
			continue
		}
		project, err := r.Project(ctx, p.OrganizationID, rule.ProjectID)
		if err != nil {
			return FederationRule{}, Project{}, err
		}
		if project.Archived() {
			return refuse("project %s is archived", project.ID)
		}
		return rule, project, nil
	}
	return refuse("none of %d rules for the service account fits", len(rules.Items))
}

// subjectOf is who a token is about, for the audit log.
func subjectOf(shown claims) string {
	subject, _ := shown["sub"].(string)
	if len(subject) > maxAudience {
		subject = subject[:maxAudience]
	}
	return audit.Legible(subject)
}

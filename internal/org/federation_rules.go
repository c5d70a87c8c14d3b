package org

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// FederationRule lets the tokens of a provider that have certain attributes be
// exchanged for keys of a service account.
type FederationRule struct {
	ID               string
	OrganizationID   string
	ProviderID       string
	ProjectID        string
	ServiceAccountID string
	Name             string // "": none
	Description      string // "": none
	Enabled          bool
	// Matchers are the attributes that a token must have, all of them: each a
	// text, a truth value or a number, in JSON.
	Matchers map[string]json.RawMessage
	// Scopes that the keys are kept to; nil keeps all that the account may do.
	Scopes    []string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RulePermissions say what the keys of a rule may do.
type RulePermissions struct {
	Type   PermissionsType
	Scopes []string // of a restricted rule
}

// PermissionsType is one of the two sorts of permissions.
type PermissionsType string

// The sorts, by OpenAI's words: all that the account may do, or the scopes named.
const (
	PermissionsOfAccount  PermissionsType = "service_account_default"
	PermissionsRestricted PermissionsType = "restricted"
)

func (p *RulePermissions) check() error {
	allowed := []string{string(PermissionsOfAccount), string(PermissionsRestricted)}
	if err := fault.OneOf("permissions.type", string(p.Type), allowed); err != nil {
		return err
	}
	if p.Type == PermissionsOfAccount {
		p.Scopes = nil
		return nil
	}
	// A key without scopes has all of its owner's.
	if len(p.Scopes) == 0 {
		return fault.EmptyArray("permissions.scopes")
	}
	return under("permissions", checkScopes(p.Scopes))
}

// under is err about a field of the object param.
func under(param string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(f.Kind, f.Code, param+"."+f.Param, "%s", f.Message)
	}
	return err
}

// Permissions of the rule.
func (f *FederationRule) Permissions() RulePermissions {
	if f.Scopes == nil {
		return RulePermissions{Type: PermissionsOfAccount}
	}
	return RulePermissions{Type: PermissionsRestricted, Scopes: f.Scopes}
}

// The bounds of rules: all of a provider's for an account are read when a token
// is exchanged.
const (
	maxRules        = 500 // of a provider
	maxMatchers     = 50
	maxMatcherValue = 2048 // in bytes
)

// NewFederationRule is a rule to create.
type NewFederationRule struct {
	ProjectID        string
	ServiceAccountID string
	Name             optional.Value[string]
	Description      optional.Value[string]
	Enabled          optional.Value[bool] // without it: true
	Matchers         map[string]json.RawMessage
	Permissions      optional.Value[RulePermissions] // without them: the account's
}

// FederationRuleChange is a partial update of a rule. Whose keys it gives does
// not change.
type FederationRuleChange struct {
	Name        optional.Value[string] // null removes it
	Description optional.Value[string] // null removes it
	Enabled     optional.Value[bool]
	Matchers    optional.Value[map[string]json.RawMessage]
	Permissions optional.Value[RulePermissions]
}

// check reports the first rule of ours that f breaks.
func (f *FederationRule) check() error {
	if f.Name != "" {
		if err := checkName("name", f.Name); err != nil {
			return err
		}
	}
	if err := checkLength("description", f.Description, maxDescription); err != nil {
		return err
	}
	return checkMatchers(f.Matchers)
}

// checkMatchers refuses a rule without any: every token would fit it.
func checkMatchers(all map[string]json.RawMessage) error {
	const param = "attribute_matchers"
	if len(all) == 0 {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': a rule must match at least one attribute.", param)
	}
	if len(all) > maxMatchers {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': a rule can match %d attributes, and this one has %d.", param, maxMatchers, len(all))
	}
	for _, attribute := range slices.Sorted(maps.Keys(all)) {
		raw := all[attribute]
		at := fmt.Sprintf("%s.%s", param, attribute)
		if err := checkName(param, attribute); err != nil {
			return err
		}
		if len(raw) > maxMatcherValue {
			return fault.StringTooLong(at, maxMatcherValue, len(raw))
		}
		switch v := scalar(raw).(type) {
		case string:
			if v == "" {
				return fault.EmptyString(at)
			}
			if strings.ContainsRune(v, 0) {
				return fault.Invalidf("invalid_value", at, "Invalid '%s': it holds bytes that are no text.", at)
			}
		case bool, json.Number:
		default:
			return fault.Invalidf("invalid_type", at, "Invalid type for '%s': expected a string, a boolean or a number.", at)
		}
	}
	return nil
}

// scalar is the value of raw when it is a string, a bool or a json.Number, else
// nil.
func scalar(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	switch v.(type) {
	case string, bool, json.Number:
		return v
	}
	return nil
}

// CreateFederationRule binds attributes of a provider's tokens to a service
// account.
func (s *Service) CreateFederationRule(ctx context.Context, actor audit.Actor, providerID string, in NewFederationRule) (FederationRule, error) {
	permissions := in.Permissions.Or(RulePermissions{Type: PermissionsOfAccount})
	if err := permissions.check(); err != nil {
		return FederationRule{}, err
	}
	now := s.Now()
	f := FederationRule{
		ID: id.New(id.FederationRule), OrganizationID: actor.OrganizationID, ProviderID: providerID,
		ProjectID: in.ProjectID, ServiceAccountID: in.ServiceAccountID, Name: in.Name.Or(""), Description: in.Description.Or(""),
		Enabled: in.Enabled.Or(true), Matchers: in.Matchers, Scopes: permissions.Scopes, CreatedAt: now, UpdatedAt: now,
	}
	if err := f.check(); err != nil {
		return FederationRule{}, err
	}
	err := s.update(ctx, actor, func(tx Tx) error {
		if _, err := tx.WorkloadIdentityProvider(ctx, actor.OrganizationID, providerID); err != nil {
			return err
		}
		project, err := tx.Project(ctx, actor.OrganizationID, in.ProjectID)
		if err != nil {
			return notFoundAsInvalid(err, "project_id")
		}
		if project.Archived() {
			return fault.Invalidf("project_archived", "project_id", "Project with ID '%s' is archived and can no longer be used or changed.", project.ID)
		}
		if _, err := tx.ServiceAccount(ctx, actor.OrganizationID, project.ID, in.ServiceAccountID); err != nil {
			return notFoundAsInvalid(err, "service_account_id")
		}
		rules, err := tx.FederationRules(ctx, actor.OrganizationID, providerID, FederationRuleFilter{Page: Page{Limit: maxRules}})
		if err != nil {
			return err
		}
		if len(rules.Items) >= maxRules {
			return fault.Invalidf("rule_limit_reached", "", "A provider can have %d federation rules, and has them. Delete one first.", maxRules)
		}
		tx.Record(ruleEvent(audit.FederationRuleCreated, f, &project, map[string]any{"data": map[string]any{
			"project_id": f.ProjectID, "service_account_id": f.ServiceAccountID, "name": f.Name, "description": f.Description,
			"enabled": f.Enabled, "attribute_matchers": f.Matchers, "permissions": permissions.recorded(),
		}}))
		return tx.InsertFederationRule(ctx, f)
	})
	return f, err
}

// recorded is how permissions stand in the audit log.
func (p RulePermissions) recorded() map[string]any {
	if p.Type == PermissionsOfAccount {
		return map[string]any{"type": p.Type}
	}
	return map[string]any{"type": p.Type, "scopes": p.Scopes}
}

// ruleEvent is about a rule, which OpenAI's log calls a mapping, and says which
// provider it is of.
func ruleEvent(a audit.Action, f FederationRule, project *Project, more map[string]any) audit.Event {
	more["id"], more["identity_provider_id"] = f.ID, f.ProviderID
	e := audit.Event{Action: a.Name, Type: a.Type, ResourceID: f.ID, Details: mustJSON(more)}
	if project != nil {
		e.ProjectID, e.ProjectName = project.ID, project.Name
	}
	return e
}

// ruleDeleted is the event of a rule that is gone, or goes with its account.
func ruleDeleted(f FederationRule, project *Project) audit.Event {
	return ruleEvent(audit.FederationRuleDeleted, f, project, map[string]any{
		"project_id": f.ProjectID, "service_account_id": f.ServiceAccountID,
	})
}

// UpdateFederationRule changes the fields that were sent.
func (s *Service) UpdateFederationRule(ctx context.Context, actor audit.Actor, providerID, ruleID string, in FederationRuleChange) (FederationRule, error) {
	if in.Permissions.Given() {
		if err := in.Permissions.V.check(); err != nil {
			return FederationRule{}, err
		}
	}
	var f FederationRule
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if f, err = tx.FederationRule(ctx, actor.OrganizationID, providerID, ruleID); err != nil {
			return err
		}
		project, err := tx.Project(ctx, actor.OrganizationID, f.ProjectID)
		if err != nil {
			return err
		}
		requested := map[string]any{}
		applyNullable(requested, "name", in.Name, &f.Name)
		applyNullable(requested, "description", in.Description, &f.Description)
		apply(requested, "enabled", in.Enabled, &f.Enabled)
		apply(requested, "attribute_matchers", in.Matchers, &f.Matchers)
		if in.Permissions.Given() {
			f.Scopes = in.Permissions.V.Scopes
			requested["permissions"] = in.Permissions.V.recorded()
		}
		if err := f.check(); err != nil {
			return err
		}
		f.UpdatedAt = s.Now()
		tx.Record(ruleEvent(audit.FederationRuleUpdated, f, &project, map[string]any{"changes_requested": requested}))
		return tx.UpdateFederationRule(ctx, f)
	})
	return f, err
}

// DeleteFederationRule removes a rule. Keys that it gave work until they expire.
func (s *Service) DeleteFederationRule(ctx context.Context, actor audit.Actor, providerID, ruleID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		f, err := tx.FederationRule(ctx, actor.OrganizationID, providerID, ruleID)
		if err != nil {
			return err
		}
		project, err := tx.Project(ctx, actor.OrganizationID, f.ProjectID)
		if err != nil {
			return err
		}
		tx.Record(ruleDeleted(f, &project))
		return tx.DeleteFederationRule(ctx, actor.OrganizationID, providerID, f.ID)
	})
}

// FederationRules of a provider.
func (s *Service) FederationRules(ctx context.Context, organizationID, providerID string, f FederationRuleFilter) (Rows[FederationRule], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[FederationRule], error) {
		if _, err := r.WorkloadIdentityProvider(ctx, organizationID, providerID); err != nil {
			return Rows[FederationRule]{}, err
		}
		return r.FederationRules(ctx, organizationID, providerID, f)
	})
}

// FederationRule returns one rule of a provider.
func (s *Service) FederationRule(ctx context.Context, organizationID, providerID, ruleID string) (FederationRule, error) {
	return view(ctx, s.Store, func(r Reader) (FederationRule, error) {
		return r.FederationRule(ctx, organizationID, providerID, ruleID)
	})
}

package org

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"time"

	"github.com/go-jose/go-jose/v4"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// WorkloadIdentityProvider is an issuer of OpenID Connect tokens for programs. A
// token of its, that one of its federation rules fits, is exchanged for a key of
// a service account.
type WorkloadIdentityProvider struct {
	ID              string
	OrganizationID  string
	Name            string
	Description     string // "": none
	Issuer          string // a URL, and the token's iss letter by letter
	Audience        string // one of the token's aud
	Enabled         bool
	Verification    TokenVerification
	Transformations []AttributeTransformation
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// TokenVerification says where the keys are that tokens are signed with.
type TokenVerification struct {
	Type         VerificationType `json:"type"`
	DiscoveryURL string           `json:"discovery_url,omitempty"` // "": the issuer's own
	JWKS         json.RawMessage  `json:"jwks,omitempty"`          // with VerifyByJWKS
}

// VerificationType is one of the two ways to the keys.
type VerificationType string

// The ways, by OpenAI's words (SDK 7.57.0): the issuer's discovery document, or a
// set of keys that was uploaded.
const (
	VerifyByDiscovery VerificationType = "discovery"
	VerifyByJWKS      VerificationType = "uploaded_jwks"
)

// AttributeTransformation names a claim, for rules to match. Attributes that none
// names are the token's claims of that name.
type AttributeTransformation struct {
	Attribute  string `json:"attribute"`
	Expression string `json:"expression"` // see claimPath
}

// The bounds of what is kept of workload identity.
const (
	maxTransformations = 50
	maxJWKS            = 64 << 10 // in bytes
	maxJWKSKeys        = 100
	maxExpression      = 1024 // in characters
	maxAudience        = 1024
)

// NewWorkloadIdentityProvider is a provider to register.
type NewWorkloadIdentityProvider struct {
	Type            string // oidc
	Name            string
	Description     optional.Value[string]
	Issuer          string
	Audience        string
	Enabled         optional.Value[bool] // without it: true
	Verification    optional.Value[TokenVerification]
	Transformations []AttributeTransformation
}

// WorkloadIdentityProviderChange is a partial update of a provider.
type WorkloadIdentityProviderChange struct {
	Name            optional.Value[string]
	Description     optional.Value[string] // null removes it
	Issuer          optional.Value[string]
	Audience        optional.Value[string]
	Enabled         optional.Value[bool]
	Verification    optional.Value[TokenVerification]
	Transformations optional.Value[[]AttributeTransformation]
}

// check reports the first rule that p breaks.
func (p *WorkloadIdentityProvider) check() error {
	if err := checkName("name", p.Name); err != nil {
		return err
	}
	if err := checkLength("description", p.Description, maxDescription); err != nil {
		return err
	}
	if err := checkIssuer("issuer", p.Issuer); err != nil {
		return err
	}
	if p.Audience == "" {
		return fault.EmptyString("audience")
	}
	if err := checkLength("audience", p.Audience, maxAudience); err != nil {
		return err
	}
	if err := p.Verification.check(); err != nil {
		return err
	}
	return checkTransformations(p.Transformations)
}

// checkIssuer refuses an address that keys could not be trusted from: they must
// come over TLS, except from this machine.
func checkIssuer(param, address string) error {
	if err := checkLength(param, address, maxURLLength); err != nil {
		return err
	}
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': it must be an https URL without user, query and fragment.", param)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
		return fault.Invalidf("invalid_value", param, "Invalid '%s': it must begin with https://.", param)
	}
	return nil
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func (v *TokenVerification) check() error {
	if err := fault.OneOf("verification.type", string(v.Type), []string{string(VerifyByDiscovery), string(VerifyByJWKS)}); err != nil {
		return err
	}
	if v.Type == VerifyByDiscovery {
		v.JWKS = nil
		if v.DiscoveryURL == "" {
			return nil
		}
		return checkIssuer("verification.discovery_url", v.DiscoveryURL)
	}
	v.DiscoveryURL = ""
	_, err := v.keys()
	return err
}

// keys of an uploaded set.
func (v *TokenVerification) keys() ([]jose.JSONWebKey, error) {
	const param = "verification.jwks"
	if len(v.JWKS) == 0 {
		return nil, fault.MissingParam(param)
	}
	if len(v.JWKS) > maxJWKS {
		return nil, fault.StringTooLong(param, maxJWKS, len(v.JWKS))
	}
	keys, err := ReadJWKS(v.JWKS)
	if err != nil {
		return nil, fault.Invalidf("invalid_value", param, "Invalid '%s': %s.", param, err)
	}
	return keys, nil
}

// ReadJWKS reads a set of public keys (RFC 7517), of which there must be one at
// least. The error continues a sentence.
func ReadJWKS(raw []byte) ([]jose.JSONWebKey, error) {
	var outer struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(raw, &outer); err != nil || len(outer.Keys) == 0 {
		return nil, fmt.Errorf("it must be an object whose member 'keys' lists at least one key")
	}
	if len(outer.Keys) > maxJWKSKeys {
		return nil, fmt.Errorf("it lists more than %d keys", maxJWKSKeys)
	}
	keys := make([]jose.JSONWebKey, 0, len(outer.Keys))
	for i, each := range outer.Keys {
		var key jose.JSONWebKey
		if err := key.UnmarshalJSON(each); err != nil {
			return nil, fmt.Errorf("its key %d cannot be read", i)
		}
		if !key.Valid() || !key.IsPublic() {
			return nil, fmt.Errorf("its key %d is not a public key", i)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func checkTransformations(all []AttributeTransformation) error {
	if err := checkCount("attribute_transformations", len(all), maxTransformations); err != nil {
		return err
	}
	seen := map[string]bool{}
	for i, t := range all {
		at := fmt.Sprintf("attribute_transformations[%d]", i)
		if err := checkName(at+".attribute", t.Attribute); err != nil {
			return err
		}
		if seen[t.Attribute] {
			return fault.Duplicate(at + ".attribute")
		}
		seen[t.Attribute] = true
		if err := checkLength(at+".expression", t.Expression, maxExpression); err != nil {
			return err
		}
		if _, ok := claimPath(t.Expression); !ok {
			return fault.Invalidf("invalid_value", at+".expression", "Invalid '%s.expression': it must name a claim, as assertion.sub or assertion['kubernetes.io'].namespace do.", at)
		}
	}
	return nil
}

var (
	pathShape = regexp.MustCompile(`^(?:assertion|claims)((?:\.[A-Za-z_][A-Za-z0-9_]*|\['[^']+'\]|\["[^"]+"\])+)$`)
	pathStep  = regexp.MustCompile(`\.([A-Za-z_][A-Za-z0-9_]*)|\['([^']+)'\]|\["([^"]+)"\]`)
)

// claimPath reads an expression: assertion or claims, and the way to a claim in
// the token, of .name and ['name']. OpenAI publishes no grammar; this much is in
// every one that it could be.
func claimPath(expression string) ([]string, bool) {
	whole := pathShape.FindStringSubmatch(expression)
	if whole == nil {
		return nil, false
	}
	var path []string
	for _, step := range pathStep.FindAllStringSubmatch(whole[1], -1) {
		path = append(path, step[1]+step[2]+step[3]) // one of them is not empty
	}
	return path, true
}

// CreateWorkloadIdentityProvider registers a provider.
func (s *Service) CreateWorkloadIdentityProvider(ctx context.Context, actor audit.Actor, in NewWorkloadIdentityProvider) (WorkloadIdentityProvider, error) {
	if err := fault.OneOf("type", in.Type, []string{"oidc"}); err != nil {
		return WorkloadIdentityProvider{}, err
	}
	now := s.Now()
	p := WorkloadIdentityProvider{
		ID: id.New(id.WorkloadIdentityProvider), OrganizationID: actor.OrganizationID,
		Name: in.Name, Description: in.Description.Or(""), Issuer: in.Issuer, Audience: in.Audience, Enabled: in.Enabled.Or(true),
		Verification: in.Verification.Or(TokenVerification{Type: VerifyByDiscovery}), Transformations: in.Transformations,
		CreatedAt: now, UpdatedAt: now,
	}
	if err := p.check(); err != nil {
		return WorkloadIdentityProvider{}, err
	}
	err := s.update(ctx, actor, func(tx Tx) error {
		tx.Record(event(audit.WorkloadIdentityProviderCreated, nil, details{ID: p.ID, Data: map[string]any{
			"type": "oidc", "name": p.Name, "description": p.Description, "issuer": p.Issuer, "audience": p.Audience, "enabled": p.Enabled,
			"verification": p.Verification, "attribute_transformations": p.Transformations,
		}}))
		return tx.InsertWorkloadIdentityProvider(ctx, p)
	})
	return p, err
}

// UpdateWorkloadIdentityProvider changes the fields that were sent.
func (s *Service) UpdateWorkloadIdentityProvider(ctx context.Context, actor audit.Actor, providerID string, in WorkloadIdentityProviderChange) (WorkloadIdentityProvider, error) {
	var p WorkloadIdentityProvider
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if p, err = tx.WorkloadIdentityProvider(ctx, actor.OrganizationID, providerID); err != nil {
			return err
		}
		requested := in.apply(&p)
		if err := p.check(); err != nil {
			return err
		}
		p.UpdatedAt = s.Now()
		tx.Record(event(audit.WorkloadIdentityProviderUpdated, nil, details{ID: p.ID, Changes: requested}))
		return tx.UpdateWorkloadIdentityProvider(ctx, p)
	})
	return p, err
}

// apply changes p and returns what was asked for.
func (in *WorkloadIdentityProviderChange) apply(p *WorkloadIdentityProvider) map[string]any {
	requested := map[string]any{}
	apply(requested, "name", in.Name, &p.Name)
	apply(requested, "issuer", in.Issuer, &p.Issuer)
	apply(requested, "audience", in.Audience, &p.Audience)
	apply(requested, "enabled", in.Enabled, &p.Enabled)
	apply(requested, "verification", in.Verification, &p.Verification)
	apply(requested, "attribute_transformations", in.Transformations, &p.Transformations)
	applyNullable(requested, "description", in.Description, &p.Description)
	return requested
}

// apply sets a field to a value that was sent and not null.
func apply[T any](requested map[string]any, name string, sent optional.Value[T], to *T) {
	if sent.Given() {
		*to = sent.V
		requested[name] = sent.V
	}
}

// applyNullable is apply for a text that null takes away.
func applyNullable(requested map[string]any, name string, sent optional.Value[string], to *string) {
	if sent.Sent {
		*to = sent.Or("")
		requested[name] = sent.Or("")
	}
}

// DeleteWorkloadIdentityProvider removes a provider that has no rules any more.
// Keys that its tokens were exchanged for work until they expire.
func (s *Service) DeleteWorkloadIdentityProvider(ctx context.Context, actor audit.Actor, providerID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		p, err := tx.WorkloadIdentityProvider(ctx, actor.OrganizationID, providerID)
		if err != nil {
			return err
		}
		rules, err := tx.FederationRules(ctx, actor.OrganizationID, p.ID, FederationRuleFilter{Page: Page{Limit: 1}})
		if err != nil {
			return err
		}
		if len(rules.Items) > 0 {
			return fault.Invalidf("provider_has_rules", "", "Workload identity provider with ID '%s' has federation rules. Delete them first.", p.ID)
		}
		tx.Record(audit.Event{
			Action: audit.WorkloadIdentityProviderDeleted.Name, Type: audit.WorkloadIdentityProviderDeleted.Type,
			ResourceID: p.ID, Details: mustJSON(map[string]any{"id": p.ID, "name": p.Name}),
		})
		return tx.DeleteWorkloadIdentityProvider(ctx, actor.OrganizationID, p.ID)
	})
}

// WorkloadIdentityProviders of an organization.
func (s *Service) WorkloadIdentityProviders(ctx context.Context, organizationID string, p Page) (Rows[WorkloadIdentityProvider], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[WorkloadIdentityProvider], error) {
		return r.WorkloadIdentityProviders(ctx, organizationID, p)
	})
}

// WorkloadIdentityProvider returns one provider.
func (s *Service) WorkloadIdentityProvider(ctx context.Context, organizationID, providerID string) (WorkloadIdentityProvider, error) {
	return view(ctx, s.Store, func(r Reader) (WorkloadIdentityProvider, error) {
		return r.WorkloadIdentityProvider(ctx, organizationID, providerID)
	})
}

// Package verdict has the words for what the gateway would do with a request,
// rule by rule.
package verdict

import (
	"net/netip"

	"weir/internal/id"
)

// Question is a request of which somebody wants to know what would become of it.
type Question struct {
	OrganizationID string // whose key it must be
	KeyID          string
	Secret         id.Hash // of the key's secret; used where KeyID is ""

	Method      string
	Path        string // with its query, as the caller would send it
	ContentType string
	Body        []byte
	Address     netip.Addr // that the caller would come from; the zero Addr: nobody knows
}

// Rule is one of the things that a request is held against.
type Rule string

// The rules, in the order in which the gateway comes to them.
const (
	Route                 Rule = "route"        // there is such an operation
	APIKey                Rule = "api_key"      // the key works
	IPAllowlist           Rule = "ip_allowlist" // the caller's address
	Certificate           Rule = "client_certificate"
	Body                  Rule = "body"        // it can be read
	Project               Rule = "project"     // it is not archived
	KeyScopes             Rule = "key_scopes"  // what the key is narrowed to
	OwnerRoles            Rule = "owner_roles" // what its owner may do in the project
	Model                 Rule = "model"       // something serves it, in a workspace that is open to the project
	Upstreams             Rule = "upstreams"   // there is one to send it to
	ReadableBody          Rule = "readable_body"
	ModelPermissions      Rule = "model_permissions"
	CheckpointPermissions Rule = "checkpoint_permissions"
	HostedTools           Rule = "hosted_tools"
	DataRetention         Rule = "data_retention"
	ServiceTier           Rule = "service_tier"
	Limits                Rule = "limits" // rate and spend limits
)

// Rules returns all of them, in order.
func Rules() []Rule {
	return []Rule{
		Route, APIKey, IPAllowlist, Certificate, Body, Project, KeyScopes, OwnerRoles, Model, Upstreams,
		ReadableBody, ModelPermissions, CheckpointPermissions, HostedTools, DataRetention, ServiceTier, Limits,
	}
}

// Outcome is what a rule says of the request.
type Outcome string

// The outcomes.
const (
	Passed    Outcome = "passed"
	Refused   Outcome = "refused"
	Unreached Outcome = "not_reached"   // an earlier rule refused
	Unasked   Outcome = "not_evaluated" // it does not concern this request, or cannot be told
)

// Step is one rule and what it says.
type Step struct {
	Rule     Rule
	Outcome  Outcome
	SourceID string // of the object that decides; "" where none does
	Detail   string
}

// Upstream is where the request would be sent.
type Upstream struct {
	ConnectionID string
	Model        string // "": the request names none
	ExcludedBy   Rule   // "": it would be tried
}

// Reservation is what one limit would set aside for the request until its end.
type Reservation struct {
	HolderID string // the key, project or organization whose limit it is
	Unit     string // requests, tokens, images, audio_bytes, batch_tokens, nano_usd
	Amount   int64
	Limit    int64
	Left     int64 // before the request
}

// Explanation is the answer to a Question.
type Explanation struct {
	KeyID, ProjectID             string
	WorkspaceID, ModelEndpointID string // "" where the request did not come so far
	Err                          error  // of the rule that refuses; nil: it would be sent
	Steps                        []Step // every rule, in order
	Upstreams                    []Upstream
	Edits                        []Edit // of the body, beside the model's name
	Reservations                 []Reservation
}

// Edit is a field of the body that would be sent otherwise than it came.
type Edit struct{ Field, Value string }

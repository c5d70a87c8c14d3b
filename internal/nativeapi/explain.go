package nativeapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"

	"weir/internal/access"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/openaiwire"
	"weir/internal/optional"
	"weir/internal/verdict"
)

// Explainer says what would become of a request to a model (package gateway).
type Explainer interface {
	// Explain is not found where the organization has no such key.
	Explain(ctx context.Context, q verdict.Question) (verdict.Explanation, error)
}

// question is a call of which somebody wants to know what would become of it.
type question struct {
	APIKeyID  optional.Value[string] `json:"api_key_id"`
	APIKey    optional.Value[string] `json:"api_key"` // its secret, instead; it is not kept
	Model     optional.Value[string] `json:"model"`   // instead of body
	Body      json.RawMessage        `json:"body"`
	Method    optional.Value[string] `json:"method"` // POST
	Path      optional.Value[string] `json:"path"`   // /v1/chat/completions
	IPAddress optional.Value[string] `json:"ip_address"`
}

// explanation is the answer: every rule in the order in which the gateway comes
// to them.
type explanation struct {
	Object          string            `json:"object"` // explanation
	Allowed         bool              `json:"allowed"`
	Refusal         *refusal          `json:"refusal"` // null: it would be sent
	APIKeyID        string            `json:"api_key_id"`
	ProjectID       string            `json:"project_id"`
	WorkspaceID     *string           `json:"workspace_id"`
	ModelEndpointID *string           `json:"model_endpoint_id"`
	Rules           []ruling          `json:"rules"`
	Upstreams       []upstreamInOrder `json:"upstreams"`
	Edits           []bodyEdit        `json:"edits"`
	Reservations    []reservation     `json:"reservations"`
}

// refusal is what the caller would be answered.
type refusal struct {
	Rule    string  `json:"rule"`
	Status  int     `json:"status"`
	Code    *string `json:"code"`
	Param   *string `json:"param"`
	Message string  `json:"message"`
}

type ruling struct {
	Rule     string  `json:"rule"`
	Verdict  string  `json:"verdict"` // passed, refused, not_reached, not_evaluated
	SourceID *string `json:"source_id"`
	Detail   *string `json:"detail"`
}

// upstreamInOrder is one that would be tried, or that a rule excludes.
type upstreamInOrder struct {
	ConnectionID string  `json:"connection_id"`
	Model        *string `json:"model"`
	ExcludedBy   *string `json:"excluded_by"`
}

type bodyEdit struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

type reservation struct {
	HolderID string `json:"holder_id"`
	Unit     string `json:"unit"`
	Amount   int64  `json:"amount"`
	Limit    int64  `json:"limit"`
	Left     int64  `json:"left"`
}

func (a *API) explanations() []endpoint.Endpoint {
	return []endpoint.Endpoint{
		// It changes nothing, and so leaves nothing in the audit log.
		endpoint.Write("POST "+root+"/explain", access.ProjectRead, endpoint.Anywhere, nil, a.explain),
	}
}

func (a *API) explain(ctx context.Context, c *endpoint.Call, in question) (explanation, error) {
	q, err := in.ask(c.OrganizationID())
	if err != nil {
		return explanation{}, err
	}
	e, err := a.explainer.Explain(ctx, q)
	if err != nil {
		return explanation{}, err
	}
	if err := c.Require(access.ProjectRead, access.Scope{ProjectID: e.ProjectID}); err != nil {
		return explanation{}, err
	}
	return showExplanation(e), nil
}

// ask checks the question.
func (in question) ask(organizationID string) (verdict.Question, error) {
	q := verdict.Question{
		OrganizationID: organizationID, KeyID: in.APIKeyID.V, Method: in.Method.Or(http.MethodPost), Path: in.Path.Or("/v1/chat/completions"),
	}
	switch {
	case in.APIKeyID.Given() == in.APIKey.Given():
		return q, fault.Invalidf("missing_required_parameter", "api_key_id", "Exactly one of 'api_key_id' and 'api_key' is needed.")
	case in.APIKey.Given():
		q.Secret = id.HashOf(in.APIKey.V)
	case q.KeyID == "":
		return q, fault.Invalidf("empty_string", "api_key_id", "Invalid 'api_key_id': empty string.")
	}
	q.Body = in.Body
	if in.Model.Given() {
		if len(in.Body) > 0 {
			return q, fault.Invalidf("invalid_value", "model", "'model' stands for a body that names it: send one of the two.")
		}
		var err error
		if q.Body, err = json.Marshal(map[string]string{"model": in.Model.V}); err != nil {
			return q, err
		}
	}
	if len(q.Body) > 0 {
		q.ContentType = "application/json"
	}
	if !strings.HasPrefix(q.Path, "/") {
		return q, fault.Invalidf("invalid_value", "path", "Invalid 'path': expected one that begins with /, such as /v1/chat/completions.")
	}
	if in.IPAddress.Given() {
		address, err := netip.ParseAddr(in.IPAddress.V)
		if err != nil {
			return q, fault.Invalidf("invalid_value", "ip_address", "Invalid 'ip_address': '%s' is no address.", in.IPAddress.V)
		}
		q.Address = address
	}
	return q, nil
}

func showExplanation(e verdict.Explanation) explanation {
	shown := explanation{
		Object: "explanation", Allowed: e.Err == nil, APIKeyID: e.KeyID, ProjectID: e.ProjectID,
		WorkspaceID: endpoint.TextOrNull(e.WorkspaceID), ModelEndpointID: endpoint.TextOrNull(e.ModelEndpointID),
		Rules: make([]ruling, len(e.Steps)), Upstreams: make([]upstreamInOrder, len(e.Upstreams)),
		Edits: make([]bodyEdit, len(e.Edits)), Reservations: make([]reservation, len(e.Reservations)),
	}
	var refusedBy verdict.Rule
	for i, s := range e.Steps {
		shown.Rules[i] = ruling{string(s.Rule), string(s.Outcome), endpoint.TextOrNull(s.SourceID), endpoint.TextOrNull(s.Detail)}
		if s.Outcome == verdict.Refused {
			refusedBy = s.Rule
		}
	}
	if e.Err != nil {
		shown.Refusal = showRefusal(refusedBy, e.Err)
	}
	for i, u := range e.Upstreams {
		shown.Upstreams[i] = upstreamInOrder{u.ConnectionID, endpoint.TextOrNull(u.Model), endpoint.TextOrNull(string(u.ExcludedBy))}
	}
	for i, edit := range e.Edits {
		shown.Edits[i] = bodyEdit(edit)
	}
	for i, r := range e.Reservations {
		shown.Reservations[i] = reservation(r)
	}
	return shown
}

func showRefusal(rule verdict.Rule, err error) *refusal {
	status, body := openaiwire.Body(err)
	return &refusal{Rule: string(rule), Status: status, Code: body.Error.Code, Param: body.Error.Param, Message: body.Error.Message}
}

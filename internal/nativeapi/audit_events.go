package nativeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
)

// auditEvent is an entry of the audit log under weir's own name of the action,
// with its place in the organization's chain. As in OpenAI's log, the details
// also stand under the name of the type, so that a reader of that log reads
// this one.
type auditEvent struct {
	Object      string          `json:"object"` // audit_event
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	EffectiveAt int64           `json:"effective_at"`
	Project     auditProject    `json:"project"`
	Actor       auditActor      `json:"actor"`
	ResourceID  *string         `json:"resource_id"`
	Details     json.RawMessage `json:"details"`
	Seq         int64           `json:"seq"`
	Hash        string          `json:"hash"`
	PrevHash    *string         `json:"prev_hash"` // null: the first event
}

// MarshalJSON adds the details under the name of the type.
func (e auditEvent) MarshalJSON() ([]byte, error) {
	type fields auditEvent
	body, err := json.Marshal(fields(e))
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(e.Type)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimSuffix(body, []byte("}"))
	return slices.Concat(body, []byte(","), name, []byte(":"), e.Details, []byte("}")), nil
}

// auditProject is the project of the change; the default project for changes
// of the organization itself.
type auditProject struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// auditActor holds a session or a key, as type says, where somebody unknown
// came from, or nothing for weir itself.
type auditActor struct {
	Type    string         `json:"type"` // session, api_key, unknown or system
	Session *auditSession  `json:"session,omitempty"`
	APIKey  *auditKey      `json:"api_key,omitempty"`
	SCIM    *auditToken    `json:"scim,omitempty"`
	Unknown *auditStranger `json:"unknown,omitempty"`
}

// auditToken is an identity provider's.
type auditToken struct {
	ID        string `json:"id"`
	IPAddress string `json:"ip_address"`
	UserAgent string `json:"user_agent"`
}

type auditStranger struct {
	IPAddress string `json:"ip_address"`
	UserAgent string `json:"user_agent"`
}

type auditSession struct {
	ID        *string   `json:"id"` // null: a sign-in that failed
	User      auditUser `json:"user"`
	IPAddress string    `json:"ip_address"`
	UserAgent string    `json:"user_agent"`
}

type auditKey struct {
	ID             string        `json:"id"`
	Type           string        `json:"type"` // user or service_account
	User           *auditUser    `json:"user,omitempty"`
	ServiceAccount *auditAccount `json:"service_account,omitempty"`
	IPAddress      string        `json:"ip_address"`
	UserAgent      string        `json:"user_agent"`
}

type auditUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type auditAccount struct {
	ID string `json:"id"`
}

func (a *API) auditEvents() []endpoint.Endpoint {
	page := endpoint.Listing[auditEvent, auditEvent]{
		Limit: 20, Min: 1, Max: 100, Before: true,
		ID: func(e auditEvent) string { return e.ID }, Show: endpoint.Same[auditEvent],
	}
	return []endpoint.Endpoint{
		endpoint.List("GET "+root+"/audit_events", access.ManagementRead, endpoint.AtOrganization, page, a.listAuditEvents),
	}
}

func (a *API) listAuditEvents(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[auditEvent], error) {
	q, err := auditQuery(c.Query)
	if err != nil {
		return org.Rows[auditEvent]{}, err
	}
	q.After, q.Before, q.Limit = p.After, p.Before, p.Limit
	fallback, err := a.org.DefaultProject(ctx, c.OrganizationID())
	if err != nil {
		return org.Rows[auditEvent]{}, err
	}
	rows, err := a.org.AuditEvents(ctx, c.OrganizationID(), q)
	if err != nil {
		return org.Rows[auditEvent]{}, err
	}
	shown := org.Rows[auditEvent]{Items: make([]auditEvent, len(rows.Items)), More: rows.More}
	for i, e := range rows.Items {
		shown.Items[i] = showAuditEvent(e, auditProject{fallback.ID, fallback.Name})
	}
	return shown, nil
}

// auditQuery reads the filters of the compatible log. A misspelt one is
// refused: an audit that silently shows everything is no audit.
func auditQuery(q *endpoint.Query) (audit.Query, error) {
	q.Only("effective_at", "project_ids", "event_types", "actor_ids", "actor_emails", "resource_ids", "tenant_only",
		"after", "before", "limit")
	f := q.AuditQuery()
	f.Types = q.Strings("event_types")
	if q.Bool("tenant_only", false) {
		return f, fault.Invalidf("invalid_value", "tenant_only", "Invalid 'tenant_only': weir has no events of a tenant above the organization.")
	}
	return f, q.Err()
}

func showAuditEvent(e audit.Event, project auditProject) auditEvent {
	if e.ProjectID != "" {
		project = auditProject{e.ProjectID, e.ProjectName}
	}
	details := e.Details
	if len(details) == 0 {
		details = json.RawMessage("{}")
	}
	return auditEvent{
		Object: "audit_event", ID: e.ID, Type: e.Action, EffectiveAt: e.EffectiveAt.Unix(), Project: project,
		Actor: showActor(e.Actor), ResourceID: endpoint.TextOrNull(e.ResourceID), Details: details,
		Seq: e.Seq, Hash: e.Hash, PrevHash: endpoint.TextOrNull(e.PrevHash),
	}
}

func showActor(who audit.Actor) auditActor {
	shown := auditActor{Type: string(who.Type)}
	user := auditUser{ID: who.UserID, Email: who.UserEmail}
	switch who.Type {
	case audit.ActorSession:
		shown.Session = &auditSession{ID: endpoint.TextOrNull(who.SessionID), User: user, IPAddress: who.IPAddress, UserAgent: who.UserAgent}
	case audit.ActorAPIKey:
		shown.APIKey = &auditKey{ID: who.APIKeyID, Type: "user", User: &user, IPAddress: who.IPAddress, UserAgent: who.UserAgent}
		if who.ServiceAccountID != "" {
			shown.APIKey.Type, shown.APIKey.User = "service_account", nil
			shown.APIKey.ServiceAccount = &auditAccount{ID: who.ServiceAccountID}
		}
	case audit.ActorSCIM:
		shown.SCIM = &auditToken{ID: who.APIKeyID, IPAddress: who.IPAddress, UserAgent: who.UserAgent}
	case audit.ActorUnknown:
		shown.Unknown = &auditStranger{IPAddress: who.IPAddress, UserAgent: who.UserAgent}
	case audit.ActorSystem:
	}
	return shown
}

package adminapi

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/org"
)

// auditLog is an entry of the log. What happened stands under the event's own
// type as its key: {"type": "project.created", "project.created": {…}}.
type auditLog struct {
	ID          string          `json:"id"`
	Type        string          `json:"type"`
	EffectiveAt int64           `json:"effective_at"`
	Project     *auditProject   `json:"project,omitempty"`
	Actor       *auditActor     `json:"actor"` // null: weir itself
	Details     json.RawMessage `json:"-"`
}

// MarshalJSON implements json.Marshaler.
func (l auditLog) MarshalJSON() ([]byte, error) {
	type fixed auditLog
	out, err := json.Marshal(fixed(l))
	if err != nil {
		return nil, err
	}
	key, err := json.Marshal(l.Type)
	if err != nil {
		return nil, err
	}
	out = append(out[:len(out)-1], ',')
	return slices.Concat(out, key, []byte{':'}, l.Details, []byte{'}'}), nil
}

type auditProject struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// auditActor holds a session or a key, as type says.
type auditActor struct {
	Type    string        `json:"type"`
	Session *auditSession `json:"session,omitempty"`
	APIKey  *auditKey     `json:"api_key,omitempty"`
}

type auditSession struct {
	User      auditUser `json:"user"`
	IPAddress string    `json:"ip_address"`
	UserAgent string    `json:"user_agent,omitempty"`
}

type auditKey struct {
	ID             string        `json:"id"`
	Type           string        `json:"type"` // user or service_account
	User           *auditUser    `json:"user,omitempty"`
	ServiceAccount *auditAccount `json:"service_account,omitempty"`
}

type auditUser struct {
	ID    string `json:"id"`
	Email string `json:"email"`
}

type auditAccount struct {
	ID string `json:"id"`
}

func (a *API) auditLogs() []endpoint.Endpoint {
	page := endpoint.Listing[auditLog, auditLog]{
		Limit: 20, Min: 1, Max: 100, Before: true,
		ID: func(l auditLog) string { return l.ID }, Show: endpoint.Same[auditLog],
	}
	return []endpoint.Endpoint{
		endpoint.List("GET /v1/organization/audit_logs", access.ManagementRead, endpoint.AtOrganization, page, a.listAuditLogs),
	}
}

// listAuditLogs answers newest first. An event that names no project is shown
// as the default project's.
func (a *API) listAuditLogs(ctx context.Context, c *endpoint.Call, p org.Page) (org.Rows[auditLog], error) {
	query, err := auditQuery(c.Query)
	if err != nil {
		return org.Rows[auditLog]{}, err
	}
	query.After, query.Before, query.Limit = p.After, p.Before, p.Limit
	fallback, err := a.org.DefaultProject(ctx, c.OrganizationID())
	if err != nil {
		return org.Rows[auditLog]{}, err
	}
	events, err := a.org.AuditEvents(ctx, c.OrganizationID(), query)
	shown := org.Rows[auditLog]{Items: make([]auditLog, len(events.Items)), More: events.More}
	for i, e := range events.Items {
		shown.Items[i] = showAuditLog(e, fallback)
	}
	return shown, err
}

func auditQuery(q *endpoint.Query) (audit.Query, error) {
	query := q.AuditQuery()
	query.Compatible = true
	query.Types = q.Enums("event_types", slices.Concat(auditTypes, tenantAuditTypes)...)
	tenantOnly := q.Bool("tenant_only", false)
	if err := q.Err(); err != nil {
		return audit.Query{}, err
	}
	for _, eventType := range query.Types {
		switch isTenant := slices.Contains(tenantAuditTypes, eventType); {
		case tenantOnly && !isTenant:
			return audit.Query{}, fault.Invalidf("invalid_value", "event_types", "Invalid value: '%s' is not a tenant-scoped event type, and 'tenant_only' asks for no others.", eventType)
		case !tenantOnly && isTenant:
			return audit.Query{}, fault.Invalidf("invalid_value", "event_types", "Invalid value: '%s' is a tenant-scoped event type, which needs 'tenant_only' to be true.", eventType)
		}
	}
	if tenantOnly && len(query.Types) == 0 {
		// weir has no tenant above its organizations and records none of these
		// events: asking for one finds as little as asking for all, by an index.
		query.Types = tenantAuditTypes[:1]
	}
	return query, nil
}

func showAuditLog(e audit.Event, fallback org.Project) auditLog {
	shown := auditLog{
		ID: e.ID, Type: e.Type, EffectiveAt: e.EffectiveAt.Unix(),
		Project: &auditProject{ID: e.ProjectID, Name: e.ProjectName},
		Actor:   showAuditActor(e.Actor), Details: e.Details,
	}
	if e.ProjectID == "" {
		shown.Project = &auditProject{ID: fallback.ID, Name: fallback.Name}
	}
	if len(shown.Details) == 0 {
		shown.Details = json.RawMessage("{}")
	}
	return shown
}

func showAuditActor(actor audit.Actor) *auditActor {
	person := auditUser{ID: actor.UserID, Email: actor.UserEmail}
	switch actor.Type {
	case audit.ActorSession:
		return &auditActor{Type: "session", Session: &auditSession{
			User: person, IPAddress: actor.IPAddress, UserAgent: actor.UserAgent,
		}}
	case audit.ActorAPIKey:
		key := auditKey{ID: actor.APIKeyID, Type: "user", User: &person}
		if actor.ServiceAccountID != "" {
			key = auditKey{ID: actor.APIKeyID, Type: "service_account", ServiceAccount: &auditAccount{actor.ServiceAccountID}}
		}
		return &auditActor{Type: "api_key", APIKey: &key}
	case audit.ActorSCIM: // a machine with a token
		return &auditActor{Type: "api_key", APIKey: &auditKey{
			ID: actor.APIKeyID, Type: "service_account", ServiceAccount: &auditAccount{actor.APIKeyID},
		}}
	case audit.ActorSystem, audit.ActorUnknown:
		return nil
	}
	panic(fmt.Sprintf("adminapi: no way to show an actor of type %q", actor.Type))
}

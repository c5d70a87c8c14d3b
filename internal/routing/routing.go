// Package routing says which upstreams serve a model: connections to providers,
// the workspaces they live in, named model endpoints, and choose. Its rules are
// pure; what they work on comes from the gateway's snapshot.
package routing

import "time"

// Provider is a kind of upstream API.
type Provider string

// The providers that have an adapter (package upstream).
const (
	OpenAI           Provider = "openai"
	OpenAICompatible Provider = "openai_compatible"
	AzureOpenAI      Provider = "azure_openai"
	Sandbox          Provider = "sandbox" // built in; needs no key
)

// DefaultBaseURL is where a provider lives unless the connection says
// otherwise; "" when it must.
func (p Provider) DefaultBaseURL() string {
	switch p {
	case OpenAI:
		return "https://api.openai.com/v1"
	case Sandbox:
		return "sandbox:///v1"
	}
	return ""
}

// Status is whether a connection's inference key worked when last tried.
type Status string

// The states of a connection's inference side.
const (
	StatusNone  Status = "none" // no inference key
	StatusOK    Status = "ok"
	StatusError Status = "error"
)

// Sealed is an encrypted secret. Only the vault makes and opens it.
type Sealed []byte

// Connection is a provider account. Its secrets stand here only sealed.
type Connection struct {
	ID             string
	OrganizationID string
	Name           string
	Description    string
	Provider       Provider
	BaseURL        string // no trailing slash

	APIKey           Sealed // nil: none
	APIKeyRedacted   string
	AdminKey         Sealed // nil: none; used for the bill only
	AdminKeyRedacted string
	Headers          Sealed   // a JSON object of extra request headers; nil: none
	HeaderNames      []string // what Headers holds, for display

	UpstreamOrganization string // sent as OpenAI-Organization
	UpstreamProject      string // sent as OpenAI-Project

	WorkspaceIDs  []string
	Models        []string // the models it serves, in the caller's order; nil: those it was seen to serve
	Discovered    []string // from the provider's own list when last asked
	NoStreamUsage bool     // the provider does not know stream_options.include_usage

	Status    Status
	LastError string
	ProbedAt  time.Time // zero: never
	CreatedAt time.Time
}

// Serves returns the models the connection serves.
func (c *Connection) Serves() []string {
	if c.Models != nil {
		return c.Models
	}
	return c.Discovered
}

// DefaultWorkspace is the name of the workspace every organization has.
const DefaultWorkspace = "default"

// Workspace is where connections and model endpoints live, and which projects
// may use them.
type Workspace struct {
	ID             string
	OrganizationID string
	Name           string   // part of URLs
	ProjectIDs     []string // nil: all of the organization
	CreatedAt      time.Time
}

// Admits reports whether keys of the project may be used in the workspace.
func (w *Workspace) Admits(projectID string) bool {
	if w.ProjectIDs == nil {
		return true
	}
	for _, id := range w.ProjectIDs {
		if id == projectID {
			return true
		}
	}
	return false
}

// Upstream is one place that can serve a model endpoint.
type Upstream struct {
	ConnectionID string `json:"connection_id"`
	Model        string `json:"model"`
	Priority     int    `json:"priority"` // lower first
	Weight       int    `json:"weight"`   // share among equals
}

// Hangup is what happens to the provider's answer when the caller is gone.
type Hangup string

// The hang-up policies.
const (
	HangupDrain  Hangup = "drain" // read on, to learn what it cost
	HangupCancel Hangup = "cancel"
)

// Timeouts of a model endpoint, in milliseconds; 0 means the gateway's default.
type Timeouts struct {
	ConnectMS   int64 `json:"connect_ms"`
	FirstByteMS int64 `json:"first_byte_ms"`
	IdleMS      int64 `json:"idle_ms"`
	TotalMS     int64 `json:"total_ms"`
}

// ModelEndpoint is a named way to call a model.
type ModelEndpoint struct {
	ID              string
	OrganizationID  string
	WorkspaceID     string
	Name            string // part of URLs; also the "model" on /v1
	Upstreams       []Upstream
	Enabled         bool
	MaxOutputTokens int64 // 0: the model's own
	Hangup          Hangup
	Timeouts        Timeouts
	Retries         int
	CreatedBy       string // a user or service account
	CreatedAt       time.Time
}

// Probe is what trying a connection's keys showed.
type Probe struct {
	APIKey   *KeyProbe // nil: there was no such key to try
	AdminKey *KeyProbe
}

// KeyProbe is what one key could do. Error is a sentence for people, "" when OK.
type KeyProbe struct {
	OK       bool
	Models   []string // APIKey: what the provider lists
	Scopes   []string // AdminKey: which reads answered
	CanWrite *bool    // AdminKey: nil where nothing tells
	Error    string
}

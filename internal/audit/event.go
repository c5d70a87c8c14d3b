// Package audit is the record of who changed what: the actions, the shape of an
// event, the hash chain that shows tampering, and the query of the log.
//
// Events are written in the transaction of the change they describe; package
// org does that, the store gives them their sequence and hash.
package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"
)

// ActorType says how the caller showed who it is.
type ActorType string

// The ways to act. System is weir itself: bootstrap, jobs. Unknown is somebody
// whose key or session is not one of ours; such an actor changes nothing.
const (
	ActorAPIKey  ActorType = "api_key"
	ActorSession ActorType = "session"
	ActorSystem  ActorType = "system"
	ActorSCIM    ActorType = "scim" // an identity provider; APIKeyID is its token's id
	ActorUnknown ActorType = "unknown"
)

// Actor is who made a change, as far as the log needs it. Exactly one of
// UserID and ServiceAccountID is set, except for System, SCIM and Unknown.
type Actor struct {
	OrganizationID   string    `json:"-"` // the tenant it acts in
	Type             ActorType `json:"type"`
	UserID           string    `json:"user_id,omitempty"`
	UserEmail        string    `json:"user_email,omitempty"`
	ServiceAccountID string    `json:"service_account_id,omitempty"`
	APIKeyID         string    `json:"api_key_id,omitempty"` // the key's tracking id
	SessionID        string    `json:"session_id,omitempty"`
	IPAddress        string    `json:"ip_address,omitempty"`
	UserAgent        string    `json:"user_agent,omitempty"`
}

// System returns weir itself acting in an organization.
func System(organizationID string) Actor {
	return Actor{OrganizationID: organizationID, Type: ActorSystem}
}

// PrincipalID is the user or service account that acts; "" for weir itself.
func (a *Actor) PrincipalID() string { return a.UserID + a.ServiceAccountID }

// Event is one entry of the log. Seq counts from 1 within an organization;
// Hash covers every other field and the previous event's hash.
type Event struct {
	ID             string
	OrganizationID string
	Seq            int64
	Action         string // weir's name of the action
	Type           string // its name in the OpenAI-compatible log; empty: not shown there
	EffectiveAt    time.Time
	ProjectID      string // empty: the organization itself
	ProjectName    string // at the time of the event
	Actor          Actor
	ResourceID     string          // what was changed; the details' "id"
	Details        json.RawMessage // an object, by the action
	PrevHash       string          // hexadecimal; empty for the first event
	Hash           string          // hexadecimal SHA-256
}

// Seal puts e behind the event with sequence prevSeq and hash prevHash.
func (e *Event) Seal(prevSeq int64, prevHash string) error {
	e.Seq, e.PrevHash = prevSeq+1, prevHash
	sum, err := e.sum()
	if err != nil {
		return err
	}
	e.Hash = sum
	return nil
}

// Verify reports an error when e was altered after it was sealed, or does not
// follow the event with hash prevHash.
func (e *Event) Verify(prevHash string) error {
	if e.PrevHash != prevHash {
		return fmt.Errorf("audit event %s (sequence %d) does not follow the event before it", e.ID, e.Seq)
	}
	sum, err := e.sum()
	if err != nil {
		return err
	}
	if sum != e.Hash {
		return fmt.Errorf("audit event %s (sequence %d) was altered", e.ID, e.Seq)
	}
	return nil
}

// sum hashes the event in a fixed order of fields. Changing this order, or what
// is covered, breaks every stored chain: docs/formats/audit-chain.md.
func (e *Event) sum() (string, error) {
	raw, err := json.Marshal([]any{
		"weir-audit-1", e.OrganizationID, e.Seq, e.PrevHash, e.ID, e.Action, e.Type,
		e.EffectiveAt.UnixMicro(), e.ProjectID, e.ProjectName, e.Actor, e.ResourceID, string(e.Details),
	})
	if err != nil {
		return "", fmt.Errorf("hashing audit event %s: %w", e.ID, err)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:]), nil
}

// Query selects events of one organization, newest first. Filters combine with
// AND, the values of one filter with OR; empty filters match everything. The
// time bounds are in whole seconds, as the API has them; nil means unbounded.
type Query struct {
	After, Before string // event ids; at most one is set
	Limit         int
	Compatible    bool // only events that have a Type

	EffectiveGT, EffectiveGTE, EffectiveLT, EffectiveLTE *int64

	ProjectIDs  []string
	Types       []string // of the compatible log, or of Action when not Compatible
	ActorIDs    []string // a user, a service account or a key
	ActorEmails []string
	ResourceIDs []string
}

package usage

import (
	"context"
	"time"
)

// ObjectKind is what a project keeps at a provider. The values are what the
// provider's answers call it in their member "object", where they do.
type ObjectKind string

// What providers keep for projects.
const (
	ObjectFile             ObjectKind = "file"
	ObjectUpload           ObjectKind = "upload"
	ObjectBatch            ObjectKind = "batch"
	ObjectResponse         ObjectKind = "response"
	ObjectConversation     ObjectKind = "conversation"
	ObjectVectorStore      ObjectKind = "vector_store"
	ObjectContainer        ObjectKind = "container"
	ObjectFineTuningJob    ObjectKind = "fine_tuning.job"
	ObjectEval             ObjectKind = "eval"
	ObjectVideo            ObjectKind = "video"
	ObjectStoredCompletion ObjectKind = "chat.completion"
	ObjectAssistant        ObjectKind = "assistant"
	ObjectThread           ObjectKind = "thread"
)

// Object is something at a provider that a request made, found out about or
// deleted. It belongs to the project of the event that names it first.
type Object struct {
	Kind    ObjectKind `json:"kind"`
	ID      string     `json:"id"` // as the provider gave it
	Deleted bool       `json:"deleted,omitempty"`
}

// OwnedObject is an object at a provider and who made it.
type OwnedObject struct {
	ID             string
	Kind           ObjectKind
	OrganizationID string
	ConnectionID   string // where it is
	ProjectID      string
	Made           time.Time // when the request that made it was received
	Deleted        time.Time // zero: not that anybody knows
}

// Objects knows who made what at the providers. What an event of Apply names is
// known once Apply has returned; it outlives the event's row in the request log.
// One id at one connection of one organization has one owner, the first.
type Objects interface {
	// Owners returns everything known under the ids, of every organization: two
	// providers may give the same one. An id that nothing is known of is left out.
	Owners(ctx context.Context, ids []string) ([]OwnedObject, error)
}

package gateway

import (
	"net/http"
	"strings"

	"weir/internal/access"
	"weir/internal/usage"
)

// resource is a family of objects that projects keep at a provider. Its address
// lists them and takes new ones; one of them, and all below it, is at
// address/{id}.
type resource struct {
	path        string
	kind        usage.ObjectKind
	read, write access.Permission
	posts       usage.Kind // of what POSTs consume: none, or unmetered
	// actions stand where an id would and are none.
	actions []string
}

// resources are the families whose objects belong to the project that made them,
// by address. What is not here is forwarded without asking whose it is.
var resources = map[string]*resource{
	"/files":            {path: "/files", kind: usage.ObjectFile, read: "api.files.read", write: "api.files.write", posts: usage.None},
	"/uploads":          {path: "/uploads", kind: usage.ObjectUpload, read: "api.files.read", write: "api.files.write", posts: usage.None},
	"/batches":          {path: "/batches", kind: usage.ObjectBatch, read: "api.batch.read", write: "api.batch.write", posts: usage.None},
	"/responses":        {path: "/responses", kind: usage.ObjectResponse, read: "api.responses.read", write: responsesWrite, posts: usage.None, actions: []string{"compact", "input_tokens"}},
	"/conversations":    {path: "/conversations", kind: usage.ObjectConversation, read: "api.responses.read", write: responsesWrite, posts: usage.None},
	"/containers":       {path: "/containers", kind: usage.ObjectContainer, read: "api.responses.read", write: responsesWrite, posts: usage.Unmetered},
	"/vector_stores":    {path: "/vector_stores", kind: usage.ObjectVectorStore, read: "api.vector_stores.read", write: "api.vector_stores.write", posts: usage.Unmetered},
	"/fine_tuning/jobs": {path: "/fine_tuning/jobs", kind: usage.ObjectFineTuningJob, read: "api.fine_tuning.read", write: "api.fine_tuning.write", posts: usage.Unmetered},
	"/evals":            {path: "/evals", kind: usage.ObjectEval, read: "api.evals.read", write: "api.evals.write", posts: usage.Unmetered},
	"/videos":           {path: "/videos", kind: usage.ObjectVideo, read: "api.videos.read", write: "api.videos.write", posts: usage.Unmetered, actions: []string{"edits", "extensions", "characters"}},
	"/chat/completions": {path: "/chat/completions", kind: usage.ObjectStoredCompletion, read: access.ModelsRequest, write: access.ModelsRequest, posts: usage.None},
	"/assistants":       {path: "/assistants", kind: usage.ObjectAssistant, read: "api.assistants.read", write: "api.assistants.write", posts: usage.None},
	"/threads":          {path: "/threads", kind: usage.ObjectThread, read: "api.threads.read", write: "api.threads.write", posts: usage.Unmetered, actions: []string{"runs"}},
}

// resourceAt finds the resource that an address after /v1 belongs to, and what
// follows the resource's own address: "", or "/" and more.
func resourceAt(sub string) (found *resource, rest string) {
	for end := len(sub); end > 0; end = strings.LastIndexByte(sub[:end], '/') {
		if found = resources[sub[:end]]; found != nil {
			return found, sub[end:]
		}
	}
	return nil, ""
}

// recogniseResource finds what a call to a resource does. plain is the address
// after /v1 as a provider may read it: without escapes, in lower case.
func (d *door) recogniseResource(r *http.Request, plain string) error {
	named, _ := resourceAt(plain)
	if named == nil {
		return nil
	}
	// No id needs an escape: one could only be a way around the owner.
	found, rest := resourceAt(d.sub)
	if found != named || strings.ContainsAny(rest, "%;") {
		return errNoAddress(r)
	}
	d.resource = found
	d.object, d.tail, _ = strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	for _, action := range found.actions {
		if d.object == action {
			d.object, d.tail = "", d.object
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		d.operation.needs = found.read
	case http.MethodDelete:
		d.operation.needs = found.write
	default:
		d.operation.kind, d.operation.needs = found.posts, found.write
	}
	return nil
}

// listed reports whether the call lists all of a resource.
func (d *door) listed(r *http.Request) bool {
	return d.resource != nil && d.object == "" && d.tail == "" && r.Method == http.MethodGet
}

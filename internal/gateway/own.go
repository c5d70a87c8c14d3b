package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/routing"
	"weir/internal/usage"
)

// own sees to it that every object the request names, in its address or its
// body, is its project's, and that it goes to the connection that has them.
func (x *exchange) own() error {
	named := x.head.References
	if x.door.object != "" {
		named = append(slices.Clip(named), openaiwire.Reference{Kind: x.door.resource.kind, ID: x.door.object})
	}
	if err := x.ownUnread(); err != nil {
		return err
	}
	if len(named) == 0 {
		return nil
	}
	ids := make([]string, len(named))
	for i := range named {
		ids[i] = named[i].ID
	}
	known, err := x.g.Owners.find(x.r.Context(), ids, true, x.hasOwn)
	if err != nil {
		return err
	}
	if x.event.ModelAsked == "" && x.target.endpoint == nil {
		x.widen(known)
	}
	for i := range named {
		x.plan = slices.DeleteFunc(x.plan, func(h hop) bool { return !x.mayReach(known[named[i].ID], h.connection) })
		if len(x.plan) == 0 {
			return x.errNotReached(&named[i], known[named[i].ID])
		}
	}
	x.event.Model = x.plan[0].model
	return nil
}

// ownUnread refuses a body that names objects and is not read for them: JSON that
// is not called JSON, or a compressed body. A provider might read it all the
// same. Where a project has the connection for itself nothing depends on it.
func (x *exchange) ownUnread() error {
	if x.json || x.body.size == 0 {
		return nil
	}
	encoding := x.r.Header.Get("Content-Encoding")
	if encoded := encoding != "" && !strings.EqualFold(encoding, "identity"); !encoded && !x.body.begins('{') {
		return nil
	}
	for i := range x.plan {
		if !x.alone(x.plan[i].connection) {
			return fault.Invalidf("unreadable_body", "", "The provider's account is shared by projects, so bodies are looked into: send JSON with the Content-Type application/json, and without a Content-Encoding.")
		}
	}
	return nil
}

// hasOwn reports whether one of the owners is the request's project.
func (x *exchange) hasOwn(owners []usage.OwnedObject) bool {
	return slices.ContainsFunc(owners, func(o usage.OwnedObject) bool { return x.isOwn(&o) })
}

func (x *exchange) isOwn(o *usage.OwnedObject) bool {
	return o.OrganizationID == x.key.OrganizationID && o.ProjectID == x.key.ProjectID
}

// mayReach reports whether the request may ask connection c for an object with
// these owners. One that nobody made through weir is let through only where no
// other project could have made it.
func (x *exchange) mayReach(owners []usage.OwnedObject, c *routing.Connection) bool {
	if len(owners) == 0 {
		if x.lonely.connection != c {
			x.lonely.connection, x.lonely.alone = c, x.alone(c)
		}
		return x.lonely.alone
	}
	return slices.ContainsFunc(owners, func(o usage.OwnedObject) bool { return x.isOwn(&o) && o.ConnectionID == c.ID })
}

// alone reports whether no other project has keys that may use the connection.
// It looks at many keys where there are many, which calls for objects that
// nobody knows have to wait for.
func (x *exchange) alone(c *routing.Connection) bool {
	for _, shard := range x.state.keys {
		for _, k := range shard {
			if k.OrganizationID != x.key.OrganizationID || k.ProjectID == x.key.ProjectID {
				continue
			}
			if p := x.state.project(k.ProjectID); p != nil && !p.Archived() && x.admits(c, k.ProjectID) {
				return false
			}
		}
	}
	return true
}

// admits reports whether a project may use a connection, in any workspace.
func (x *exchange) admits(c *routing.Connection, projectID string) bool {
	return slices.ContainsFunc(c.WorkspaceIDs, func(id string) bool {
		w := x.in.byID[id]
		return w != nil && w.Admits(projectID)
	})
}

// widen adds to the plan of a request that names no model the connections that
// have its objects: they may be in a workspace that comes after the default one.
func (x *exchange) widen(known map[string][]usage.OwnedObject) {
	for _, owners := range known {
		for i := range owners {
			c := x.in.connections[owners[i].ConnectionID]
			if c == nil || !x.isOwn(&owners[i]) || slices.ContainsFunc(x.plan, func(h hop) bool { return h.connection == c }) {
				continue
			}
			if x.admits(c, x.project.ID) {
				x.plan = append(x.plan, hop{connection: c, circuit: x.in.circuits[upstreamKey{c.ID, ""}]})
			}
		}
	}
}

// errNotReached is the error for an object that is not there for this project,
// or where this request cannot go.
func (x *exchange) errNotReached(named *openaiwire.Reference, owners []usage.OwnedObject) error {
	if x.hasOwn(owners) && named.Param != "" {
		return fault.Invalidf("object_elsewhere", named.Param, "The object '%s' is kept by a connection that this request cannot be sent to, because that does not serve the model or keep the other objects of the request.", shorten(named.ID))
	}
	return errNoObject(named.Kind, named.ID, named.Param)
}

// errNoObject is what the provider says of an object it does not have.
func errNoObject(kind usage.ObjectKind, id, param string) error {
	id = shorten(id)
	switch kind {
	case usage.ObjectFile:
		if param == "" {
			param = "id"
		}
		return fault.New(fault.NotFound, "", param, "No such File object: %s", id)
	case usage.ObjectBatch:
		return fault.New(fault.NotFound, "", param, "No batch found with id '%s'.", id)
	case usage.ObjectResponse:
		if param != "" {
			return fault.Invalidf("previous_response_not_found", param, "Previous response with id '%s' not found.", id)
		}
	case usage.ObjectFineTuningJob:
		return fault.New(fault.NotFound, "fine_tune_not_found", "", "Could not find fine tune: %s", id)
	}
	return fault.New(fault.NotFound, "", param, "%s with id '%s' not found.", objectNames[kind], id)
}

// objectNames begin the sentence that says one is not there.
var objectNames = map[usage.ObjectKind]string{
	usage.ObjectUpload: "Upload", usage.ObjectResponse: "Response", usage.ObjectConversation: "Conversation", usage.ObjectVectorStore: "Vector store",
	usage.ObjectContainer: "Container", usage.ObjectEval: "Eval", usage.ObjectVideo: "Video", usage.ObjectStoredCompletion: "Chat completion",
	usage.ObjectAssistant: "Assistant", usage.ObjectThread: "Thread",
}

// answered takes note of the objects that a whole answer made, tells of or
// deleted.
func (x *exchange) answered(status int, body []byte, reading *openaiwire.Reading) {
	switch {
	case status >= http.StatusMultipleChoices:
		return
	case x.door.known:
		x.made(reading)
		return
	case x.door.resource == nil:
		return
	case x.r.Method == http.MethodDelete:
		if x.door.object != "" && x.door.tail == "" {
			x.event.Objects = append(x.event.Objects, usage.Object{Kind: x.door.resource.kind, ID: x.door.object, Deleted: true})
		}
		return
	case x.r.Method != http.MethodPost && x.door.tail != "":
		return
	}
	for _, o := range objectsIn(body, x.door.resource, x.door.object == "" && x.door.tail == "") {
		if o.ID != x.door.object {
			x.event.Objects = append(x.event.Objects, o)
		}
	}
	x.remember()
}

// made takes note of what the provider keeps of a model's answer.
func (x *exchange) made(reading *openaiwire.Reading) {
	creates := x.door.operation.creates
	if creates == "" {
		return
	}
	if reading.ID != "" && x.stores() {
		x.addObject(usage.Object{Kind: creates, ID: reading.ID})
	}
	for _, id := range reading.Containers {
		if id != "" {
			x.addObject(usage.Object{Kind: usage.ObjectContainer, ID: id})
		}
	}
	x.remember()
}

func (x *exchange) addObject(o usage.Object) {
	if !slices.Contains(x.event.Objects, o) {
		x.event.Objects = append(x.event.Objects, o)
	}
}

// stores reports whether the provider keeps the answer: responses unless it is
// told not to, chat completions only when asked to.
func (x *exchange) stores() bool {
	if x.head.Store == nil {
		return x.door.operation.creates == usage.ObjectResponse
	}
	return *x.head.Store
}

// remember lets this node know what the event says before the store does.
func (x *exchange) remember() {
	if len(x.event.Objects) > 0 {
		x.g.Owners.note(&x.event)
	}
}

// announced takes note of an object whose id the caller learns before the answer
// has ended. One that is made in the background may outlive the answer, and this
// process: the open record is written again with it.
func (x *exchange) announced(reading openaiwire.Reading) {
	if reading.ID == "" {
		return
	}
	x.made(&reading)
	if x.head.Background {
		e := x.event
		e.Quantities, e.Source = x.estimate()
		_ = x.g.Recorder.Open(e) // settling says it again, and fails if the log does
	}
}

// objectsIn are the objects that an answer of a resource tells of. The one it is
// about is named by its type; some providers leave that out of what they create.
func objectsIn(body []byte, of *resource, created bool) (found []usage.Object) {
	add := func(kind usage.ObjectKind, id gjson.Result) {
		if id.Type == gjson.String && id.Str != "" {
			found = append(found, usage.Object{Kind: kind, ID: id.Str})
		}
	}
	if !gjson.ValidBytes(body) {
		return nil
	}
	fields := gjson.GetManyBytes(body, "object", "id", "output_file_id", "error_file_id", "file.id", "thread_id", "result_files")
	kind := usage.ObjectKind(fields[0].Str)
	switch {
	case objectNames[kind] != "", kind == usage.ObjectFile, kind == usage.ObjectBatch, kind == usage.ObjectFineTuningJob:
		add(kind, fields[1])
	case created && !fields[0].Exists():
		add(of.kind, fields[1])
	}
	switch of.kind {
	case usage.ObjectBatch:
		add(usage.ObjectFile, fields[2])
		add(usage.ObjectFile, fields[3])
	case usage.ObjectUpload:
		add(usage.ObjectFile, fields[4])
	case usage.ObjectThread: // made with its first run
		add(usage.ObjectThread, fields[5])
	case usage.ObjectFineTuningJob:
		for _, id := range fields[6].Array() {
			add(usage.ObjectFile, id)
		}
	}
	return found
}

package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidwall/gjson"

	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
	"weir/internal/usage/usagetest"
)

// shared is a rig in front of an account that two projects share.
func shared(t testing.TB) (r *rig, a *account, other string) {
	t.Helper()
	r = newRig(t)
	a = newAccount(t, "")
	r.pointTo(t, a.URL+"/v1")
	_, _, _, other = r.newProject(t, "other")
	return r, a, other
}

// make posts to a resource and returns the id of what was made.
func (r *rig) make(t testing.TB, key, path string) string {
	t.Helper()
	got := r.do(t, call{path: path, key: key, body: `{}`})
	equal(t, "status of "+path, got.StatusCode, 200)
	r.ledger.next(t)
	id := gjson.Get(got.body, "id").Str
	if id == "" {
		t.Fatalf("%s made nothing: %s", path, got.body)
	}
	return id
}

// TestObjectsBelongToTheirProject goes through every resource: who made an
// object reaches it and all below it, and nobody else does, whether this node
// remembers or the events store does.
func TestObjectsBelongToTheirProject(t *testing.T) {
	r, a, other := shared(t)
	for path, of := range resources {
		if path == "/responses" || path == "/chat/completions" {
			continue // made by calls of a model: see below
		}
		id := r.make(t, "", "/v1"+path)
		foreign := a.make(strings.TrimPrefix(path, "/"))
		for _, restarted := range []bool{false, true} {
			if restarted {
				r.restart()
			}
			a.requests()
			for _, tail := range []string{"", "/content", "/a/b"} {
				got := r.do(t, call{method: http.MethodGet, path: "/v1" + path + "/" + id + tail})
				equal(t, "own "+path+tail, got.StatusCode, 200)
				for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
					got = r.do(t, call{method: method, path: "/v1" + path + "/" + id + tail, key: other})
					equal(t, method+" of another's "+path+tail, got.StatusCode, 404)
					if !strings.Contains(got.body, id) || gjson.Get(got.body, "error.type").Str != "invalid_request_error" {
						t.Errorf("%s: %s", of.kind, got.body)
					}
				}
			}
			equal(t, "nobody's "+path, r.do(t, call{method: http.MethodGet, path: "/v1" + path + "/" + foreign}).StatusCode, 404)
			for _, asked := range a.requests() {
				if !strings.Contains(asked, id) || !strings.HasPrefix(asked, "GET ") {
					t.Errorf("the provider was asked %s", asked)
				}
			}
		}
		equal(t, "delete", r.do(t, call{method: http.MethodDelete, path: "/v1" + path + "/" + id}).StatusCode, 200)
		must(t, r.apply(t.Context()))
		if owners, err := r.objects.Owners(t.Context(), []string{id}); err != nil || len(owners) != 1 || owners[0].Deleted.IsZero() || owners[0].Kind != of.kind {
			t.Errorf("%s is known as %+v, %v", id, owners, err)
		}
	}
}

// An address that a provider may read as that of an object is no way around its
// owner.
func TestAddressesOfObjectsAreStrict(t *testing.T) {
	r, a, _ := shared(t)
	id := a.make("files")
	for _, path := range []string{"/v1/Files/" + id, "/v1/files%2F" + id, "/v1/fil%65s/" + id, "/v1/files/" + id + "%2Fcontent", "/v1/files;x/" + id, "/v1/files/" + id + ";x", "/v1/fine_tuning/Jobs/x"} {
		got := r.do(t, call{method: http.MethodGet, path: path})
		envelopeOf(t, got, 404, "", "")
		if !strings.Contains(got.body, "Invalid URL") {
			t.Errorf("%s: %s", path, got.body)
		}
	}
	equal(t, "requests", len(a.requests()), 0)
}

// TestObjectsInBodies: what a request names is checked like what it addresses.
func TestObjectsInBodies(t *testing.T) {
	r, a, other := shared(t)
	file, store, conversation := r.make(t, "", "/v1/files"), r.make(t, "", "/v1/vector_stores"), r.make(t, "", "/v1/conversations")
	response := r.make(t, "", "/v1/files") // any id that is the project's
	for _, tt := range []struct{ path, body, param string }{
		{"/v1/batches", `{"input_file_id":"` + file + `"}`, "input_file_id"},
		{"/v1/vector_stores", `{"file_ids":["` + file + `"]}`, "file_ids"},
		{"/v1/threads", `{"deep":[{"file_id":"` + file + `"}]}`, "file_id"},
		{"/v1/responses", `{"model":"` + chatModel + `","input":[{"content":[{"type":"input_file","file_id":"` + file + `"}]}]}`, "file_id"},
		{"/v1/responses", `{"model":"` + chatModel + `","input":"x","tools":[{"type":"file_search","vector_store_ids":["` + store + `"]}]}`, "vector_store_ids"},
		{"/v1/responses", `{"model":"` + chatModel + `","input":"x","conversation":{"id":"` + conversation + `"}}`, "conversation"},
		{"/v1/responses", `{"model":"` + chatModel + `","input":"x","previous_response_id":"` + response + `"}`, "previous_response_id"},
		{"/v1/responses", `{"model":"` + chatModel + `","input":"x","tools":[{"type":"code_interpreter","container":"` + file + `"}]}`, "container"},
		{"/v1/fine_tuning/jobs", `{"model":"` + chatModel + `","training_file":"` + file + `"}`, "training_file"},
	} {
		equal(t, "own "+tt.body, r.do(t, call{path: tt.path, body: tt.body}).StatusCode, 200)
		a.requests()
		got := r.do(t, call{path: tt.path, body: tt.body, key: other})
		status := 404
		if tt.param == "previous_response_id" {
			status = 400
		}
		equal(t, "another's "+tt.body, got.StatusCode, status)
		equal(t, "param", gjson.Get(got.body, "error.param").Str, tt.param)
		equal(t, "requests", len(a.requests()), 0)
	}
	for _, header := range []http.Header{{"Content-Type": {"text/plain"}}, {"Content-Type": {"application/x-gzip"}, "Content-Encoding": {"gzip"}}} {
		got := r.do(t, call{path: "/v1/batches", body: ` {"input_file_id":"` + file + `"}`, header: header, key: other})
		envelopeOf(t, got, 400, "unreadable_body", "")
	}
	equal(t, "requests", len(a.requests()), 0)
}

// What nobody made through weir is let through where one project alone has the
// connection.
func TestUnknownObjects(t *testing.T) {
	r := newRig(t)
	a := newAccount(t, "")
	r.pointTo(t, a.URL+"/v1")
	id := a.make("files")
	equal(t, "alone", r.do(t, call{method: "GET", path: "/v1/files/" + id}).StatusCode, 200)
	equal(t, "listed", r.list(t, "", "/v1/files").ids(), id)

	// Another organization's on the same account.
	must(t, r.objects.Apply(t.Context(), "elsewhere", []usage.Positioned{{Position: 1, Event: usage.Event{
		ID: "req_x", OrganizationID: "org-other", ProjectID: "proj_other", ConnectionID: "conn_other", Objects: []usage.Object{{Kind: usage.ObjectFile, ID: "file-taken"}},
	}}}))
	equal(t, "another organization's", r.do(t, call{method: "GET", path: "/v1/files/file-taken"}).StatusCode, 404)

	other, _, _, _ := r.newProject(t, "other")
	equal(t, "no longer alone", r.do(t, call{method: "GET", path: "/v1/files/" + id}).StatusCode, 404)
	equal(t, "no longer listed", r.list(t, "", "/v1/files").ids(), "")
	_, err := r.org.ArchiveProject(t.Context(), r.actor, other.ID)
	must(t, err)
	equal(t, "alone again", r.do(t, call{method: "GET", path: "/v1/files/" + id}).StatusCode, 200)
}

// Requests for an object go to the connection that has it, in whichever
// workspace of the project that is.
func TestObjectsAreWhereTheyWereMade(t *testing.T) {
	r, first, _ := shared(t)
	second := newAccount(t, "b-")
	w, err := r.org.CreateWorkspace(t.Context(), r.actor, org.NewWorkspace{Name: "far"})
	must(t, err)
	c := r.connect(t, "far", org.ConnectionFields{BaseURL: optional.Of(second.URL + "/v1"), APIKey: optional.Of(providerKey), WorkspaceIDs: optional.Of([]string{w.ID}), Models: optional.Of([]string{"far-model"})})
	r.endpoint(t, "there", org.ModelEndpointFields{WorkspaceID: optional.Of(w.ID), Upstreams: optional.Of([]routing.Upstream{{ConnectionID: c.ID, Model: "far-model", Priority: 1, Weight: 1}})})
	near, far := r.make(t, "", "/v1/files"), r.make(t, "", "/far/models/there/v1/files")
	if !strings.HasPrefix(far, "b-") {
		t.Fatalf("the endpoint's file is %s", far)
	}
	first.requests()
	second.requests()
	got := r.do(t, call{method: "GET", path: "/v1/files/" + far})
	equal(t, "far", got.StatusCode, 200)
	equal(t, "connection", r.ledger.next(t).ConnectionID, c.ID)
	equal(t, "near, by the endpoint", r.do(t, call{method: "GET", path: "/far/models/there/files/" + near}).StatusCode, 404)
	r.ledger.next(t)
	equal(t, "asked", fmt.Sprint(first.requests(), second.requests()), "[] [GET /v1/files/"+far+"]")

	equal(t, "a batch of it", r.do(t, call{path: "/v1/batches", body: `{"input_file_id":"` + far + `"}`}).StatusCode, 200)
	equal(t, "connection", r.ledger.next(t).ConnectionID, c.ID)
	envelopeOf(t, r.do(t, call{path: "/v1/responses", body: `{"model":"` + chatModel + `","input":[{"file_id":"` + far + `"}]}`}), 400, "object_elsewhere", "file_id")
	envelopeOf(t, r.do(t, call{path: "/v1/vector_stores", body: `{"file_ids":["` + far + `","` + near + `"]}`}), 400, "object_elsewhere", "file_ids")
}

// A batch's files are those of whom the batch is, once anybody has seen them.
func TestFilesOfBatches(t *testing.T) {
	r, a, other := shared(t)
	batch, seen, listed := r.make(t, "", "/v1/batches"), "", ""
	id := strings.TrimPrefix(strings.TrimLeft(batch, "batch-"), "0")
	seen = "output-" + strings.TrimLeft(id, "0")
	a.mu.Lock()
	a.kept = append(a.kept, thing{"files", seen, `{"id":"` + seen + `","object":"file"}`}, thing{"files", "output-77", `{"id":"output-77","object":"file"}`},
		thing{"batches", "batch-late", `{"id":"batch-late","object":"batch","output_file_id":"output-77"}`})
	a.mu.Unlock()
	listed = "output-77"
	equal(t, "retrieved", r.do(t, call{method: "GET", path: "/v1/batches/" + batch}).StatusCode, 200)
	equal(t, "its output", r.do(t, call{method: "GET", path: "/v1/files/" + seen}).StatusCode, 200)
	equal(t, "another's output", r.do(t, call{method: "GET", path: "/v1/files/" + seen, key: other}).StatusCode, 404)
	equal(t, "a stranger's batch", r.do(t, call{method: "GET", path: "/v1/files/" + listed}).StatusCode, 404)
	r.owns(r.project.ID, usage.ObjectBatch, "batch-late")
	r.list(t, "", "/v1/batches")
	equal(t, "a listed batch's output", r.do(t, call{method: "GET", path: "/v1/files/" + listed}).StatusCode, 200)
	r.restart()
	equal(t, "by the store", r.do(t, call{method: "GET", path: "/v1/files/" + listed}).StatusCode, 200)
}

// What a model answers is kept for the project, when it is kept.
func TestAnswersThatAreKept(t *testing.T) {
	r := newRig(t)
	_, _, _, other := r.newProject(t, "other")
	answer := func(id string) upstreamtest.Answer {
		return upstreamtest.JSON(200, `{"id":"`+id+`","object":"response","model":"m","status":"completed","output":[{"type":"code_interpreter_call","container_id":"cntr_`+id+`"}],"usage":{"input_tokens":1,"output_tokens":1}}`)
	}
	for _, tt := range []struct {
		path, extra string
		kept        bool
	}{
		{"/responses", ``, true}, {"/responses", `,"store":null`, true}, {"/responses", `,"store":false`, false},
		{"/chat/completions", ``, false}, {"/chat/completions", `,"store":true`, true}, {"/chat/completions", `,"store":false`, false},
	} {
		r.provider.Enqueue(answer("id_1"))
		equal(t, "status", r.do(t, call{path: "/v1" + tt.path, body: `{"model":"` + chatModel + `","input":"x"` + tt.extra + `}`}).StatusCode, 200)
		ev := r.ledger.next(t)
		equal(t, tt.path+tt.extra, slices.ContainsFunc(ev.Objects, func(o usage.Object) bool { return o.ID == "id_1" }), tt.kept)
		equal(t, "container of "+tt.path+tt.extra, slices.Contains(ev.Objects, usage.Object{Kind: usage.ObjectContainer, ID: "cntr_id_1"}), true)
	}
	r.provider.Always(answer("id_1"))
	for _, path := range []string{"/v1/responses/id_1", "/v1/responses/id_1/input_items", "/v1/containers/cntr_id_1/files", "/v1/chat/completions/id_1/messages"} {
		equal(t, path, r.do(t, call{method: "GET", path: path}).StatusCode, 200)
		equal(t, "another's "+path, r.do(t, call{method: "GET", path: path, key: other}).StatusCode, 404)
	}
}

// A response can be asked for, and cancelled, as soon as its id was streamed; one
// in the background also when the gateway does not live to see its end.
func TestStreamedResponsesAreKnownEarly(t *testing.T) {
	r := newRig(t)
	_, _, _, other := r.newProject(t, "other")
	gate := upstreamtest.NewGate()
	created := upstreamtest.Chunk{Data: []byte("event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"status\":\"queued\"}}\n\n")}
	r.provider.Enqueue(upstreamtest.SSE(created, upstreamtest.Chunk{After: gate, Data: []byte("event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}}\n\n")}))
	resp, err := r.start(t, call{path: "/v1/responses", body: `{"model":"` + chatModel + `","input":"x","stream":true,"background":true}`})
	must(t, err)
	defer resp.Body.Close()
	buf := make([]byte, len(created.Data))
	_, err = resp.Body.Read(buf)
	must(t, err)
	r.provider.Enqueue(upstreamtest.JSON(200, `{"id":"resp_1","object":"response"}`))
	equal(t, "own", r.do(t, call{path: "/v1/responses/resp_1/cancel"}).StatusCode, 200)
	equal(t, "another's", r.do(t, call{path: "/v1/responses/resp_1/cancel", key: other}).StatusCode, 404)
	r.ledger.mu.Lock()
	noted := slices.ContainsFunc(r.ledger.opened, func(ev usage.Event) bool {
		return ev.Kind == usage.Completions && ev.Source == usage.SourceEstimated && slices.Contains(ev.Objects, usage.Object{Kind: usage.ObjectResponse, ID: "resp_1"})
	})
	r.ledger.mu.Unlock()
	equal(t, "in the open record", noted, true)
	gate.Open()
	r.ledger.next(t)
	r.ledger.next(t)
	equal(t, "objects", fmt.Sprint(r.ledger.next(t).Objects), "[{response resp_1 false}]")
}

// When the events store is away, nobody is let to what may be another's, and
// what this node remembers works on.
func TestOwnersWithoutAStore(t *testing.T) {
	r, _, other := shared(t)
	mine := r.make(t, "", "/v1/files")
	r.Owners.Store = away{}
	equal(t, "remembered", r.do(t, call{method: "GET", path: "/v1/files/" + mine}).StatusCode, 200)
	envelopeOf(t, r.do(t, call{method: "GET", path: "/v1/files/" + mine, key: other}), 503, "object_lookup_unavailable", "")
	r.Owners = &Owners{Store: &r.objects, Flush: func(context.Context) error { return errDisk }}
	envelopeOf(t, r.do(t, call{method: "GET", path: "/v1/files/unknown"}), 503, "object_lookup_unavailable", "")
}

type away struct{}

func (away) Owners(context.Context, []string) ([]usage.OwnedObject, error) {
	return nil, errors.New("no route to the database")
}

// What another node made is waited for as long as that may take.
func TestOwnersWaitForOtherNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var store usagetest.Memory
		o := &Owners{Store: &store, Lag: 3 * time.Second}
		found := func(known []usage.OwnedObject) bool { return len(known) > 0 }
		began := time.Now()
		got, err := o.find(t.Context(), []string{"file-1"}, true, found)
		if took := time.Since(began); err != nil || len(got["file-1"]) != 0 || took < 3*time.Second || took > 4*time.Second {
			t.Errorf("%v, %v after %v", got, err, took)
		}
		time.AfterFunc(time.Second, func() {
			ev := usage.Event{ID: "req_1", OrganizationID: "org-1", ProjectID: "proj_1", ConnectionID: "conn_1", Objects: []usage.Object{{Kind: usage.ObjectFile, ID: "file-1"}}}
			if err := store.Apply(t.Context(), "east", []usage.Positioned{{Position: 1, Event: ev}}); err != nil {
				t.Error(err)
			}
		})
		began = time.Now()
		got, err = o.find(t.Context(), []string{"file-1"}, true, found)
		if took := time.Since(began); err != nil || len(got["file-1"]) != 1 || took > 2*time.Second {
			t.Errorf("%v, %v after %v", got, err, took)
		}
	})
}

// The memory is bounded, and what falls out of it is in the store.
func TestOwnersAreBounded(t *testing.T) {
	o := &Owners{Store: &usagetest.Memory{}}
	for n := range 5 * ownersHalf {
		o.note(&usage.Event{OrganizationID: "org-1", ConnectionID: "conn_1", Objects: []usage.Object{{Kind: usage.ObjectFile, ID: fmt.Sprint(n)}}})
	}
	if n := len(o.young) + len(o.older); n > 2*ownersHalf {
		t.Errorf("%d are remembered", n)
	}
}

package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// account is a provider's account that keeps whatever is posted to it and lists
// it in pages, newest first, as OpenAI does. Its ids begin with prefix.
type account struct {
	*httptest.Server
	prefix string
	mu     sync.Mutex
	kept   []thing // oldest first
	asked  []string
}

type thing struct{ kind, id, body string }

// objectOf is what an address's objects call themselves.
var objectOf = map[string]string{
	"files": "file", "uploads": "upload", "batches": "batch", "vector_stores": "vector_store", "conversations": "conversation",
	"containers": "container", "fine_tuning/jobs": "fine_tuning.job", "evals": "eval", "videos": "video",
	"assistants": "assistant", "threads": "thread", "responses": "response", "chat/completions": "chat.completion",
}

func newAccount(t testing.TB, prefix string) *account {
	t.Helper()
	a := &account{prefix: prefix}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// requests are the calls so far, as method and path, and forgets them.
func (a *account) requests() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	asked := a.asked
	a.asked = nil
	return asked
}

// make puts an object into the account without weir.
func (a *account) make(kind string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.add(kind).id
}

func (a *account) add(kind string) thing {
	n := len(a.kept) + 1
	id := fmt.Sprintf("%s%s-%03d", a.prefix, strings.ReplaceAll(objectOf[kind], ".", "_"), n)
	extra := ""
	if kind == "batches" {
		extra = `,"output_file_id":"` + a.prefix + "output-" + strconv.Itoa(n) + `"`
	}
	a.kept = append(a.kept, thing{kind, id, fmt.Sprintf("{\"id\": %q,  \"object\":%q%s}", id, objectOf[kind], extra)})
	return a.kept[len(a.kept)-1]
}

func (a *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.Method+" "+r.URL.RequestURI())
	w.Header().Set("Content-Type", "application/json")
	path := strings.TrimPrefix(r.URL.Path, "/v1/")
	if objectOf[path] != "" {
		if r.Method == http.MethodPost {
			fmt.Fprintln(w, a.add(path).body)
		} else {
			a.list(w, path, r)
		}
		return
	}
	i := slices.IndexFunc(a.kept, func(k thing) bool { return path == k.kind+"/"+k.id || strings.HasPrefix(path, k.kind+"/"+k.id+"/") })
	if i < 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"error":{"message":"the provider has no such object","type":"invalid_request_error","param":null,"code":null}}`)
		return
	}
	fmt.Fprintln(w, a.kept[i].body)
	if r.Method == http.MethodDelete {
		a.kept = slices.Delete(a.kept, i, i+1)
	}
}

func (a *account) list(w http.ResponseWriter, kind string, r *http.Request) {
	limit, after := 20, r.URL.Query().Get("after")
	if n, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil {
		limit = n
	}
	var page []thing
	more := false
	for _, k := range slices.Backward(a.kept) {
		switch {
		case k.kind != kind:
		case after != "":
			if k.id == after {
				after = ""
			}
		case len(page) == limit:
			more = true
		default:
			page = append(page, k)
		}
	}
	first, last := "null", "null"
	bodies := make([]string, len(page))
	for i, k := range page {
		bodies[i] = k.body
	}
	if len(page) > 0 {
		first, last = strconv.Quote(page[0].id), strconv.Quote(page[len(page)-1].id)
	}
	fmt.Fprintf(w, "{\"object\": \"list\",\n \"data\": [%s],\n \"has_more\": %t, \"first_id\": %s, \"last_id\":%s }\n", strings.Join(bodies, ", "), more, first, last)
}

// listed is a list as callers read it.
type listed struct {
	Data []struct {
		ID string `json:"id"`
	} `json:"data"`
	HasMore bool    `json:"has_more"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
}

// list reads one page of a list through the gateway.
func (r *rig) list(t testing.TB, key, path string) (l listed) {
	t.Helper()
	got := r.do(t, call{method: http.MethodGet, path: path, key: key})
	equal(t, "status of "+path, got.StatusCode, 200)
	if err := json.Unmarshal([]byte(got.body), &l); err != nil {
		t.Fatalf("%s: %v in %s", path, err, got.body)
	}
	return l
}

func (l listed) ids() string {
	ids := make([]string, len(l.Data))
	for i := range l.Data {
		ids[i] = l.Data[i].ID
	}
	return strings.Join(ids, " ")
}

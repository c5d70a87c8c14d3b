package adminapi_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"weir/internal/access"
	"weir/internal/adminapi"
	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/usage"
)

// now is when every test of this package happens, in the middle of a day.
var now = time.Date(2026, 11, 24, 12, 34, 56, 0, time.UTC)

// world is an organization with the Admin API served on loopback. Every answer
// it gives is held against the API description.
type world struct {
	*endpointtest.Env
	t      *testing.T
	api    *adminapi.API
	url    string
	client openai.Client
	events uint64       // position of the last usage event
	people int          // made so far, for names that nobody has
	home   *org.Project // the project of examples; nil: one of its own for each
}

func newWorld(t *testing.T) *world {
	t.Helper()
	env := endpointtest.New(t)
	api := adminapi.New(adminapi.Options{
		Org: env.Org, Usage: env.Usage, Identity: env.Identity, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return now },
	})
	w := &world{Env: env, t: t, api: api}
	w.url = endpointtest.Serve(t, judge(t, api.Handler()))
	w.client = w.clientWith(env.AdminKey)
	return w
}

// clientWith is OpenAI's client, which does not hide errors by trying again.
func (w *world) clientWith(adminKey string) openai.Client {
	return openai.NewClient(
		option.WithBaseURL(w.url+"/v1"), option.WithAdminAPIKey(adminKey), option.WithAPIKey("sk-unused"),
		option.WithMaxRetries(0),
	)
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	raw    []byte
}

func (a answer) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(a.raw, &v); err != nil {
		t.Fatalf("answer is not a JSON object: %v\n%s", err, a.raw)
	}
	return v
}

// failure is the error of an answer.
type failure struct{ Message, Type, Param, Code string }

func (a answer) failure(t *testing.T) failure {
	t.Helper()
	var body struct {
		Error *failure `json:"error"`
	}
	if err := json.Unmarshal(a.raw, &body); err != nil || body.Error == nil {
		t.Fatalf("answer %d is not an error: %s", a.status, a.raw)
	}
	return *body.Error
}

// call sends a request as it is, without the client's help. key "" sends none.
func (w *world) call(key, method, path, body string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatalf("%s %s: %v", method, path, err)
	}
	return read(w.t, res)
}

func read(t *testing.T, res *http.Response) answer {
	t.Helper()
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, raw}
}

// readAnswer reads a response off a connection.
func readAnswer(t *testing.T, from io.Reader) answer {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(from), nil)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, res)
}

// get is call for reading as the owner; anything but success fails the test.
func (w *world) get(path string) map[string]any {
	w.t.Helper()
	a := w.call(w.AdminKey, "GET", path, "")
	if a.status != 200 {
		w.t.Fatalf("GET %s: %d %s", path, a.status, a.raw)
	}
	return a.json(w.t)
}

func (w *world) actor() audit.Actor {
	return audit.Actor{
		OrganizationID: w.Organization.ID, Type: audit.ActorAPIKey, UserID: w.Owner.ID, UserEmail: w.Owner.Email, APIKeyID: "key_test",
	}
}

// grantor is the owner, who holds everything.
func (w *world) grantor() org.Grantor {
	return org.Grantor{Actor: w.actor(), Holds: access.Unlimited()}
}

func must[T any](t *testing.T, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) project(name string) org.Project {
	w.t.Helper()
	if w.home != nil && name == "example" {
		return *w.home
	}
	p, err := w.Org.CreateProject(w.t.Context(), w.actor(), org.NewProject{Name: name})
	return must(w.t, p, err)
}

// account makes a service account and returns it with its first key's secret.
func (w *world) account(projectID string, role access.ProjectRole) (account org.ServiceAccount, secret string) {
	w.t.Helper()
	account, _, secret, err := w.Org.CreateServiceAccount(w.t.Context(), w.actor(), projectID, org.NewServiceAccount{Name: "robot"})
	if err != nil {
		w.t.Fatal(err)
	}
	if role != account.Role {
		account, err = w.Org.UpdateServiceAccount(w.t.Context(), w.actor(), projectID, account.ID, org.ServiceAccountChange{Role: optional.Of(string(role))})
		must(w.t, account, err)
	}
	return account, secret
}

// person adds a user to the organization.
func (w *world) person(email string, role access.OrganizationRole) org.User {
	w.t.Helper()
	u := org.User{
		ID: id.New(id.User), OrganizationID: w.Organization.ID, Email: email, Name: "Person", Role: role, CreatedAt: time.Now(),
	}
	_, err := w.Store.Update(w.t.Context(), w.actor(), func(tx org.Tx) error { return tx.InsertUser(w.t.Context(), u) })
	return must(w.t, u, err)
}

// adminKeyOf makes an admin key of a user and returns its secret.
func (w *world) adminKeyOf(userID string) string {
	w.t.Helper()
	_, secret, err := w.Org.CreateAdminKey(w.t.Context(), w.actor(), org.NewAdminKey{Name: "key", UserID: userID})
	return must(w.t, secret, err)
}

// use stores usage events of the world's organization.
func (w *world) use(events ...usage.Event) {
	w.t.Helper()
	batch := make([]usage.Positioned, len(events))
	for i, e := range events {
		w.events++
		if e.ID = id.Request(); e.OrganizationID == "" {
			e.OrganizationID = w.Organization.ID
		}
		e.Outcome, e.Source, e.Status = usage.OutcomeCompleted, usage.SourceProvider, 200
		e.Method, e.Path, e.Done = "POST", "/v1/chat/completions", e.Received.Add(time.Second)
		batch[i] = usage.Positioned{Position: w.events, Event: e}
	}
	if err := w.Usage.Apply(w.t.Context(), "node", batch); err != nil {
		w.t.Fatal(err)
	}
}

// judge holds every answer of next against the description of the API, and the
// headers that each must have.
func judge(t *testing.T, next http.Handler) http.Handler {
	books := books(t)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec := httptest.NewRecorder()
		next.ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Errorf("%s %s: %d %s", r.Method, r.URL, rec.Code, rec.Body)
		}
		for _, name := range []string{"X-Request-Id", "Openai-Version", "Openai-Processing-Ms"} {
			if rec.Header().Get(name) == "" {
				t.Errorf("%s %s: no header %s", r.Method, r.URL, name)
			}
		}
		if got := rec.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s %s: content type %q", r.Method, r.URL, got)
		}
		for _, b := range books {
			if err := b.check(r, rec.Code, bytes.Clone(rec.Body.Bytes())); err != nil {
				t.Errorf("%s %s: %d does not match %s: %v\n%s", r.Method, r.URL, rec.Code, b.name, err, rec.Body)
			}
		}
		if err := checkEnvelope(r, rec.Body.Bytes()); err != nil {
			t.Errorf("%s %s: %v\n%s", r.Method, r.URL, err, rec.Body)
		}
		for name, values := range rec.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes())
	})
}

// checkEnvelope holds a page to what clients rely on, which no schema says: it
// has no more rows than asked for, and whoever says that there is more says
// where.
func checkEnvelope(r *http.Request, body []byte) error {
	var list struct {
		Object   string
		Data     []json.RawMessage
		HasMore  bool    `json:"has_more"`
		LastID   *string `json:"last_id"`
		Next     *string `json:"next"`
		NextPage *string `json:"next_page"`
	}
	isList := json.Unmarshal(body, &list) == nil && (list.Object == "list" || list.Object == "page")
	if r.Method != http.MethodGet || !isList {
		return nil
	}
	if limit, err := strconv.Atoi(r.URL.Query().Get("limit")); err == nil && len(list.Data) > limit {
		return fmt.Errorf("%d rows, and %d asked for", len(list.Data), limit)
	}
	if list.HasMore && (len(list.Data) == 0 || list.LastID == nil && list.NextPage == nil && list.Next == nil) {
		return errors.New("has_more without a way on")
	}
	if list.Object == "page" && list.HasMore != (list.NextPage != nil) {
		return errors.New("has_more and next_page disagree")
	}
	return nil
}

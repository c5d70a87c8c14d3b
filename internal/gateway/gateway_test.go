package gateway

import (
	"bytes"
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/changefeed"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/routing"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
	"weir/internal/telemetry"
	"weir/internal/upstream"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
	"weir/internal/usage/usagetest"
	"weir/internal/vault"
)

const (
	providerKey  = "sk-upstream-0123456789abcdef"
	headerSecret = "a-second-secret-0123456789"
	chatModel    = "gpt-4o-mini"
)

// rig is a gateway on a real listener, with a real control plane on SQLite, in
// front of a scripted provider.
type rig struct {
	*Gateway
	url       string
	provider  *upstreamtest.Server
	ledger    *ledger
	objects   usagetest.Memory // the events store, which has what apply brought it
	store     *sqlstore.Store
	org       *org.Service
	actor     audit.Actor
	admin     string // an admin key
	project   org.Project
	account   org.ServiceAccount
	keyID     string
	key       string // the project's key
	conn      routing.Connection
	client    *http.Client
	log       *logBuffer
	wrote     atomic.Int64  // bytes of answers that the gateway has written
	bystander org.Project   // in running_test.go
	left      chan struct{} // told when the gateway can know that a caller hung up
}

// counter counts what a handler writes.
type counter struct {
	http.ResponseWriter
	wrote *atomic.Int64
}

func (c counter) Write(p []byte) (int, error) {
	c.wrote.Add(int64(len(p)))
	return c.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (c counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// logBuffer is what was logged.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// prober finds every key good.
type prober struct{}

func (prober) Probe(context.Context, routing.Connection) routing.Probe {
	return routing.Probe{APIKey: &routing.KeyProbe{OK: true}}
}

// newRig starts a gateway with one project, one key and one connection; change
// may alter the gateway before it serves.
func newRig(t testing.TB, change ...func(*Gateway)) *rig {
	t.Helper()
	ctx := t.Context()
	r := &rig{ledger: newLedger(), log: &logBuffer{}, left: make(chan struct{}, 1)}
	store, err := sqlstore.Open(ctx, sqldbtest.SQLite(t))
	must(t, err)
	r.store = store
	snapshot := NewSnapshot(store)
	feed, err := changefeed.Start(ctx, store, snapshot, slog.New(slog.DiscardHandler))
	must(t, err)
	safe, err := vault.New(bytes.Repeat([]byte{7}, vault.MasterKeySize))
	must(t, err)
	book, err := pricing.Builtin()
	must(t, err)
	r.org = &org.Service{Store: store, Feed: feed, Sealer: safe, Prober: prober{}, Now: time.Now}

	used := &identity.LastUse{}
	transport := upstream.NewTransport(upstream.Options{})
	limits := DefaultLimits()
	limits.BodyIdle, limits.WriteIdle = 20*time.Second, 20*time.Second
	r.Gateway = &Gateway{
		Snapshot: snapshot, Recorder: r.ledger, Owners: &Owners{Store: &r.objects, Flush: r.apply}, Vault: safe, Book: book, Transport: transport,
		Identity: &identity.Service{Store: store, Org: r.org, Now: time.Now, Used: used}, Used: used,
		Limits: limits, Metrics: telemetry.NewMetrics("test"),
		Logger: slog.New(slog.NewJSONHandler(r.log, nil)), TempDir: t.TempDir(),
	}
	for _, fn := range change {
		fn(r.Gateway)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		stop := context.AfterFunc(req.Context(), func() {
			select {
			case r.left <- struct{}{}:
			default:
			}
		})
		defer stop()
		r.Gateway.ServeHTTP(counter{w, &r.wrote}, req)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	r.url = server.URL
	t.Cleanup(server.Close)
	t.Cleanup(transport.CloseIdleConnections)
	r.provider = upstreamtest.New(t)
	r.client = &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	t.Cleanup(r.client.CloseIdleConnections)
	r.populate(t)
	return r
}

// apply brings the events store all that was settled.
func (r *rig) apply(ctx context.Context) error {
	r.ledger.mu.Lock()
	defer r.ledger.mu.Unlock()
	events := make([]usage.Positioned, len(r.ledger.settled))
	for i, ev := range r.ledger.settled {
		events[i] = usage.Positioned{Position: uint64(i + 1), Event: ev}
	}
	return r.objects.Apply(ctx, "node", events)
}

// owns makes an object at the rig's connection a project's.
func (r *rig) owns(projectID string, kind usage.ObjectKind, id string) {
	r.Owners.note(&usage.Event{OrganizationID: r.actor.OrganizationID, ProjectID: projectID, ConnectionID: r.conn.ID, Objects: []usage.Object{{Kind: kind, ID: id}}})
}

// restart forgets what the gateway remembers beside its stores.
func (r *rig) restart() { r.Owners = &Owners{Store: &r.objects, Flush: r.apply} }

func (r *rig) populate(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	r.admin = id.Secret(id.AdminSecret)
	o, err := r.org.CreateOrganization(ctx, org.NewOrganization{
		Name: "Example", OwnerEmail: "owner@example.com", OwnerName: "Owner", AdminSecret: r.admin,
	})
	must(t, err)
	r.actor = audit.System(o.ID)
	r.project, r.account, r.keyID, r.key = r.newProject(t, "first")
	r.conn = r.connect(t, "provider", org.ConnectionFields{
		APIKey:  optional.Of(providerKey),
		Models:  optional.Of([]string{chatModel, "text-embedding-3-small", "omni-moderation-latest", "unpriced-model"}),
		Headers: optional.Of(map[string]string{"X-Team": "blue", "X-Gate": "Bearer " + headerSecret}),
	})
}

// newProject makes a project with a service account and a key.
func (r *rig) newProject(t testing.TB, name string) (org.Project, org.ServiceAccount, string, string) {
	t.Helper()
	p, err := r.org.CreateProject(t.Context(), r.actor, org.NewProject{Name: name})
	must(t, err)
	account, key, secret, err := r.org.CreateServiceAccount(t.Context(), r.actor, p.ID, org.NewServiceAccount{Name: name})
	must(t, err)
	return p, account, key.ID, secret
}

// connect registers a connection to the provider, or what in says.
func (r *rig) connect(t testing.TB, name string, in org.ConnectionFields) routing.Connection {
	t.Helper()
	in.Name, in.Provider = optional.Of(name), optional.Of(string(routing.OpenAI))
	if !in.BaseURL.Sent {
		in.BaseURL = optional.Of(r.provider.URL())
	}
	c, _, err := r.org.CreateConnection(t.Context(), r.actor, in)
	must(t, err)
	return c
}

// pointTo moves the rig's connection to another address.
func (r *rig) pointTo(t testing.TB, base string) {
	t.Helper()
	_, _, err := r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{
		BaseURL: optional.Of(base), APIKey: optional.Of(providerKey), Headers: optional.Of(map[string]string{"X-Team": "blue"}),
	})
	must(t, err)
}

// endpoint makes a model endpoint on the rig's connection, or what in says.
func (r *rig) endpoint(t testing.TB, name string, in org.ModelEndpointFields) routing.ModelEndpoint {
	t.Helper()
	in.Name = optional.Of(name)
	if !in.Upstreams.Sent {
		in.Upstreams = optional.Of([]routing.Upstream{{ConnectionID: r.conn.ID, Model: chatModel, Priority: 1, Weight: 1}})
	}
	m, err := r.org.CreateModelEndpoint(t.Context(), r.actor, in)
	must(t, err)
	return m
}

// answer is a whole answer, read.
type reply struct {
	*http.Response
	body    string
	readErr error
}

// call is one request of a test.
type call struct {
	method string // "": POST
	path   string // "": /v1/chat/completions
	key    string // "": the rig's; "-": none
	header http.Header
	body   string
	reader io.Reader // instead of body, sent in chunks
	ctx    context.Context
}

// start sends a request and returns once the answer's header is there.
func (r *rig) start(t testing.TB, c call) (*http.Response, error) {
	t.Helper()
	if c.method == "" {
		c.method = http.MethodPost
	}
	if c.path == "" {
		c.path = "/v1/chat/completions"
	}
	if c.ctx == nil {
		c.ctx = t.Context()
	}
	body := c.reader
	if body == nil {
		body = strings.NewReader(c.body)
	}
	req, err := http.NewRequestWithContext(c.ctx, c.method, r.url+c.path, body)
	must(t, err)
	for name, values := range c.header {
		req.Header[name] = values
	}
	if req.Header.Get("Content-Type") == "" && c.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch c.key {
	case "":
		req.Header.Set("Authorization", "Bearer "+r.key)
	case "-":
	default:
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	return r.client.Do(req)
}

// do sends a request and reads its whole answer, which may be cut off.
func (r *rig) do(t testing.TB, c call) reply {
	t.Helper()
	resp, err := r.start(t, c)
	must(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	return reply{Response: resp, body: string(raw), readErr: err}
}

// dial opens a plain connection to the gateway, for what no client sends.
func (r *rig) dial(t testing.TB) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	return conn
}

func chat(extra string) string {
	return `{"model":"` + chatModel + `","messages":[{"role":"user","content":"hi"}]` + extra + `}`
}

const (
	chatUsage = `"usage":{"prompt_tokens":1000,"completion_tokens":500,"total_tokens":1500,"prompt_tokens_details":{"cached_tokens":200},"completion_tokens_details":{"reasoning_tokens":100}}`
	chatBody  = `{"id":"chatcmpl-1", "object":"chat.completion","created":1,"model":"gpt-4o-mini-2024-07-18","choices":[{"index":0,"message":{"role":"assistant","content":"h\u0069  \/"},"finish_reason":"stop"}], ` + chatUsage + `,"service_tier":"default"}` + "\n"
	chatCost  = "0.000435" // 800 × 0.15 + 200 × 0.075 + 500 × 0.60, per million
)

var chatQuantities = usage.Quantities{InputText: 800, CachedText: 200, OutputText: 500, Reasoning: 100, Choices: 1}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// metric is the value of an unlabelled metric.
func (r *rig) metric(t testing.TB, name string) string {
	t.Helper()
	w := httptest.NewRecorder()
	r.Metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(w.Body.String()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no metric %s", name)
	return ""
}

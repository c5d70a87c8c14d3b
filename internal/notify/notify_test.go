package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/id"
	"weir/internal/mail"
	"weir/internal/money"
	"weir/internal/notify"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/smtpmail"
	"weir/internal/smtpmail/smtptest"
	"weir/internal/usage"
	"weir/internal/webhook"
)

// received is a request as a receiver sees it.
type received struct {
	path   string
	header http.Header
	body   string
}

// house is an organization that tells a receiver on loopback what happens.
type house struct {
	*endpointtest.Env
	t        *testing.T
	now      time.Time
	log      bytes.Buffer
	couriers [2]*notify.Courier // of two nodes
	receiver *httptest.Server
	position uint64

	mu     sync.Mutex
	status int
	got    []received
}

func newHouse(t *testing.T, allowPrivate bool) *house {
	t.Helper()
	h := &house{Env: endpointtest.New(t), t: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), status: http.StatusNoContent}
	h.Org.Now = func() time.Time { return h.now }
	h.receiver = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.got = append(h.got, received{r.URL.Path, r.Header, string(body)})
		w.WriteHeader(h.status)
	}))
	t.Cleanup(h.receiver.Close)
	for i := range h.couriers {
		client := webhook.New(webhook.Options{AllowPrivate: allowPrivate, UserAgent: "weir/test", Now: h.Org.Now})
		t.Cleanup(client.Close)
		h.couriers[i] = &notify.Courier{
			Store: h.Store, Opener: h.Vault, Poster: webhook.Notices{Client: client}, Logger: slog.New(slog.NewTextHandler(&h.log, nil)), Now: h.Org.Now,
		}
	}
	return h
}

func (h *house) actor() audit.Actor { return audit.System(h.Organization.ID) }

func (h *house) channel(kind, path, secret string) org.NotificationChannel {
	h.t.Helper()
	in := org.NotificationChannelFields{Name: optional.Of(kind), Kind: optional.Of(kind), URL: optional.Of(h.receiver.URL + path)}
	if secret != "" {
		in.Secret = optional.Of(secret)
	}
	c, _, err := h.Org.CreateNotificationChannel(h.t.Context(), h.actor(), in)
	if err != nil {
		h.t.Fatal(err)
	}
	return c
}

func (h *house) turn() []received {
	h.t.Helper()
	h.got = nil
	for _, c := range h.couriers {
		if _, err := c.Turn(h.t.Context()); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.got
}

func (h *house) deliveries() []notify.Delivery {
	h.t.Helper()
	rows, err := h.Org.Deliveries(h.t.Context(), h.Organization.ID, "", org.Page{Limit: 100})
	if err != nil {
		h.t.Fatal(err)
	}
	return rows.Items
}

// What is posted is signed as Standard Webhooks says, and the log says that it
// was taken.
func TestNoticesAreSigned(t *testing.T) {
	h := newHouse(t, true)
	key := []byte("0123456789abcdef0123456789abcdef")
	c := h.channel("webhook", "/hook", "whsec_"+base64.StdEncoding.EncodeToString(key))
	if _, err := h.Org.TestNotificationChannel(t.Context(), h.actor(), c.ID); err != nil {
		t.Fatal(err)
	}
	got := h.turn()
	if len(got) != 1 || got[0].path != "/hook" {
		t.Fatalf("posted %+v", got)
	}
	at := got[0].header
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(at.Get("webhook-id") + "." + at.Get("webhook-timestamp") + "." + got[0].body))
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); at.Get("webhook-signature") != want {
		t.Errorf("signature %q, want %q", at.Get("webhook-signature"), want)
	}
	var body struct {
		Type      string
		Timestamp time.Time
		Data      map[string]string
	}
	if err := json.Unmarshal([]byte(got[0].body), &body); err != nil || body.Type != notify.Test || !body.Timestamp.Equal(h.now) || body.Data["notification_channel_id"] != c.ID {
		t.Errorf("%v: %s", err, got[0].body)
	}
	d := h.deliveries()[0]
	if d.Status != notify.Delivered || d.Attempts != 1 || d.ResponseStatus != http.StatusNoContent || d.ID != at.Get("webhook-id") || !d.FinishedAt.Equal(h.now) {
		t.Errorf("the log: %+v", d)
	}
	if again := h.turn(); len(again) > 0 {
		t.Errorf("posted again: %+v", again)
	}
}

// What is not taken comes again on schedule under the same id, and then no more.
func TestNoticesComeAgain(t *testing.T) {
	h := newHouse(t, true)
	c := h.channel("webhook", "/hook", "")
	if _, err := h.Org.TestNotificationChannel(t.Context(), h.actor(), c.ID); err != nil {
		t.Fatal(err)
	}
	h.status = http.StatusServiceUnavailable
	began, messageID := h.now, ""
	var at []time.Duration
	for range 10 {
		for _, r := range h.turn() {
			at = append(at, h.now.Sub(began))
			if messageID == "" {
				messageID = r.header.Get("webhook-id")
			}
			if r.header.Get("webhook-id") != messageID {
				t.Errorf("the id was %s, and is %s", messageID, r.header.Get("webhook-id"))
			}
		}
		d := h.deliveries()[0]
		if d.Status == notify.Failed {
			if d.Attempts != 6 || d.ResponseStatus != 503 || !strings.Contains(d.Error, "503") {
				t.Errorf("the log: %+v", d)
			}
			break
		}
		h.now = d.NextAttempt
	}
	want := []time.Duration{0, 5 * time.Second, 35 * time.Second, 335 * time.Second, 3935 * time.Second, 25535 * time.Second}
	if !slices.Equal(at, want) {
		t.Errorf("attempts after %v, want %v", at, want)
	}
}

// Nobody who may name a channel reaches what only weir's machine does.
func TestNoticesStayOutside(t *testing.T) {
	h := newHouse(t, false)
	for _, url := range []string{h.receiver.URL, strings.Replace(h.receiver.URL, "http://", "https://", 1), strings.Replace(h.receiver.URL, "http://127.0.0.1", "https://localhost", 1)} {
		c, _, err := h.Org.CreateNotificationChannel(t.Context(), h.actor(), org.NotificationChannelFields{
			Name: optional.Of("x"), Kind: optional.Of("webhook"), URL: optional.Of(url),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Org.TestNotificationChannel(t.Context(), h.actor(), c.ID); err != nil {
			t.Fatal(err)
		}
		got := h.turn()
		if d := h.deliveries()[0]; len(got) > 0 || d.Status != notify.Pending || !strings.Contains(d.Error, "WEIR_WEBHOOK_ALLOW_PRIVATE") {
			t.Errorf("%s: %+v, %+v", url, got, d)
		}
	}
}

// spend lets a project spend so much now.
func (h *house) spend(projectID string, sum string) {
	h.t.Helper()
	usd, err := money.Parse(sum)
	if err != nil {
		h.t.Fatal(err)
	}
	h.position++
	e := usage.Event{
		ID: id.Request(), OrganizationID: h.Organization.ID, ProjectID: projectID, APIKeyID: "key_1", Kind: usage.Completions, Model: "gpt-4o",
		Received: h.now, Done: h.now, Status: 200, Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider,
		Quantities: usage.Quantities{InputText: 1}, Cost: &usd,
		Lines: []usage.CostLine{{LineItem: "gpt-4o, input", Meter: "input", Quantity: 1, Unit: "tokens", Amount: &usd}},
	}
	if err := h.Usage.Apply(h.t.Context(), "node", []usage.Positioned{{Position: h.position, Event: e}}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) alert(projectID string, cents int64, prefix string) org.SpendAlert {
	h.t.Helper()
	a, err := h.Org.CreateSpendAlert(h.t.Context(), h.actor(), projectID, org.SpendAlertFields{
		Spend:       org.Spend{Threshold: cents, Currency: org.SpendCurrency, Interval: org.SpendInterval},
		ChannelType: "email", Recipients: []string{"finance@example.com"}, SubjectPrefix: optional.Of(prefix),
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// sent looks for what is reached, twice and as two nodes would at once, and
// returns the ids of the alerts that were told of.
func (h *house) sent() []string {
	h.t.Helper()
	before := len(h.deliveries())
	var nodes sync.WaitGroup
	for range 2 {
		nodes.Go(func() {
			if err := h.Org.SendSpendAlerts(h.t.Context(), h.Usage); err != nil {
				h.t.Error(err)
			}
		})
	}
	nodes.Wait()
	all := h.deliveries()
	var ids []string
	for _, d := range all[:len(all)-before] {
		ids = append(ids, d.Reference)
	}
	slices.Sort(ids)
	return ids
}

// An alert comes once for its threshold and month, by e-mail and to channels.
func TestSpendAlerts(t *testing.T) {
	h := newHouse(t, true)
	server := smtptest.New(t, false)
	sender, err := smtpmail.New(smtpmail.Options{Host: server.Host, Port: server.Port, From: "weir@example.com", TLS: smtpmail.StartTLS})
	if err != nil {
		t.Fatal(err)
	}
	h.Org.Post = &org.Post{BaseURL: "https://weir.example.com"}
	project, err := h.Org.CreateProject(t.Context(), h.actor(), org.NewProject{Name: "Search"})
	if err != nil {
		t.Fatal(err)
	}
	want := func(what string, alerts ...string) {
		t.Helper()
		slices.Sort(alerts)
		if got := h.sent(); !slices.Equal(got, alerts) {
			t.Errorf("%s: told of %v, want %v", what, got, alerts)
		}
	}
	first, whole := h.alert(project.ID, 0, ""), h.alert("", 500, "[bills]")
	mine := h.alert(project.ID, 500, "")
	want("nothing is spent")
	h.spend(h.Organization.DefaultProjectID, "2.5")
	want("less than any alert")
	h.spend(project.ID, "2.499999999999999999")
	want("the first cost of a project", first.ID)
	h.spend(project.ID, "0.000000000000000001")
	want("the sum of the organization", whole.ID)
	over := h.alert("", 400, "")
	want("one that is over when it is made", over.ID)
	want("no news")

	h.channel("slack", "/slack", "")
	h.channel("webhook", "/hook", "")
	h.spend(project.ID, "10")
	want("an e-mail and two channels", mine.ID, mine.ID, mine.ID)
	posted := h.turn()
	if len(posted) != 2 {
		t.Fatalf("posted %+v", posted)
	}
	slices.SortFunc(posted, func(a, b received) int { return strings.Compare(a.path, b.path) })
	var body struct {
		Type string
		Data struct {
			Alert     string `json:"spend_alert_id"`
			ProjectID string `json:"project_id"`
			Month     string
			Threshold struct{ Value string }
			Spent     struct{ Value string }
		}
	}
	if err := json.Unmarshal([]byte(posted[0].body), &body); err != nil || body.Type != "spend_alert.reached" || body.Data.Alert != mine.ID ||
		body.Data.ProjectID != project.ID || body.Data.Month != "2026-11" || body.Data.Threshold.Value != "5" || body.Data.Spent.Value != "12.5" {
		t.Errorf("%v: %s", err, posted[0].body)
	}
	if !strings.Contains(posted[1].body, "Spend of the project Search of Example has reached $5.00") {
		t.Errorf("to the chat: %s", posted[1].body)
	}

	courier := &mail.Courier{Store: h.Store, Opener: h.Vault, Sender: sender, Meter: nobody{}, Logger: slog.New(slog.DiscardHandler), Now: h.Org.Now}
	if _, err := courier.Turn(t.Context()); err != nil {
		t.Fatal(err)
	}
	subjects := 0
	for _, m := range server.Taken() {
		if strings.Contains(m.Data, "Subject: [bills] Spend of the organization Example has reached $5.00") {
			subjects++
		}
	}
	if len(server.Taken()) != 4 || subjects != 1 {
		t.Errorf("letters: %+v", server.Taken())
	}
	for _, d := range h.deliveries() {
		if d.Status != notify.Delivered {
			t.Errorf("the log: %+v", d)
		}
	}

	// Another sum, and another month, are news.
	if _, err := h.Org.UpdateSpendAlert(t.Context(), h.actor(), "", over.ID, org.SpendAlertFields{
		Spend: org.Spend{Threshold: 1000, Currency: org.SpendCurrency, Interval: org.SpendInterval}, ChannelType: "email", Recipients: []string{"b@example.com"},
	}); err != nil {
		t.Fatal(err)
	}
	want("another sum", over.ID, over.ID, over.ID)
	h.now = h.now.AddDate(0, 1, 0)
	want("a new month")
	h.spend(project.ID, "4.99")
	want("the first cost of the month", first.ID, first.ID, first.ID)
}

// nobody counts letters.
type nobody struct{}

func (nobody) MailWaiting(int64)  {}
func (nobody) MailSent(string)    {}
func (nobody) MailFailed(string)  {}
func (nobody) MailGivenUp(string) {}

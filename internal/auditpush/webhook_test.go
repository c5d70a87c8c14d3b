package auditpush

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"weir/internal/audit"
)

const testSecret = "a secret of the operator's"

func someEvents(t *testing.T, n int) []audit.Event {
	t.Helper()
	events := make([]audit.Event, n)
	hash := ""
	for i := range events {
		events[i] = audit.Event{
			ID: "audit_log-x", OrganizationID: "org-1", Action: "project.created", Type: "project.created",
			EffectiveAt: time.Unix(1_800_000_000, 123456000), Actor: audit.System("org-1"), Details: []byte(`{ "id": "<é>" }`),
		}
		if err := events[i].Seal(int64(i), hash); err != nil {
			t.Fatal(err)
		}
		hash = events[i].Hash
	}
	return events
}

// received is a request as the receiver sees it.
type received struct {
	header http.Header
	body   []byte
}

func newWebhook(t *testing.T, url, secret string, allowPrivate bool) *Webhook {
	t.Helper()
	w, err := NewWebhook(WebhookOptions{
		URL: url, Secret: secret, AllowPrivate: allowPrivate, UserAgent: "weir/test", Now: func() time.Time { return time.Unix(1_800_000_001, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

func TestWebhookIsSigned(t *testing.T) {
	var got received
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got.header = r.Header
		got.body, _ = io.ReadAll(r.Body)
	}))
	defer srv.Close()
	key := []byte("0123456789abcdef0123456789abcdef")
	encoded := "whsec_" + base64.StdEncoding.EncodeToString(key)
	for secret, keys := range map[string][][]byte{testSecret: {[]byte(testSecret)}, encoded: {key}, encoded + ", " + testSecret: {key, []byte(testSecret)}} {
		events := someEvents(t, 3)
		if err := newWebhook(t, srv.URL, secret, true).Send(t.Context(), "org-1", events); err != nil {
			t.Fatal(err)
		}
		// As a receiver would check it, by the standard's text alone.
		signatures := strings.Split(got.header.Get("webhook-signature"), " ")
		if len(signatures) != len(keys) {
			t.Fatalf("signatures %q", signatures)
		}
		for i, key := range keys {
			mac := hmac.New(sha256.New, key)
			mac.Write([]byte(got.header.Get("webhook-id") + "." + got.header.Get("webhook-timestamp") + "." + string(got.body)))
			if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); signatures[i] != want {
				t.Errorf("signature %q, want %q", signatures[i], want)
			}
		}
		if got.header.Get("webhook-id") != "org-1.1-3" || got.header.Get("webhook-timestamp") != "1800000001" || got.header.Get("content-type") != "application/json" {
			t.Errorf("header %v", got.header)
		}
		var body struct {
			Type           string
			OrganizationID string `json:"organization_id"`
			FirstSeq       int64  `json:"first_seq"`
			LastSeq        int64  `json:"last_seq"`
			Data           []json.RawMessage
		}
		if err := json.Unmarshal(got.body, &body); err != nil || body.Type != "audit.events" || body.OrganizationID != "org-1" || body.FirstSeq != 1 || body.LastSeq != 3 || len(body.Data) != 3 {
			t.Fatalf("%v: %s", err, got.body)
		}
		for i := range events {
			if line, _ := events[i].AppendJSON(nil); string(line) != string(body.Data[i]) {
				t.Errorf("event %s, want %s", body.Data[i], line)
			}
		}
	}
}

func TestWebhookAnswers(t *testing.T) {
	status := 0
	elsewhere := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			elsewhere++
			return
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = w.Write(make([]byte, 200<<10)) // more than anybody wants to know
	}))
	defer srv.Close()
	w := newWebhook(t, srv.URL, testSecret, true)
	for code, want := range map[int]string{
		200: "", 202: "", 299: "", 301: "fails", 307: "fails", 400: "refused", 413: "refused", 422: "refused",
		401: "fails", 403: "fails", 404: "fails", 408: "fails", 429: "fails", 500: "fails", 503: "fails",
	} {
		status = code
		err := w.Send(t.Context(), "org-1", someEvents(t, 1))
		var refused *RefusedError
		got := ""
		switch {
		case errors.As(err, &refused):
			got = "refused"
		case err != nil:
			got = "fails"
		}
		if got != want {
			t.Errorf("status %d: %v", code, err)
		}
	}
	if elsewhere > 0 {
		t.Error("a redirect is followed with the events")
	}
	srv.Close()
	w = newWebhook(t, strings.Replace(srv.URL, "http://", "http://", 1)+"/?token=hunter2", testSecret, true)
	if err := w.Send(t.Context(), "org-1", someEvents(t, 1)); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestWebhookStaysOutside(t *testing.T) {
	reached := false
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer srv.Close()
	for _, url := range []string{srv.URL, strings.Replace(srv.URL, "127.0.0.1", "localhost", 1)} {
		err := newWebhook(t, url, testSecret, false).Send(t.Context(), "org-1", someEvents(t, 1))
		if err == nil || !strings.Contains(err.Error(), "WEIR_WEBHOOK_ALLOW_PRIVATE") || reached {
			t.Errorf("%s: %v", url, err)
		}
	}
}

package gateway

import (
	"encoding/json"
	"strings"
	"testing"
)

// envelopeOf fails unless the answer is a whole error envelope with the headers
// every answer has. code and param are "" for null; code "*" is any.
func envelopeOf(t testing.TB, got reply, status int, code, param string) {
	t.Helper()
	var body struct {
		Error map[string]*string `json:"error"`
	}
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Errorf("no envelope: %v: %d %q", err, got.StatusCode, got.body)
		return
	}
	text := func(key string) string {
		v, ok := body.Error[key]
		if !ok {
			t.Errorf("the envelope lacks %s: %s", key, got.body)
		}
		if v == nil {
			return ""
		}
		return *v
	}
	if text("message") == "" || text("type") == "" {
		t.Errorf("an empty envelope: %s", got.body)
	}
	if got.StatusCode != status || code != "*" && text("code") != code || text("param") != param {
		t.Errorf("got %d %s, want %d with code %q and param %q", got.StatusCode, got.body, status, code, param)
	}
	if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Content-Encoding") != "" {
		t.Errorf("type %q, encoding %q", got.Header.Get("Content-Type"), got.Header.Get("Content-Encoding"))
	}
	if !strings.HasPrefix(got.Header.Get("X-Request-Id"), "req_") || got.Header.Get("Openai-Processing-Ms") == "" || got.Header.Get("Openai-Version") == "" {
		t.Errorf("headers: %v", got.Header)
	}
	if strings.Contains(got.body, providerKey) || strings.Contains(got.body, headerSecret) {
		t.Errorf("a secret is shown: %s", got.body)
	}
}

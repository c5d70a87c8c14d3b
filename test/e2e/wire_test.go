package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exchange sends bytes as they are and returns the answer.
func exchange(t *testing.T, address, request string) (*http.Response, []byte) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(address, "http://"), 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	go func() { _, _ = io.WriteString(conn, request) }() // weir may answer before it has read all
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // of what was cut, what came
	return resp, body
}

// TestOddRequests sends what no client should. Whatever a handler of weir's
// answers is the envelope with its headers, and never a failure of weir's.
func TestOddRequests(t *testing.T) {
	p := serve(t, t.TempDir())
	_, key := project(t, p.address, "wire")
	admin, caller := "Authorization: Bearer "+adminKey+"\r\n", "Authorization: Bearer "+key+"\r\n"
	get := func(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + admin + "\r\n" }
	post := func(path, header, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + header + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
	}
	const projects, chat = "/v1/organization/projects", "/v1/chat/completions"
	requests := map[string]struct {
		raw    string
		status int
	}{
		"up and over":           {get("/v1/../weir/v1/me"), 404},
		"up and over, encoded":  {get("/v1/%2e%2e/weir/v1/me"), 404},
		"an encoded slash":      {get("/v1%2Forganization%2Fprojects"), 404},
		"two slashes":           {get("//v1/organization/projects"), 404},
		"a trailing slash":      {get("/weir/v1/me/"), 404},
		"NUL in the path":       {get("/weir/v1/workspaces/%00"), 404},
		"no text in the path":   {get("/v1/organization/projects/%ff%fe"), 404},
		"below an address":      {get("/healthz/x"), 404},
		"a console to come":     {get("/console"), 404},
		"a very long path":      {get("/weir/v1/" + strings.Repeat("a/", 25_000)), 404},
		"too long a path":       {get("/" + strings.Repeat("a", 70_000)), 400},
		"a huge header":         {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 70_000) + "\r\n\r\n", 400},
		"many headers":          {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: a\r\n", 10_000) + "\r\n", 400},
		"everything at once":    {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 404},
		"a tunnel":              {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", 404},
		"an echo":               {"TRACE " + projects + " HTTP/1.1\r\nHost: x\r\n" + admin + "\r\n", 405},
		"health is read":        {post("/healthz", "", "{}"), 405},
		"a method of no use":    {"FOO /weir/v1/me HTTP/1.1\r\nHost: x\r\n" + admin + "\r\n", 405},
		"another host's":        {"GET http://example.com/weir/v1/nothing HTTP/1.1\r\nHost: x\r\n" + admin + "\r\n", 404},
		"HTTP/1.0":              {"GET /weir/v1/nothing HTTP/1.0\r\n" + admin + "\r\n", 404},
		"no key":                {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\n\r\n", 401},
		"no text for a key":     {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xfe\r\n\r\n", 401},
		"a key for a user":      {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Basic eDp5\r\n\r\n", 401},
		"an admin calls models": {post(chat, admin, `{"model":"x"}`), 403},
		"a project administers": {"GET " + projects + " HTTP/1.1\r\nHost: x\r\n" + caller + "\r\n", 403},
		"ten megabytes":         {post(projects, admin, `{"name":"`+strings.Repeat("a", 10<<20)+`"}`), 413},
		"deep arrays":           {post(projects, admin, strings.Repeat("[", 500_000)), 400},
		"deep objects":          {post(projects, admin, strings.Repeat(`{"a":`, 100_000)), 400},
		"deep in a call":        {post(chat, caller, `{"model":"x","messages":`+strings.Repeat("[", 500_000)), 400},
		"gzip":                  {post(projects, admin+"Content-Encoding: gzip\r\n", "\x1f\x8b\x08\x00"), 400},
		"a number beyond all":   {post("/v1/organization/admin_api_keys", admin, `{"name":"k","expires_in_seconds":1e400}`), 400},
		"two of one name":       {post(projects, admin, `{"name":"a","n\u0061me":"b"}`), 400},
		"more than one value":   {post(projects, admin, `{"name":"a"}{"name":"b"}`), 400},
		"chunks that are none":  {"POST " + projects + " HTTP/1.1\r\nHost: x\r\n" + admin + "Transfer-Encoding: chunked\r\n\r\nZZ\r\n", 400},
		"a strange query":       {get(projects + "?limit=%zz"), 400},
		"a limit beyond all":    {get(projects + "?limit=99999999999999999999"), 400},
		"a limit of none":       {get(projects + "?limit=-1"), 400},
		"a junk cookie":         {"GET /weir/v1/me HTTP/1.1\r\nHost: x\r\nCookie: weir_session=\xff; weir_session=a\r\n\r\n", 401},
	}
	for name, r := range requests {
		t.Run(name, func(t *testing.T) {
			resp, body := exchange(t, p.address, r.raw)
			if resp.StatusCode != r.status {
				t.Errorf("%d, want %d: %.300s", resp.StatusCode, r.status, body)
			}
			var envelope struct {
				Error map[string]any `json:"error"`
			}
			if err := json.Unmarshal(body, &envelope); err != nil || len(envelope.Error) != 4 {
				t.Errorf("no envelope: %.300s", body)
			}
			if got := resp.Header.Get("Content-Type"); got != "application/json" {
				t.Errorf("content type %q", got)
			}
			for _, header := range []string{"X-Request-Id", "Openai-Version", "Openai-Processing-Ms"} {
				if resp.Header.Get(header) == "" {
					t.Errorf("no %s", header)
				}
			}
		})
	}
	if resp, body := exchange(t, p.address, "HEAD /weir/v1/me HTTP/1.1\r\nHost: x\r\n"+admin+"\r\n"); resp.StatusCode != http.StatusOK || len(body) > 0 {
		t.Errorf("HEAD: %d with %d bytes", resp.StatusCode, len(body))
	}
	if strings.Contains(p.stderr.String(), `"level":"ERROR"`) {
		t.Errorf("a request was logged as weir's failure:\n%s", p.stderr)
	}
}

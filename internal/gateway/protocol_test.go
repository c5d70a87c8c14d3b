package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"weir/internal/pricing"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// raw sends bytes and returns all that comes back until the connection closes.
func (r *rig) raw(t testing.TB, request string) string {
	t.Helper()
	conn := r.dial(t)
	_, err := io.WriteString(conn, strings.ReplaceAll(request, "KEY", r.key))
	must(t, err)
	answer, err := io.ReadAll(conn)
	must(t, err)
	return string(answer)
}

func TestHTTP10(t *testing.T) {
	r := newRig(t)
	stream := event(chunk1) + event("[DONE]")
	r.provider.Enqueue(pieces(stream, 1<<20), cut(pieces(event(chunk1), 1<<20)))
	request := fmt.Sprintf("POST /v1/chat/completions HTTP/1.0\r\nAuthorization: Bearer KEY\r\nContent-Length: %d\r\n\r\n%s", len(plainStream), plainStream)
	if got := r.raw(t, request); !strings.HasSuffix(got, "\r\n\r\n"+stream) {
		t.Errorf("%q", got)
	}
	if got := r.raw(t, request); !strings.Contains(got, event(chunk1)+`data: {"error"`) {
		t.Errorf("%q", got)
	}
}

func TestExpectContinue(t *testing.T) {
	r := newRig(t)
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
	conn := r.dial(t)
	in := bufio.NewReader(conn)
	_, err := fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", r.key, len(chat("")))
	must(t, err)
	resp, err := http.ReadResponse(in, nil)
	must(t, err)
	equal(t, "first", resp.StatusCode, 100)
	_, err = io.WriteString(conn, chat(""))
	must(t, err)
	resp, err = http.ReadResponse(in, nil)
	must(t, err)
	raw, err := io.ReadAll(resp.Body)
	must(t, err)
	equal(t, "body", string(raw), chatBody)
	equal(t, "expect", r.provider.Next(t).Header.Get("Expect"), "")
}

// TestOddProviders are providers that no library would write.
func TestOddProviders(t *testing.T) {
	for name, tt := range map[string]struct {
		answer string
		status int
		body   string
	}{
		"informational first": {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", 200, "{}"},
		"trailers":            {"HTTP/1.1 200 OK\r\nTrailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX-T: 1\r\n\r\n", 200, "{}"},
		"until close":         {"HTTP/1.0 200 OK\r\n\r\n{}", 200, "{}"},
		"cut before close":    {"HTTP/1.0 200 OK\r\n\r\n{\"id\":\"x\",\"usa", 502, ""},
		"switching":           {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n", 502, ""},
		"no HTTP":             {"hello\r\n\r\n", 502, ""},
		"two lengths":         {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 502, ""},
		"endless header":      {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n{}", 502, ""},
		"bad chunk":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 502, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			l, err := net.Listen("tcp", "127.0.0.1:0")
			must(t, err)
			t.Cleanup(func() { l.Close() })
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				if req, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					_, _ = io.Copy(io.Discard, req.Body) // the answer is what is tested
				}
				_, _ = io.WriteString(conn, tt.answer)
			}()
			r.pointTo(t, "http://"+l.Addr().String()+"/v1")
			got := r.do(t, call{body: chat("")})
			equal(t, "status", got.StatusCode, tt.status)
			if tt.status == 200 {
				must(t, got.readErr)
				equal(t, "body", got.body, tt.body)
				equal(t, "trailer", len(got.Trailer), 0)
			} else {
				envelopeOf(t, got, 502, "*", "")
			}
			r.ledger.next(t)
			r.ledger.balanced(t)
		})
	}
}

// panicky is a transport or an opener that panics.
type panicky struct{ v any }

func (p panicky) RoundTrip(*http.Request) (*http.Response, error) { panic(p.v) }

func TestPanicsAreSettled(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Gateway)
		body   string
		cut    bool
	}{
		"in the transport":  {func(g *Gateway) { g.Transport = panicky{"oops"} }, "", false},
		"abort":             {func(g *Gateway) { g.Transport = panicky{http.ErrAbortHandler} }, "", true},
		"while pricing":     {func(g *Gateway) { g.Book = (*pricing.Book)(nil) }, "", false},
		"pricing a stream":  {func(g *Gateway) { g.Book = (*pricing.Book)(nil) }, `,"stream":true`, true},
		"while it is begun": {func(g *Gateway) { g.Vault = nil }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, tt.change)
			if tt.body == "" {
				r.provider.Always(upstreamtest.JSON(200, chatBody))
			} else {
				r.provider.Always(pieces(event(chunk1)+event(usageOnly)+event("[DONE]"), 1<<20))
			}
			resp, err := r.start(t, call{body: chat(tt.body)})
			if err == nil {
				defer resp.Body.Close()
				raw, readErr := io.ReadAll(resp.Body)
				if err = readErr; !tt.cut {
					envelopeOf(t, reply{Response: resp, body: string(raw)}, 500, "", "")
				}
				if strings.Contains(string(raw), "[DONE]") || strings.Contains(string(raw), "oops") {
					t.Errorf("%q", raw)
				}
			}
			if (err != nil) != tt.cut {
				t.Errorf("cut: %v", err)
			}
			ev := r.ledger.next(t)
			equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
			r.ledger.balanced(t)
			r.eventually(t, "the gauge", func() bool { return r.metric(t, "weir_in_flight") == "0" })
			if name != "abort" && !strings.Contains(r.log.String(), "a request panicked") {
				t.Error("the log says nothing")
			}
		})
	}
}

func TestHTTP2(t *testing.T) {
	r := newRig(t)
	server := httptest.NewUnstartedServer(r.Gateway)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	r.url, r.client = server.URL, server.Client()
	stream := event(chunk1) + event("[DONE]")
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody), pieces(stream, 9), cut(upstreamtest.JSON(200, embeddings(2<<20))))
	got := r.do(t, call{body: chat("")})
	equal(t, "protocol", got.ProtoMajor, 2)
	equal(t, "body", got.body, chatBody)
	equal(t, "stream", r.do(t, call{body: plainStream}).body, stream)
	got = r.do(t, call{path: "/v1/embeddings", body: `{"model":"text-embedding-3-small"}`})
	if got.readErr == nil {
		t.Errorf("a cut body of %d bytes ended well", len(got.body))
	}
	r.ledger.balanced(t)
}

func TestAccessRecord(t *testing.T) {
	r := newRig(t)
	r.provider.Enqueue(upstreamtest.JSON(200, chatBody))
	got := r.do(t, call{path: "/v1/chat/completions?key=sk-secretsecretsecret", body: chat("")})
	ev := r.ledger.next(t)
	r.eventually(t, "the record", func() bool { return strings.Contains(r.log.String(), ev.ID) })
	line := r.log.String()
	for _, want := range []string{
		`"request_id":"` + got.Header.Get("X-Request-Id") + `"`, `"status":200`, `"outcome":"completed"`, `"project_id":"` + r.project.ID + `"`,
		`"api_key_id":"` + r.keyID + `"`, `"model":"gpt-4o-mini-2024-07-18"`, `"input_tokens":1000`, `"output_tokens":500`, `"attempts":1`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	for _, secret := range []string{r.key, providerKey, headerSecret, "secretsecret", "\"hi\""} {
		if strings.Contains(line, secret) {
			t.Errorf("%s in %s", secret, line)
		}
	}
}

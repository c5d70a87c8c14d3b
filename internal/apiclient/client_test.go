package apiclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/apiclient"
)

const key = "sk-admin-0123456789abcdefghijklmnopqrstuvwxyz"

// weir answers requests in the same goroutine, as a server would.
type weir func(r *http.Request) (status int, header http.Header, body string)

// RoundTrip implements http.RoundTripper.
func (w weir) RoundTrip(r *http.Request) (*http.Response, error) {
	status, header, body := w(r)
	if status == 0 {
		return nil, errors.New(body)
	}
	if header == nil {
		header = http.Header{}
	}
	var read io.Reader = strings.NewReader(body)
	if after, cut := strings.CutSuffix(body, "…"); cut {
		read = io.MultiReader(strings.NewReader(after), broken{})
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(read), Request: r}, nil
}

type broken struct{}

// Read implements io.Reader.
func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func client(t *testing.T, w weir) *apiclient.Client {
	t.Helper()
	c, err := apiclient.New(apiclient.Options{URL: "http://weir.test/v1/", Key: key, UserAgent: "weir/test", Transport: w})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestACall(t *testing.T) {
	c := client(t, func(r *http.Request) (int, http.Header, string) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		want := `POST http://weir.test/v1/organization/projects/a%2F..%2Fb%3Fc%20%C3%A9 {"name":"x"}`
		if got := fmt.Sprint(r.Method, " ", r.URL, " ", string(body)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
		if r.Header.Get("Authorization") != "Bearer "+key || r.Header.Get("User-Agent") != "weir/test" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v", r.Header)
		}
		return 200, nil, ` {"amount":{"value":0.100000000000000001},"n":12345678901234567890}`
	})
	if c.URL() != "http://weir.test" {
		t.Error(c.URL())
	}
	got, err := c.Post(t.Context(), "/v1"+apiclient.Path("organization", "projects", "a/../b?c é"), map[string]string{"name": "x"})
	if err != nil || !strings.Contains(string(got), "0.100000000000000001") || !strings.Contains(string(got), "12345678901234567890") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []apiclient.Options{
		{URL: "", Key: key}, {URL: "localhost", Key: key}, {URL: "ftp://x", Key: key}, {URL: "http://", Key: key},
		{URL: "http://u:p@x", Key: key}, {URL: "http://x?y", Key: key}, {URL: "http://x#y", Key: key}, {URL: "http://x\x00", Key: key},
		{URL: "http://x", Key: ""}, {URL: "http://x", Key: "a b"}, {URL: "http://x", Key: "a\r\nHost: y"}, {URL: "http://x", Key: "é"},
	} {
		if err := o.Validate(); err == nil || o.Key != "" && o.Key != key && strings.Contains(err.Error(), o.Key) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for in, want := range map[string]string{
		"http://x": "http://x", "https://x:8443/": "https://x:8443", "http://x/v1": "http://x", "http://x/weir/v1/": "http://x/weir",
	} {
		c, err := apiclient.New(apiclient.Options{URL: in, Key: key})
		if err != nil || c.URL() != want {
			t.Errorf("%s: %v, %v", in, c, err)
		}
	}
	for _, s := range []string{"", ".", ".."} {
		if apiclient.Segment(s) == nil {
			t.Errorf("%q is an id", s)
		}
	}
}

func TestErrors(t *testing.T) {
	param := `{"error":{"message":"Invalid 'name'.","type":"invalid_request_error","param":"name","code":"invalid_value"}}`
	for _, tt := range []struct {
		status int
		body   string
		want   string
	}{
		{400, param, "Invalid 'name'. (code invalid_value, param name, request id req_1)"},
		{404, `{"error":{"message":"Gone.","type":"invalid_request_error","param":null,"code":null}}`, "Gone. (request id req_1)"},
		{403, `{"error":"You have insufficient permissions"}`, "POST /x was answered 403 Forbidden (request id req_1)"},
		{502, `<html>`, "POST /x was answered 502 Bad Gateway (request id req_1)"},
		{301, ``, "POST /x was answered 301 Moved Permanently (request id req_1)"},
		{204, ``, "POST /x was answered 204 No Content (request id req_1)"},
	} {
		c := client(t, func(*http.Request) (int, http.Header, string) {
			return tt.status, http.Header{"X-Request-Id": {"req_1"}, "Location": {"http://elsewhere.test/"}}, tt.body
		})
		_, err := c.Post(t.Context(), "/x", nil)
		var refused *apiclient.Error
		if !errors.As(err, &refused) || err.Error() != tt.want || refused.Status != tt.status || refused.RequestID != "req_1" {
			t.Errorf("%d: %v, want %s", tt.status, err, tt.want)
		}
	}
	for body, want := range map[string]string{
		"": "did not answer as weir does", "[]": "did not answer as weir does", `{"a":`: "did not answer as weir does", "<html>": "did not answer as weir does",
		strings.Repeat(" ", 64<<20) + "{}": "longer than 64 MiB", `{"a":…`: "broke off",
	} {
		c := client(t, func(*http.Request) (int, http.Header, string) { return 200, nil, body })
		if _, err := c.Post(t.Context(), "/x", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.20q: %v", body, err)
		}
	}
}

// Who changed something learns when it is not known whether that was done.
func TestChangesThatMayHaveBeenMade(t *testing.T) {
	for _, tt := range []struct {
		err    error
		body   string
		unsure bool
	}{
		{&net.OpError{Op: "dial", Err: errors.New("connection refused")}, "", false},
		{&net.OpError{Op: "read", Err: errors.New("connection reset")}, "", true},
		{io.ErrUnexpectedEOF, "", true},
		{nil, "{…", true},
	} {
		c, err := apiclient.New(apiclient.Options{URL: "http://weir.test", Key: key, Transport: failing{tt.err, tt.body}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Post(t.Context(), "/x", nil)
		var unreached *apiclient.UnreachedError
		if !errors.As(err, &unreached) || unreached.Unsure != tt.unsure || strings.Contains(err.Error(), "is not known") != tt.unsure {
			t.Errorf("%v: %v", tt.err, err)
		}
		synctest.Test(t, func(t *testing.T) {
			if _, err := c.Get(t.Context(), "/x", nil); !errors.As(err, &unreached) || unreached.Unsure {
				t.Errorf("reading, %v: %v", tt.err, err)
			}
		})
	}
}

// failing is a way to weir that breaks.
type failing struct {
	err  error
	body string
}

// RoundTrip implements http.RoundTripper.
func (f failing) RoundTrip(r *http.Request) (*http.Response, error) {
	if f.err != nil {
		return nil, f.err
	}
	return weir(func(*http.Request) (int, http.Header, string) { return 200, nil, f.body }).RoundTrip(r)
}

// What is read is read again, after a pause; what changes something is not done
// again.
func TestAgain(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		change bool
		calls  int
		took   time.Duration
	}{
		{"busy", 429, nil, "", false, 3, 1500 * time.Millisecond},
		{"busy, and says how long", 429, http.Header{"Retry-After": {"7"}}, "", false, 3, 14 * time.Second},
		{"busy for too long", 429, http.Header{"Retry-After": {"31"}}, "", false, 1, 0},
		{"not there", 503, http.Header{"Retry-After": {"-1"}}, "", false, 3, 1500 * time.Millisecond},
		{"cut off", 200, nil, "{…", false, 3, 1500 * time.Millisecond},
		{"not reached", 0, nil, "connection refused", false, 1, 0},
		{"a mistake", 400, nil, "", false, 1, 0},
		{"broken", 500, nil, "", false, 1, 0},
		{"a change, busy", 429, nil, "", true, 1, 0},
		{"a change, not there", 503, nil, "", true, 1, 0},
		{"a change, cut off", 200, nil, "{…", true, 1, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			calls, began := 0, time.Now()
			c := client(t, func(*http.Request) (int, http.Header, string) { calls++; return tt.status, tt.header, tt.body })
			var err error
			if tt.change {
				if _, err = c.Delete(t.Context(), "/x", nil); err == nil {
					t.Errorf("%s: no error", tt.name)
				}
				if _, err = c.Post(t.Context(), "/x", nil); err != nil {
					calls--
				}
			} else {
				_, err = c.Get(t.Context(), "/x", nil)
			}
			if err == nil || calls != tt.calls || time.Since(began) != tt.took {
				t.Errorf("%s: %d calls in %s, %v", tt.name, calls, time.Since(began), err)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		c := client(t, func(*http.Request) (int, http.Header, string) { return 429, http.Header{"Retry-After": {"20"}}, "" })
		if _, err := c.Get(ctx, "/x", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited on: %v", err)
		}
	})
}

func TestListsInEveryEnvelope(t *testing.T) {
	for name, tt := range map[string]struct {
		pages map[string]string // by the cursor
		param string
		want  string // the items; "": an error
	}{
		"by id": {map[string]string{
			"":  `{"object":"list","data":[{"id":"a"},{"id":"b"}],"first_id":"a","last_id":"b","has_more":true}`,
			"b": `{"object":"list","data":[{"id":"c"}],"first_id":"c","last_id":"c","has_more":false}`,
		}, "after", `{"id":"a"}{"id":"b"}{"id":"c"}`},
		"by the id of the last": {map[string]string{
			"": `{"object":"list","data":[{"id":"a"}],"has_more":true}`, "a": `{"object":"list","data":[{"id":"b"}],"has_more":false}`,
		}, "after", `{"id":"a"}{"id":"b"}`},
		"by cursor": {map[string]string{
			"": `{"object":"list","data":[{"id":"a"}],"has_more":true,"next":"x="}`, "x=": `{"object":"list","data":[{"n":1.10}],"has_more":false,"next":null}`,
		}, "after", `{"id":"a"}{"n":1.10}`},
		"buckets": {map[string]string{
			"": `{"object":"page","data":[{"n":1}],"has_more":true,"next_page":"page_+="}`, "page_+=": `{"object":"page","data":[{"n":2}],"has_more":false,"next_page":null}`,
		}, "page", `{"n":1}{"n":2}`},
		"empty":                  {map[string]string{"": `{"object":"list","data":[],"first_id":null,"last_id":null,"has_more":false}`}, "", " "},
		"more, and not where":    {map[string]string{"": `{"object":"list","data":[{"n":1}],"has_more":true,"next":null}`}, "", ""},
		"more of nothing":        {map[string]string{"": `{"object":"list","data":[],"has_more":true}`}, "", ""},
		"round and round":        {map[string]string{"": `{"data":[{"id":"a"}],"has_more":true}`, "a": `{"data":[{"id":"a"}],"has_more":true}`}, "after", ""},
		"an object":              {map[string]string{"": `{"object":"organization.project","id":"a"}`}, "", ""},
		"data that is no array":  {map[string]string{"": `{"object":"list","data":{"id":"a"}}`}, "", ""},
		"a page that is refused": {map[string]string{"": `{"data":[{"id":"a"}],"has_more":true}`}, "after", ""},
	} {
		c := client(t, func(r *http.Request) (int, http.Header, string) {
			q := r.URL.Query()
			if q.Get("limit") != "2" || !slices.Equal(q["group_by[]"], []string{"model", "day"}) || r.Method != http.MethodGet {
				t.Errorf("%s: %s %s", name, r.Method, r.URL)
			}
			at := q.Get("after") + q.Get("page")
			if at != "" && !q.Has(tt.param) {
				t.Errorf("%s: %s", name, r.URL)
			}
			page, ok := tt.pages[at]
			if !ok {
				return 400, nil, `{}`
			}
			return 200, nil, page
		})
		items, err := apiclient.Collect(c.List(t.Context(), "/x", url.Values{"limit": {"2"}, "group_by[]": {"model", "day"}}))
		if tt.want == "" {
			if err == nil || items != nil {
				t.Errorf("%s: %s, %v", name, items, err)
			}
			continue
		}
		got := ""
		for _, item := range items {
			got += string(item)
		}
		if err != nil || got != strings.TrimSpace(tt.want) {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	// Who has enough does not ask for more.
	calls := 0
	c := client(t, func(*http.Request) (int, http.Header, string) {
		calls++
		return 200, nil, `{"data":[{"id":"a"}],"has_more":true}`
	})
	for item, err := range c.List(t.Context(), "/x", nil) {
		if err != nil || !json.Valid(item) {
			t.Error(err)
		}
		break
	}
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

package upstream

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
)

const (
	apiKey   = "sk-proj-0123456789abcdef"
	adminKey = "sk-admin-0123456789abcdef"
)

func probe(t *testing.T, target Target) routing.Probe {
	t.Helper()
	p := Prober{Transport: transport(t, Options{}), Now: func() time.Time { return time.Date(2026, 3, 2, 13, 0, 0, 0, time.UTC) }}
	return p.Probe(t.Context(), target)
}

func TestProbeAPIKey(t *testing.T) {
	s := upstreamtest.New(t)
	s.Handle("GET", "/v1/models", upstreamtest.Models("gpt-5", "gpt-4o", "gpt-5"))
	got := probe(t, Target{
		Provider: routing.OpenAI, BaseURL: s.URL(), APIKey: apiKey,
		Organization: "org-1", Project: "proj_1", Headers: map[string]string{"X-Team": "blue"},
	})
	if got.AdminKey != nil || got.APIKey == nil || !got.APIKey.OK || got.APIKey.Error != "" ||
		!slices.Equal(got.APIKey.Models, []string{"gpt-5", "gpt-4o"}) {
		t.Fatalf("%+v", got.APIKey)
	}
	requests := s.Requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if r.Credential() != apiKey || r.Header.Get("OpenAI-Organization") != "org-1" ||
		r.Header.Get("OpenAI-Project") != "proj_1" || r.Header.Get("X-Team") != "blue" {
		t.Errorf("sent %v", r.Header)
	}
}

func TestProbeReadsEveryPage(t *testing.T) {
	s := upstreamtest.New(t)
	s.Enqueue(
		upstreamtest.JSON(200, `{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}`),
		upstreamtest.JSON(200, `{"data":[{"id":"b"}],"has_more":true,"last_id":"b"}`),
		upstreamtest.JSON(200, `{"data":[{"id":"c"}],"has_more":false,"last_id":"c"}`),
	)
	got := probe(t, Target{Provider: routing.OpenAICompatible, BaseURL: s.URL(), APIKey: apiKey}).APIKey
	if !slices.Equal(got.Models, []string{"a", "b", "c"}) {
		t.Fatalf("%+v", got)
	}
	var queries []string
	for _, r := range s.Requests() {
		queries = append(queries, r.RawQuery)
	}
	if !slices.Equal(queries, []string{"", "after=a", "after=b"}) {
		t.Errorf("asked %q", queries)
	}
}

func TestProbeStopsAtARepeatedPage(t *testing.T) {
	s := upstreamtest.New(t)
	s.Always(upstreamtest.JSON(200, `{"data":[{"id":"a"}],"has_more":true,"last_id":"a"}`))
	got := probe(t, Target{Provider: routing.OpenAICompatible, BaseURL: s.URL(), APIKey: apiKey}).APIKey
	if !slices.Equal(got.Models, []string{"a"}) || len(s.Requests()) != 2 {
		t.Fatalf("%+v after %d requests", got, len(s.Requests()))
	}
}

func TestProbeReadsABareList(t *testing.T) {
	s := upstreamtest.New(t)
	s.Always(upstreamtest.JSON(200, `[{"id":"a"},{"id":"b"}]`))
	got := probe(t, Target{Provider: routing.OpenAICompatible, BaseURL: s.URL(), APIKey: apiKey}).APIKey
	if !slices.Equal(got.Models, []string{"a", "b"}) {
		t.Fatalf("%+v", got)
	}
}

func TestProbeWithoutAKey(t *testing.T) {
	s := upstreamtest.New(t)
	s.Always(upstreamtest.Models("llama"))
	got := probe(t, Target{Provider: routing.OpenAICompatible, BaseURL: s.URL()})
	if got.APIKey == nil || !got.APIKey.OK || s.Requests()[0].Header.Get("Authorization") != "" {
		t.Errorf("a keyless local server: %+v", got.APIKey)
	}
	got = probe(t, Target{Provider: routing.OpenAI, BaseURL: s.URL()})
	if got.APIKey != nil || got.AdminKey != nil {
		t.Errorf("no key, but tried: %+v", got)
	}
}

func TestProbeSandboxInProcess(t *testing.T) {
	sandbox := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/models" {
			w.Write(upstreamtest.Models("sandbox-1").Body)
		}
	})
	p := Prober{Transport: transport(t, Options{Sandbox: sandbox})}
	got := p.Probe(t.Context(), Target{Provider: routing.Sandbox, BaseURL: routing.Sandbox.DefaultBaseURL()}).APIKey
	if got == nil || !got.OK || !slices.Equal(got.Models, []string{"sandbox-1"}) {
		t.Fatalf("%+v", got)
	}
}

func TestProbeProblemsAreSentences(t *testing.T) {
	long := "The key " + strings.Repeat("x", maxWords-len("The key ")-10) + " " + apiKey
	for name, tt := range map[string]struct {
		answer upstreamtest.Answer
		want   string
	}{
		"refused":     {upstreamtest.Error(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: "+apiKey+". Find yours\nat x."), "The provider refused the key (401): Incorrect API key provided: ************************. Find yours at x."},
		"half masked": {upstreamtest.Error(401, "", "", "Incorrect API key provided: sk-proj-*****cdef."), "Incorrect API key provided: sk-proj-*****cdef."},
		"cut text":    {upstreamtest.Error(401, "", "", long), "xxx ****"},
		"bare string": {upstreamtest.JSON(403, `{"error":"You have insufficient permissions"}`), "The key may not read /models (403): You have insufficient permissions."},
		"no words":    {upstreamtest.JSON(500, "oops"), "/v1/models answered with status 500."},
		"not found":   {upstreamtest.JSON(404, "{}"), "There is nothing at "},
		"rate":        {upstreamtest.JSON(429, "{}"), "The provider limits the rate of this key (429)."},
		"redirect":    {upstreamtest.Answer{Status: 302, Header: http.Header{"Location": {"https://elsewhere.example/?key=" + apiKey}}}, "redirect (302 to elsewhere.example)"},
		"html":        {upstreamtest.Answer{Body: []byte("<html>")}, "did not answer with JSON; check base_url."},
		"no data":     {upstreamtest.JSON(200, `{"models":[]}`), "has no data array"},
		"cut":         {upstreamtest.Answer{Cut: true}, "it closed the connection without a complete answer"},
		"cut body":    {upstreamtest.Answer{Body: []byte(`{"data":[`), Cut: true}, "it closed the connection without a complete answer"},
		"too large":   {upstreamtest.JSON(200, `{"data":["`+strings.Repeat("x", maxProbeBytes)+`"]}`), "is larger than 8 MiB."},
	} {
		t.Run(name, func(t *testing.T) {
			s := upstreamtest.New(t)
			s.Always(tt.answer)
			got := probe(t, Target{Provider: routing.OpenAI, BaseURL: s.URL(), APIKey: apiKey}).APIKey
			if got.OK || got.Models != nil || !strings.Contains(got.Error, tt.want) {
				t.Errorf("%+v\nwant %s", got, tt.want)
			}
			if strings.Contains(got.Error, apiKey[:12]) {
				t.Errorf("the key is in %q", got.Error)
			}
		})
	}
}

func TestProbeUnreachable(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	plain := upstreamtest.New(t)
	secure := upstreamtest.NewTLS(t)
	for base, want := range map[string]string{
		gone.URL + "/v1": "connection refused",
		secure.URL():     "TLS: its certificate is signed by an unknown authority",
		strings.Replace(plain.URL(), "http:", "https:", 1): "TLS: it does not speak TLS on this port",
	} {
		got := probe(t, Target{Provider: routing.OpenAI, BaseURL: base, APIKey: apiKey}).APIKey
		if got.OK || !strings.HasPrefix(got.Error, "Could not reach 127.0.0.1:") || !strings.Contains(got.Error, want) {
			t.Errorf("%s: %q, want %q", base, got.Error, want)
		}
	}
}

func TestProbeIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		silent := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		p := Prober{Transport: InProcess(silent)}
		start := time.Now()
		got := p.Probe(t.Context(), Target{Provider: routing.OpenAI, BaseURL: "sandbox://host/v1", APIKey: apiKey, AdminKey: adminKey})
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("took %s", took)
		}
		for _, key := range []*routing.KeyProbe{got.APIKey, got.AdminKey} {
			if key.OK || key.Error != "Could not reach host: no answer in time." {
				t.Errorf("%+v", key)
			}
		}
	})
}

// admin scripts the three addresses an admin key is tried on.
func admin(t *testing.T, costs, usage, projects upstreamtest.Answer) *upstreamtest.Server {
	s := upstreamtest.New(t)
	s.Handle("GET", "/v1/organization/costs", costs)
	s.Handle("GET", "/v1/organization/usage/completions", usage)
	s.Handle("GET", "/v1/organization/projects", projects)
	return s
}

func TestProbeAdminKey(t *testing.T) {
	ok := upstreamtest.JSON(200, `{"object":"page","data":[],"has_more":false}`)
	forbidden := upstreamtest.Error(403, "invalid_request_error", "", "Missing scopes: api.usage.read")
	refused := upstreamtest.Error(401, "invalid_request_error", "", "Incorrect API key provided: "+adminKey)
	for name, tt := range map[string]struct {
		costs, usage, projects upstreamtest.Answer
		ok                     bool
		scopes                 []string
		error                  string
		requests               int
	}{
		"all":      {ok, ok, ok, true, []string{ScopeUsageRead, ScopeManagementRead}, "", 3},
		"bill":     {ok, forbidden, forbidden, true, []string{ScopeUsageRead}, "", 3},
		"projects": {forbidden, forbidden, ok, false, []string{ScopeManagementRead}, "The key may not read /organization/costs (403): Missing scopes: api.usage.read.", 3},
		"refused":  {refused, refused, refused, false, nil, "The provider refused the key (401): Incorrect API key provided: *************************.", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := admin(t, tt.costs, tt.usage, tt.projects)
			got := probe(t, Target{
				Provider: routing.OpenAI, BaseURL: s.URL(), AdminKey: adminKey,
				Organization: "org-1", Headers: map[string]string{"X-Team": "blue"},
			})
			if got.APIKey != nil {
				t.Errorf("tried an api key that is not there: %+v", got.APIKey)
			}
			key := got.AdminKey
			if key.OK != tt.ok || !slices.Equal(key.Scopes, tt.scopes) || key.Error != tt.error || key.CanWrite != nil {
				t.Errorf("%+v", key)
			}
			requests := s.Requests()
			if len(requests) != tt.requests {
				t.Errorf("%d requests", len(requests))
			}
			for _, r := range requests {
				if r.Method != "GET" || r.Credential() != adminKey || r.Header.Get("X-Team") != "" {
					t.Errorf("%s %s with %v", r.Method, r.Path, r.Header)
				}
			}
			if q := requests[0].RawQuery; q != "limit=1&start_time=1772323200" { // 2026-03-01 UTC
				t.Errorf("costs asked with %s", q)
			}
		})
	}
}

func TestProbeKeysAreKeptApart(t *testing.T) {
	ok := upstreamtest.JSON(200, `{"data":[]}`)
	s := admin(t, ok, ok, ok)
	s.Handle("GET", "/v1/models", upstreamtest.Models("m"))
	got := probe(t, Target{Provider: routing.OpenAI, BaseURL: s.URL(), APIKey: apiKey, AdminKey: adminKey})
	if !got.APIKey.OK || !got.AdminKey.OK {
		t.Fatalf("%+v %+v", got.APIKey, got.AdminKey)
	}
	for _, r := range s.Requests() {
		want := adminKey
		if r.Path == "/v1/models" {
			want = apiKey
		}
		if r.Credential() != want {
			t.Errorf("%s was asked with the wrong key", r.Path)
		}
	}
}

func TestProbeAzureHasNoBill(t *testing.T) {
	s := upstreamtest.New(t)
	got := probe(t, Target{Provider: routing.AzureOpenAI, BaseURL: s.URL(), AdminKey: adminKey}).AdminKey
	if got.OK || got.Error != "Azure OpenAI has no Admin API." || len(s.Requests()) != 0 {
		t.Fatalf("%+v", got)
	}
}

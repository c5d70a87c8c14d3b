package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/tidwall/gjson"

	"weir/internal/routing"
)

// Target is a connection whose keys are to be tried.
type Target struct {
	Provider     routing.Provider
	BaseURL      string // as routing.ValidateBaseURL returned it
	APIKey       string // "": none
	AdminKey     string // "": none
	Organization string
	Project      string
	Headers      map[string]string // sent with the api key only
}

// Prober tries keys by reading with them. It never writes.
type Prober struct {
	Transport http.RoundTripper // as from Transport
	Timeout   time.Duration     // for all that one key is asked; 0: 10 s
	Now       func() time.Time  // nil: time.Now
}

const (
	probeTimeout = 10 * time.Second
	// maxProbeBytes bounds what one key's answers may hold together.
	maxProbeBytes = 8 << 20
	// maxModelPages bounds a provider that never stops saying has_more.
	maxModelPages = 50
)

// The scopes an admin key can be seen to have, by OpenAI's names.
const (
	ScopeUsageRead      = "api.usage.read"
	ScopeManagementRead = "api.management.read"
)

// Probe tries the keys of t, both at once, and returns within Prober.Timeout.
//
// The api key is tried when there is one, and without one where a provider may
// need none: the sandbox, and a compatible server that has no admin key either.
// The admin key counts as OK when it may read costs, which is all that weir
// uses it for; Scopes says what else it could read. CanWrite stays nil: only a
// write would tell.
func (p *Prober) Probe(ctx context.Context, t Target) routing.Probe {
	var result routing.Probe
	var both sync.WaitGroup
	keyless := t.Provider == routing.Sandbox || t.Provider == routing.OpenAICompatible && t.AdminKey == ""
	if t.APIKey != "" || keyless {
		both.Go(func() { result.APIKey = p.probeAPIKey(ctx, t) })
	}
	if t.AdminKey != "" {
		both.Go(func() { result.AdminKey = p.probeAdminKey(ctx, t) })
	}
	both.Wait()
	return result
}

func (p *Prober) probeAPIKey(ctx context.Context, t Target) *routing.KeyProbe {
	s, problem := p.session(t, Identity{Key: t.APIKey, Organization: t.Organization, Project: t.Project, Headers: t.Headers})
	if problem != "" {
		return &routing.KeyProbe{Error: problem}
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	models, problem := s.models(ctx)
	if problem != "" {
		return &routing.KeyProbe{Error: problem}
	}
	return &routing.KeyProbe{OK: true, Models: models}
}

// probeAdminKey asks for the least that each scope covers. Only the addresses
// that weir may ever ask with an admin key are asked.
func (p *Prober) probeAdminKey(ctx context.Context, t Target) *routing.KeyProbe {
	s, problem := p.session(t, Identity{Key: t.AdminKey})
	if problem != "" {
		return &routing.KeyProbe{Error: problem}
	}
	ctx, cancel := p.bounded(ctx)
	defer cancel()
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	yesterday := now().UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour).Unix()
	window := url.Values{"start_time": {strconv.FormatInt(yesterday, 10)}, "limit": {"1"}}

	result := &routing.KeyProbe{}
	// Costs first: if they answer, the rest is information.
	_, result.Error = s.get(ctx, "/organization/costs", window)
	result.OK = result.Error == ""
	usage := result.OK
	if _, problem := s.get(ctx, "/organization/usage/completions", window); problem == "" {
		usage = true
	}
	if usage {
		result.Scopes = append(result.Scopes, ScopeUsageRead)
	}
	if _, problem := s.get(ctx, "/organization/projects", url.Values{"limit": {"1"}}); problem == "" {
		result.Scopes = append(result.Scopes, ScopeManagementRead)
	}
	return result
}

func (p *Prober) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	timeout := p.Timeout
	if timeout <= 0 {
		timeout = probeTimeout
	}
	return context.WithTimeout(ctx, timeout)
}

// session is one key being tried. Its methods return problems as sentences,
// "" when there is none.
type session struct {
	transport http.RoundTripper
	adapter   Adapter
	base      string
	who       Identity
	secrets   []string // never to be repeated
	left      int64    // bytes that answers may still hold
	refused   string   // the key is bad: asking on is pointless
}

func (p *Prober) session(t Target, who Identity) (s *session, problem string) {
	adapter, err := For(t.Provider)
	if err != nil {
		return nil, err.Error()
	}
	secrets := []string{t.APIKey, t.AdminKey}
	for _, value := range t.Headers {
		secrets = append(secrets, value)
	}
	return &session{
		transport: p.Transport, adapter: adapter, base: t.BaseURL, who: who,
		secrets: secrets, left: maxProbeBytes,
	}, ""
}

// models reads the provider's list of models, page by page where it has pages.
func (s *session) models(ctx context.Context) (ids []string, problem string) {
	seen := make(map[string]bool)
	ids = []string{}
	query := url.Values{}
	for range maxModelPages {
		body, problem := s.get(ctx, "/models", query)
		if problem != "" {
			return nil, problem
		}
		page := gjson.ParseBytes(body)
		data := page.Get("data")
		if page.IsArray() { // some compatible servers answer with the bare list
			data = page
		}
		if !data.IsArray() {
			return nil, fmt.Sprintf("The list of models at %s has no data array; check base_url.", s.show("/models"))
		}
		for _, model := range data.Array() {
			if id := model.Get("id").String(); id != "" && !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
		last := page.Get("last_id").String()
		if !page.Get("has_more").Bool() || last == "" || last == query.Get("after") {
			break
		}
		query.Set("after", last)
	}
	return ids, ""
}

// get asks for path and returns the JSON it is answered with.
func (s *session) get(ctx context.Context, path string, query url.Values) (body []byte, problem string) {
	if s.refused != "" {
		return nil, s.refused
	}
	address, err := s.adapter.URL(Call{Base: s.base, Path: path, RawQuery: query.Encode()})
	if err != nil {
		return nil, s.clean(err.Error())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, s.clean(fmt.Sprintf("The address %s cannot be asked.", s.show(path)))
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "weir")
	Identify(s.adapter, req.Header, s.who)

	// RoundTrip, not a Client: a redirect must not carry the key elsewhere.
	resp, err := s.transport.RoundTrip(req)
	if err != nil {
		return nil, s.clean(unreachable(req.URL.Host, err))
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, s.left+1))
	s.left -= int64(len(body))
	switch {
	case resp.StatusCode != http.StatusOK:
		// A broken body does not matter more than the refusal.
		problem = s.clean(s.refusal(path, resp, body))
		if resp.StatusCode == http.StatusUnauthorized {
			s.refused = problem
		}
	case err != nil:
		problem = s.clean(unreachable(req.URL.Host, err))
	case s.left < 0:
		problem = fmt.Sprintf("The answer of %s is larger than %d MiB.", s.show(path), maxProbeBytes>>20)
	case !gjson.ValidBytes(body):
		problem = fmt.Sprintf("%s did not answer with JSON; check base_url.", s.show(path))
	}
	if problem != "" {
		return nil, problem
	}
	return body, ""
}

// show is an address for people: without a query, which could hold a secret.
func (s *session) show(path string) string { return s.base + path }

func (s *session) clean(sentence string) string { return string(Scrub([]byte(sentence), s.secrets...)) }

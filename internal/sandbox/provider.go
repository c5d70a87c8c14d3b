// Package sandbox is weir's built-in provider: an http.Handler that answers
// like OpenAI's API without asking anybody, for trying weir out, for tests of
// applications, for benchmarks, and to check weir's books against its own.
//
// What it says depends on the request's body and the seed alone; only ids and
// times differ. It never pretends to be a model: every answer carries
// `x-weir-sandbox: true`, every text begins with "[sandbox]". How it behaves is
// asked for in the model's name ("gpt-4o+latency=250ms+cut=3") or in the header
// x-weir-sandbox-options; see behaviour.go.
package sandbox

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/openaiwire"
)

// maxBody is the largest request body that is read: 64 MiB, as weir's own.
const maxBody = 64 << 20

// Options says how a Provider answers where a request does not. The zero value
// answers at once, to anybody.
type Options struct {
	Seed          uint64
	Latency       time.Duration // before the first byte
	ChunkInterval time.Duration // between the chunks of a stream
	Chunks        int           // tokens of text in an answer, one to a chunk; 0: by the seed
	APIKey        string        // the one that is accepted; "": any
	Ledger        func(Entry)   // told of every exchange, before its last byte; may be nil
	Now           func() time.Time
}

// Provider is the handler. Safe for concurrent use.
type Provider struct {
	opts     Options
	ledger   ledger
	sequence atomic.Uint64
}

// New returns a provider.
func New(opts Options) *Provider {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Provider{opts: opts}
}

// Ledger returns the totals of what was answered.
func (p *Provider) Ledger() Totals { return p.ledger.totals() }

// ServeHTTP answers one request. To cut a connection it panics with
// http.ErrAbortHandler, as net/http asks of handlers.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{p: p, w: w, r: r, began: p.opts.Now(), requestID: id.Request()}
	h := w.Header()
	h.Set("X-Weir-Sandbox", "true")
	h.Set("X-Request-Id", x.requestID)
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Organization", "sandbox")
	if r.URL.Path == "/sandbox/ledger" {
		p.serveLedger(w, r)
		return
	}
	err := p.authenticate(r)
	if err == nil {
		err = x.route()
	}
	x.finish(err)
}

func (p *Provider) authenticate(r *http.Request) error {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return fault.New(fault.Unauthenticated, "", "", "You didn't provide an API key. Send any key in the header 'Authorization: Bearer KEY'.")
	}
	if p.opts.APIKey != "" && subtle.ConstantTimeCompare([]byte(key), []byte(p.opts.APIKey)) != 1 {
		return fault.New(fault.Unauthenticated, "invalid_api_key", "", "Incorrect API key provided: %s.", id.Mask(key))
	}
	return nil
}

// calls are the endpoints that call a model, all by POST.
var calls = map[string]func(*exchange) error{
	"/v1/chat/completions":     (*exchange).chat,
	"/v1/responses":            (*exchange).responses,
	"/v1/completions":          (*exchange).completions,
	"/v1/embeddings":           (*exchange).embeddings,
	"/v1/moderations":          (*exchange).moderations,
	"/v1/images/generations":   (*exchange).images,
	"/v1/audio/transcriptions": (*exchange).transcriptions,
	"/v1/audio/translations":   (*exchange).transcriptions,
	"/v1/audio/speech":         (*exchange).speech,
}

// route answers the request, or returns why not.
func (x *exchange) route() error {
	path, method := x.r.URL.Path, x.r.Method
	if answer, ok := calls[path]; ok {
		if method != http.MethodPost {
			return notAllowed(method, path)
		}
		return answer(x)
	}
	name, isModel := strings.CutPrefix(path, "/v1/models/")
	response, isResponse := strings.CutPrefix(path, "/v1/responses/")
	switch {
	case path == "/v1/models" && method == http.MethodGet:
		return x.listModels()
	case isModel && method == http.MethodGet:
		return x.getModel(name)
	case isResponse:
		return fault.New(fault.NotFound, "", "", "Response with id '%s' not found. The sandbox stores none.", response)
	case path == "/v1/models" || isModel:
		return notAllowed(method, path)
	}
	return fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", method, path)
}

func notAllowed(method, path string) error {
	return fault.New(fault.MethodNotSupported, "method_not_supported", "", "Not allowed to %s on %s.", method, path)
}

// finish ends the exchange: with an envelope when nothing was answered yet, by
// breaking the connection when it was to be cut.
func (x *exchange) finish(err error) {
	var asked *askedError
	switch {
	case err == nil:
	case errors.Is(err, errCut):
		x.record(OutcomeCut)
		panic(http.ErrAbortHandler)
	case errors.Is(err, errGone):
		x.record(OutcomeAbandoned)
	case errors.As(err, &asked):
		x.refuse(asked.status, asked.body())
	default:
		status, body := openaiwire.Body(err)
		x.refuse(status, body)
	}
}

// refuse answers with an error envelope.
func (x *exchange) refuse(status int, body openaiwire.ErrorBody) {
	x.status = status
	x.used = counts{}
	x.record(OutcomeRefused)
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(max(1, x.how.retryAfter)))
	}
	x.w.WriteHeader(status)
	if err := json.NewEncoder(x.w).Encode(body); err != nil {
		x.revise(OutcomeAbandoned)
	}
}

// readBody reads the request's body whole.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var buf []byte
	if n := r.ContentLength; n > 0 && n <= maxBody {
		buf = make([]byte, n)
		if _, err := io.ReadFull(r.Body, buf); err != nil {
			return nil, errGone
		}
		return buf, nil
	}
	buf, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fault.New(fault.TooLarge, "", "", "Request body is larger than %d bytes.", maxBody)
	case err != nil:
		return nil, errGone
	}
	return buf, nil
}

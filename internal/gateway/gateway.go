// Package gateway is the data plane: it takes a caller's request to a provider
// and the answer back, byte for byte, and leaves one durable record of what it
// consumed.
//
// A request meets the files of this package in this order: door, authenticate,
// decode, permit, choose, policy, own, admit, forward, relay (to stream, unary, large or listing),
// settle; fail answers what went wrong on the way. Everything it looks up comes from the Snapshot; no
// request touches a database but one that names an object whose owner this node does not remember.
//
// Three promises shape the code. The event is durable before the last byte is
// answered: the end of a body, or a stream's terminal event, is held back until
// then. Settling happens always and on no client's context: the provider is
// read on after a caller hangs up, since the tokens are charged all the same.
// And a stream that broke never looks complete.
package gateway

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"weir/internal/access"
	"weir/internal/envelope"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/identity"
	"weir/internal/openaiwire"
	"weir/internal/org"
	"weir/internal/pricing"
	"weir/internal/routing"
	"weir/internal/telemetry"
	"weir/internal/usage"
	"weir/internal/verdict"
)

// Recorder makes events durable (package usage/recorder).
type Recorder interface {
	// Open notes that a request is about to be sent to a provider. The note
	// survives the process.
	Open(ev usage.Event) error
	// Settle returns once the event survives a power cut.
	Settle(ev usage.Event) error
}

// Opener opens sealed secrets (package vault).
type Opener interface {
	Open(sealed routing.Sealed, place string) ([]byte, error)
}

// Limits of what one request may take. Every field must be set.
type Limits struct {
	MaxBody      int64         // bytes of a request body
	Spool        int64         // bytes of a body that is not JSON before it goes to disk
	FirstByte    time.Duration // until the provider's answer begins
	Idle         time.Duration // between two reads of the provider's answer
	BodyIdle     time.Duration // between two reads of the request
	WriteIdle    time.Duration // for one write to the caller
	DrainTimeout time.Duration // reading on for a caller who is gone
	DrainBytes   int64
	Backoff      time.Duration // before the same upstream is tried again; twice as long each time, with full jitter
	RetryWait    time.Duration // the longest wait before a retry: a provider that asks for more has its refusal passed on
}

// DefaultLimits suit language models: answers may take minutes to begin.
func DefaultLimits() Limits {
	return Limits{
		MaxBody: 64 << 20, Spool: 1 << 20,
		FirstByte: 10 * time.Minute, Idle: 5 * time.Minute, BodyIdle: 30 * time.Second, WriteIdle: 2 * time.Minute,
		DrainTimeout: time.Minute, DrainBytes: 4 << 20,
		Backoff: 500 * time.Millisecond, RetryWait: 30 * time.Second,
	}
}

// Gateway is the handler of everything callers send to models.
type Gateway struct {
	Snapshot  *Snapshot
	Recorder  Recorder
	Owners    *Owners
	Vault     Opener
	Book      *pricing.Book
	Transport http.RoundTripper
	Identity  *identity.Service // only for keys that are not projects' keys
	Used      *identity.LastUse
	Limits    Limits
	Metrics   *telemetry.Metrics
	Logger    *slog.Logger
	TempDir   string // where large uploads are spooled
}

// exchange is one request on its way through the stages. Each stage fills in
// what the next ones need.
type exchange struct {
	g        *Gateway
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	received time.Time

	door    door            // where the caller knocked
	state   *state          // authenticate: what key to in are of
	secret  id.Hash         // authenticate: what the caller showed
	key     *org.APIKey     // authenticate
	project *org.Project    // authenticate
	held    access.Mask     // authenticate: by the key's owner, in the project
	in      *directory      // authenticate: the organization's models
	policy  *policy         // authenticate: what the project's settings ask; nil: nothing
	body    body            // decode
	json    bool            // decode: the body is to be read as JSON
	form    bool            // decode: the body is to be read as a form
	head    openaiwire.Head // decode
	target  target          // permit
	plan    []hop           // choose: ordered
	tier    string          // restrict: the service tier to send; "": as the caller has it

	ctx     context.Context // of the upstream; not the caller's
	cancel  context.CancelCauseFunc
	tries   tries
	hop     *hop     // that is tried, or answers
	reached bool     // a provider may have seen the request
	added   bool     // stream_options.include_usage was added
	lonely  struct { // own: whether the project has the connection for itself
		connection *routing.Connection
		alone      bool
	}
	query  string // of weir's own requests for more of a list; "": the caller's
	answer answer

	before, after *exchange // running: neighbours in the list
	joined        bool      // running: it is in the list

	event  usage.Event
	tools  []hosted // the provider's own tools that the answer used
	opened bool     // the event has an open record
	// unrecorded says that the usage log did not take the open record.
	unrecorded   bool
	keepsNothing bool // authenticate: the project is under zero data retention
	priced       bool
	settled      bool
	filled       bool // the answer's header holds the provider's
	wrote        bool // the answer's header is out
	aborted      bool // the connection is to be cut: the answer is not whole

	trace *trace // of Explain; nil: nobody asks why

	deadline time.Time // of writes to the caller
	stalled  bool      // the caller takes nothing any more
	slow     bool      // the caller's body did not arrive in time; net/http then cancels its context, though it may listen
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{g: g, w: w, r: r, control: http.NewResponseController(w), received: time.Now()}
	x.event = usage.Event{ID: id.Request(), Kind: usage.None, Method: r.Method, Path: shorten(r.URL.Path), Received: x.received}
	defer g.Metrics.RequestStarted()()
	defer x.body.release()
	defer func() { x.end(recover()) }()
	envelope.Begin(w.Header(), x.event.ID)
	if err := x.run(); err != nil {
		x.fail(err)
	}
}

// end writes the access record, and cuts the connection where the caller must
// not take for whole what it got. It also ends a request that panicked.
func (x *exchange) end(panicked any) {
	if panicked != nil {
		x.fell(panicked)
	}
	x.report()
	if x.aborted {
		panic(http.ErrAbortHandler) // net/http's way to cut a connection; it is not logged
	}
}

// run takes the request through the stages.
func (x *exchange) run() error {
	var err error
	if x.door, err = knock(x.r); err != nil {
		return err
	}
	if err := x.authenticate(); err != nil {
		return err
	}
	if x.door.lists() {
		return x.models()
	}
	if err := x.decode(); err != nil {
		return err
	}
	// A body may dribble in for hours, in which keys are deleted and roles taken
	// away: what they may do now is what counts.
	if x.g.Snapshot.state.Load() != x.state {
		if err := x.authenticate(); err != nil {
			return err
		}
	}
	if err := x.decide(); err != nil {
		return err
	}
	if err := x.own(); err != nil {
		return err
	}
	if err := x.admit(); err != nil {
		return err
	}
	defer x.finish()
	response, err := x.forward()
	if err != nil {
		return err
	}
	defer response.Body.Close() // read to its end or cancelled; nothing left to learn
	return x.relay(response)
}

// decide finds out whether the request may be sent, and to whom.
func (x *exchange) decide() error {
	if err := x.permit(); err != nil {
		return err
	}
	if err := x.judge(verdict.Upstreams, "", x.choose()); err != nil {
		return err
	}
	return x.restrict()
}

// errUnavailable is answered when the usage log cannot take the request: it is
// refused rather than served unmetered.
func errUnavailable(cause error) error {
	return fault.New(fault.Unavailable, "usage_log_unavailable", "", "This gateway cannot record usage right now, so it does not serve requests. Please try again shortly.").With(cause)
}

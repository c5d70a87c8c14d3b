package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"weir/internal/routing"
	"weir/internal/telemetry"
)

// tries is what an exchange knows of its attempts.
type tries struct {
	left   int             // how often the request may still be sent again
	budget *routing.Budget // of the model endpoint; nil: nothing is sent again
	begun  uint64          // hops of the plan that were tried in this round, by place
	spent  uint64          // hops that said not to try them again
	at     int             // the place in the plan of the hop that is tried
	entry  routing.Entry   // to its circuit
	round  int             // how often the plan was gone through
	kept   *refusal        // what to answer when nothing better comes
}

// refusal is a provider's answer that is passed on if no other comes.
type refusal struct {
	hop      *hop
	response *http.Response // its body is held
	secrets  []string
}

// maxHops bounds the plan to what tries can tell apart.
const maxHops = 63

// next picks the upstream to try: the first that was not tried and whose circuit
// lets the call in. Where no circuit does, it is the first that was not tried: a
// call that may fail is better than none. It returns false when all were tried.
func (x *exchange) next() bool {
	now := time.Now()
	for _, lastResort := range [...]bool{false, true} {
		for i := range min(len(x.plan), maxHops) {
			if (x.tries.begun|x.tries.spent)&(1<<i) != 0 {
				continue
			}
			entry := x.plan[i].circuit.Enter(now)
			if entry == routing.Refused && !lastResort {
				continue
			}
			x.tries.begun |= 1 << i
			x.tries.at, x.tries.entry, x.hop = i, entry, &x.plan[i]
			return true
		}
	}
	return false
}

// untried reports whether there is an upstream that was not tried in this round.
func (x *exchange) untried() bool {
	all := uint64(1)<<min(len(x.plan), maxHops) - 1
	return (x.tries.begun|x.tries.spent)&all != all
}

// learn tells the circuit of the upstream how the attempt went.
func (x *exchange) learn(response *http.Response, err error) {
	circuit, entry := x.hop.circuit, x.tries.entry
	cause := context.Cause(x.ctx)
	switch {
	case err == nil && !failing(response.StatusCode):
		circuit.Succeeded(entry)
		return
	case err == nil:
	case errors.As(err, new(unsent)), cause != nil && !errors.Is(cause, errFirstByte):
		circuit.Left(entry)
		return
	}
	var rest time.Duration
	reason := ""
	if err == nil {
		rest, _ = retryAfter(response.Header, time.Now())
		reason = strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode)
	} else {
		reason = x.event.Attempts[len(x.event.Attempts)-1].Error
	}
	if circuit.Failed(entry, time.Now(), rest, reason) {
		x.g.Metrics.CircuitOpened(string(x.hop.connection.Provider))
		x.g.Logger.WarnContext(x.r.Context(), "an upstream fails and is left alone for a while",
			"connection_id", x.hop.connection.ID, "model", x.hop.model, "reason", reason)
	}
}

// failing are the statuses by which a provider says that it cannot work, not
// that the request is wrong.
func failing(status int) bool {
	return status == http.StatusTooManyRequests ||
		status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported
}

// repeatable reports whether the request may be sent again after such an answer.
// 408 and 409 are what OpenAI's own clients retry, beside failing. A call that
// weir cannot read may have made something (a batch, a file) before the answer
// was lost on its way, so it is sent again only when the provider took none of it.
func (x *exchange) repeatable(status int) bool {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable:
		return true
	case !x.door.known && !x.idempotent():
		return false
	}
	return failing(status) || status == http.StatusRequestTimeout || status == http.StatusConflict
}

// idempotent reports whether doing it twice is as good as once.
func (x *exchange) idempotent() bool {
	return x.r.Method == http.MethodGet || x.r.Method == http.MethodHead
}

// again decides after an attempt that brought no answer to pass on whether there
// will be another one, and waits until it is time for it. It is the only place
// where a request is sent more than once:
//
//   - What surely reached nobody goes to the next upstream of the plan, always.
//   - What a provider refused goes to the next upstream, or after a pause to the
//     same ones, as often as the model endpoint's retries and its budget allow.
//   - What was sent and not answered is not sent again, for the provider may have
//     worked and will charge for it; GET and HEAD are.
func (x *exchange) again(response *http.Response, err error) bool {
	t := &x.tries
	if x.gone() || x.ctx.Err() != nil {
		return false
	}
	switch {
	case err != nil && notSent(err):
		if x.untried() {
			return true
		}
	case err != nil && !x.idempotent(), err == nil && !x.repeatable(response.StatusCode):
		return false
	}
	if t.left == 0 || t.budget == nil {
		return false
	}
	if response != nil && !x.keep(response) {
		return false
	}
	wait, ok := x.pause(response)
	if !ok {
		return false
	}
	// A probe is the circuit's idea: it is not held against the callers' retries.
	if t.entry != routing.Probing && !t.budget.Spend(time.Now()) {
		x.g.Metrics.Retried(telemetry.RetryOverBudget)
		return false
	}
	t.left--
	x.reached = false // it refused: nothing was consumed
	x.g.Metrics.Retried(telemetry.RetryMade)
	return x.sleep(wait)
}

// pause is how long to wait before the next attempt; false: there is none to
// wait for. Another upstream is tried at once.
func (x *exchange) pause(response *http.Response) (wait time.Duration, ok bool) {
	t := &x.tries
	var asked time.Duration
	if response != nil {
		if response.Header.Get("X-Should-Retry") == "false" || x.unpaid(response) {
			t.spent |= 1 << t.at
		}
		asked, _ = retryAfter(response.Header, time.Now())
	}
	if x.untried() {
		return 0, true
	}
	if t.begun = 0; !x.untried() {
		return 0, false
	}
	most := min(x.g.Limits.Backoff<<min(t.round, 10), 16*x.g.Limits.Backoff)
	t.round++
	wait = max(asked, rand.N(most+1))
	if wait > x.g.Limits.RetryWait {
		return 0, false
	}
	if total := x.answer.until; !total.IsZero() && time.Until(total) <= wait {
		return 0, false // the provider's refusal says more than a timeout would
	}
	return wait, true
}

// unpaid reports whether the answer says that the account is out of money,
// which waiting does not change.
func (x *exchange) unpaid(response *http.Response) bool {
	held, ok := response.Body.(*heldBody)
	return ok && response.StatusCode == http.StatusTooManyRequests && gjson.GetBytes(held.raw, "error.code").Str == "insufficient_quota"
}

// sleep waits, unless the caller goes or the exchange is cut; it reports whether
// the time has passed.
func (x *exchange) sleep(d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-x.ctx.Done():
			return false
		case <-x.r.Context().Done():
			return false
		}
	}
	return !x.gone()
}

// maxKept bounds a refusal that is kept. After a longer one the request is not
// sent again.
const maxKept = 64 << 10

// heldBody is a body that was read, with the error that ended it.
type heldBody struct {
	io.Reader
	raw []byte
}

// Close implements io.Closer.
func (*heldBody) Close() error { return nil }

// keep reads the answer's body and lets go of its connection, so that it can be
// passed on later. It reports whether the body is short enough.
func (x *exchange) keep(response *http.Response) bool {
	x.answer.silence.begin()
	raw, err := io.ReadAll(io.LimitReader(response.Body, maxKept+1))
	x.answer.silence.end()
	if len(raw) > maxKept {
		response.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(raw), response.Body), response.Body}
		return false
	}
	if cause := context.Cause(x.ctx); err != nil && cause != nil {
		err = cause
	}
	if err == nil {
		err = io.EOF
	}
	_ = response.Body.Close() // it was read, or cannot be
	response.Body = &heldBody{Reader: io.MultiReader(bytes.NewReader(raw), endWith{err}), raw: raw}
	x.tries.kept = &refusal{hop: x.hop, response: response, secrets: x.answer.secrets}
	return true
}

type endWith struct{ err error }

// Read implements io.Reader.
func (e endWith) Read([]byte) (int, error) { return 0, e.err }

// settleFor goes back to a refusal that was kept, as the answer.
func (x *exchange) settleFor(kept *refusal) *http.Response {
	x.hop, x.answer.secrets = kept.hop, kept.secrets
	x.event.ConnectionID, x.event.Model = kept.hop.connection.ID, kept.hop.model
	return kept.response
}

// retryAfter is how long the provider asks to wait: retry-after-ms, else
// retry-after in seconds or as a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 {
		return bounded(ms / 1000), true
	}
	value := h.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseFloat(value, 64); err == nil && seconds >= 0 {
		return bounded(seconds), true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}

// bounded turns seconds into a duration that is no longer than a day.
func bounded(seconds float64) time.Duration {
	return time.Duration(math.Min(seconds, 86400) * float64(time.Second))
}

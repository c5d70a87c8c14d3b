package gateway

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/usage"
	"weir/internal/verdict"
)

// Explain says what would become of a request, by taking it through the stages up
// to the one that sends it. Nothing is sent, recorded or counted, and the key does
// not count as used. A key that the organization does not have is not found.
func (g *Gateway) Explain(ctx context.Context, q verdict.Question) (verdict.Explanation, error) {
	state := g.Snapshot.state.Load()
	key := state.keys.at(lastByte(q.KeyID), q.KeyID)
	if q.KeyID == "" {
		key = state.secrets.at(firstByte(q.Secret), q.Secret)
	}
	if key == nil || key.OrganizationID != q.OrganizationID {
		return verdict.Explanation{}, fault.NotFoundf("No API key of a project is there under what was given.")
	}
	r, err := http.NewRequestWithContext(ctx, q.Method, q.Path, bytes.NewReader(q.Body))
	if err != nil {
		return verdict.Explanation{}, fault.Invalidf("invalid_value", "path", "Invalid 'path': '%s' is no address.", shorten(q.Path))
	}
	if q.ContentType != "" {
		r.Header.Set("Content-Type", q.ContentType)
	}
	if q.Address.IsValid() {
		r.RemoteAddr = netip.AddrPortFrom(q.Address, 0).String()
	}
	nobody := unheard{}
	x := &exchange{g: g, w: nobody, r: r, control: http.NewResponseController(nobody), received: time.Now(), state: state, trace: &trace{}}
	x.event = usage.Event{Method: r.Method, Path: r.URL.Path, Received: x.received}
	defer x.body.release()
	err = x.deliberate(key, q)
	return x.explanation(key, err), nil
}

// deliberate is run, as far as it decides.
func (x *exchange) deliberate(key *org.APIKey, q verdict.Question) error {
	var err error
	x.door, err = knock(x.r)
	if x.judge(verdict.Route, "", err) != nil {
		return err
	}
	if err = x.judge(verdict.APIKey, key.ID, x.checkKey(key, q)); err != nil {
		return err
	}
	if q.Address.IsValid() || x.in.addresses == nil {
		if err = x.judge(verdict.IPAllowlist, "", x.checkAddress()); err != nil {
			return err
		}
	}
	if x.in.certificates == nil {
		if err = x.judge(verdict.Certificate, "", x.checkCertificate()); err != nil {
			return err
		}
	}
	if x.door.lists() {
		return x.judge(verdict.Model, "", x.models())
	}
	if err = x.judge(verdict.Body, "", x.decode()); err != nil {
		return err
	}
	return x.decide()
}

// checkKey refuses a key that no longer works, as its secret would be.
func (x *exchange) checkKey(key *org.APIKey, q verdict.Question) error {
	hash := q.Secret
	if q.KeyID != "" {
		hash = key.Hash
	}
	if x.state.key(hash, x.received) != key || !x.assume(key) {
		return fault.New(fault.Unauthenticated, "invalid_api_key", "", "The key has expired, or its secret was replaced.")
	}
	return nil
}

// trace is what the stages leave behind for Explain.
type trace struct {
	steps   []verdict.Step
	dropped []verdict.Upstream
}

// judge tells what a rule says, where somebody asks, and returns err. sourceID is
// of the object that the rule goes by.
func (x *exchange) judge(rule verdict.Rule, sourceID string, err error) error {
	if x.trace == nil {
		return err
	}
	step := verdict.Step{Rule: rule, Outcome: verdict.Passed, SourceID: sourceID}
	if err != nil {
		step.Outcome = verdict.Refused
		if f := fault.Of(err); f != nil {
			step.Detail = f.Message
		}
	}
	x.trace.steps = append(x.trace.steps, step)
	return err
}

// settingsOf is who holds the setting that a rule goes by; "" where nobody has
// set any.
func (x *exchange) settingsOf(rule verdict.Rule) string {
	if x.trace == nil {
		return ""
	}
	set := false
	switch p := x.policy; rule {
	case verdict.ModelPermissions:
		set = p != nil && p.models != nil
	case verdict.CheckpointPermissions:
		set = x.in.checkpoints != nil
	case verdict.HostedTools:
		set = p != nil && p.disabled != 0
	case verdict.ServiceTier:
		set = p != nil && (p.tier != "" || p.tiers != nil)
	case verdict.ReadableBody:
		set = p != nil || x.keepsNothing
	case verdict.DataRetention:
		_, holderID := x.state.retention(x.policy, x.project.ID, x.key.OrganizationID)
		return holderID
	}
	if set {
		return x.project.ID
	}
	return ""
}

// explanation puts together what the stages left.
func (x *exchange) explanation(key *org.APIKey, err error) verdict.Explanation {
	e := verdict.Explanation{
		KeyID: key.ID, ProjectID: key.ProjectID, WorkspaceID: x.event.WorkspaceID, ModelEndpointID: x.event.ModelEndpointID, Err: err,
	}
	told := map[verdict.Rule]verdict.Step{}
	for _, step := range x.trace.steps {
		told[step.Rule] = step
	}
	refused := false
	for _, rule := range verdict.Rules() {
		step, ok := told[rule]
		switch {
		case ok:
		case refused:
			step = verdict.Step{Rule: rule, Outcome: verdict.Unreached}
		default:
			step = verdict.Step{Rule: rule, Outcome: verdict.Unasked, Detail: x.unasked(rule)}
		}
		refused = refused || step.Outcome == verdict.Refused
		e.Steps = append(e.Steps, step)
	}
	if err == nil {
		for _, h := range x.plan {
			e.Upstreams = append(e.Upstreams, verdict.Upstream{ConnectionID: h.connection.ID, Model: h.model})
		}
		edits := x.edits()
		if edits.Store != nil {
			e.Edits = append(e.Edits, verdict.Edit{Field: "store", Value: fmt.Sprint(*edits.Store)})
		}
		if edits.ServiceTier != "" {
			e.Edits = append(e.Edits, verdict.Edit{Field: "service_tier", Value: edits.ServiceTier})
		}
	}
	e.Upstreams = append(e.Upstreams, x.trace.dropped...)
	return e
}

// unasked says why a rule has no say.
func (x *exchange) unasked(rule verdict.Rule) string {
	switch rule {
	case verdict.IPAllowlist:
		return "IP allowlists are active, and the question does not say where the caller is."
	case verdict.Certificate:
		return "Callers are asked for a client certificate, and the question has none."
	case verdict.Limits:
		return "No limits are enforced yet."
	}
	return "weir answers this call itself."
}

// unheard is a caller who takes any answer and hears none.
type unheard struct{}

// Header implements http.ResponseWriter.
func (unheard) Header() http.Header { return http.Header{} }

// Write implements io.Writer.
func (unheard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (unheard) WriteHeader(int) {}

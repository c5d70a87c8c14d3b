package gateway

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/internal/access"
	"weir/internal/openaiwire"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/peer/peertest"
	"weir/internal/upstream/upstreamtest"
	"weir/internal/usage"
)

// opened is a stream whose first event has been read.
func (r *rig) opened(t testing.TB, key string) io.ReadCloser {
	t.Helper()
	resp, err := r.start(t, call{key: key, body: plainStream})
	must(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	first := make([]byte, len(event(chunk1)))
	_, err = io.ReadFull(resp.Body, first)
	must(t, err)
	equal(t, "status", resp.StatusCode, 200)
	return resp.Body
}

// rest is what is left of a stream, and how long it took to end.
func rest(t testing.TB, body io.Reader) (string, time.Duration) {
	t.Helper()
	began := time.Now()
	raw, err := io.ReadAll(body)
	must(t, err)
	return string(raw), time.Since(began)
}

// Whatever takes away a caller's right to call ends its streams within a second,
// with an error event, and nobody else's.
func TestStreamsOfWhoMayNoLongerCallAreCut(t *testing.T) {
	account := func(r *rig) org.Assignee {
		return org.Assignee{ProjectID: r.project.ID, UserID: r.account.ID}
	}
	for name, tt := range map[string]struct {
		revoke func(t *testing.T, r *rig)
		code   string
	}{
		"the key is deleted": {func(t *testing.T, r *rig) {
			must(t, r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, r.keyID))
		}, "invalid_api_key"},
		"the key is rotated": {func(t *testing.T, r *rig) {
			_, _, err := r.org.RotateAPIKey(t.Context(), r.actor, r.project.ID, r.keyID, org.Rotation{})
			must(t, err)
		}, "invalid_api_key"},
		"the key is rotated, and the overlap ends": {func(t *testing.T, r *rig) {
			earlier := time.Now().Add(-700 * time.Millisecond)
			r.org.Now = func() time.Time { return earlier }
			_, _, err := r.org.RotateAPIKey(t.Context(), r.actor, r.project.ID, r.keyID, org.Rotation{OverlapSeconds: 1})
			must(t, err)
		}, "invalid_api_key"},
		"the key is given an end": {func(t *testing.T, r *rig) {
			earlier := time.Now().Add(-700 * time.Millisecond)
			r.org.Now = func() time.Time { return earlier }
			must(t, r.org.UpdateAPIKey(t.Context(), r.actor, r.project.ID, r.keyID, org.APIKeyChange{ExpiresInSeconds: optional.Of(int64(1))}))
		}, "invalid_api_key"},
		"the key is narrowed": {func(t *testing.T, r *rig) {
			must(t, r.org.UpdateAPIKey(t.Context(), r.actor, r.project.ID, r.keyID, org.APIKeyChange{Scopes: optional.Of([]string{"api.model.read"})}))
		}, "insufficient_permissions"},
		"the service account is deleted": {func(t *testing.T, r *rig) {
			must(t, r.org.DeleteServiceAccount(t.Context(), r.actor, r.project.ID, r.account.ID))
		}, "invalid_api_key"},
		"the service account loses its role": {func(t *testing.T, r *rig) {
			_, err := r.org.UnassignRole(t.Context(), r.grantor(), account(r), access.ProjectMember.ID(r.project.ID))
			must(t, err)
		}, "insufficient_permissions"},
		"the project is archived": {func(t *testing.T, r *rig) {
			_, err := r.org.ArchiveProject(t.Context(), r.actor, r.project.ID)
			must(t, err)
		}, "project_archived"},
		"the workspace is closed to the project": {func(t *testing.T, r *rig) {
			_, err := r.org.UpdateWorkspace(t.Context(), org.SystemGrantor(r.actor.OrganizationID), r.conn.WorkspaceIDs[0], org.WorkspaceChange{ProjectIDs: optional.Of([]string{r.bystander.ID})})
			must(t, err)
		}, "workspace_forbidden"},
		"a client certificate is asked for": {func(t *testing.T, r *rig) {
			c, err := r.org.UploadCertificate(t.Context(), r.actor, org.NewCertificate{PEM: peertest.PEM(peertest.NewAuthority(t, "devices").Certificate.Raw)})
			must(t, err)
			_, err = r.org.ToggleCertificates(t.Context(), r.actor, org.CertificateToggle{ProjectID: r.project.ID, IDs: []string{c.ID}, Active: true})
			must(t, err)
		}, "client_certificate_required"},
		"its address is shut out": {func(t *testing.T, r *rig) {
			l, err := r.org.CreateIPAllowlist(t.Context(), r.actor, org.NewIPAllowlist{Name: "elsewhere", ProjectID: r.project.ID, AllowedIPs: []string{"192.0.2.1"}})
			must(t, err)
			_, err = r.org.ToggleIPAllowlists(t.Context(), r.actor, []string{l.ID}, true)
			must(t, err)
		}, org.CodeAddressRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			r.isCut(t, r.key, tt.code, func() { tt.revoke(t, r) })
		})
	}
}

// A person's keys end with the person, and with what it may do.
func TestStreamsOfPeopleEndWithThem(t *testing.T) {
	for name, tt := range map[string]struct {
		revoke func(t *testing.T, r *rig, u org.User)
		code   string
	}{
		"removed from the project": {func(t *testing.T, r *rig, u org.User) {
			must(t, r.org.RemoveProjectUser(t.Context(), r.grantor(), r.project.ID, u.ID))
		}, "insufficient_permissions"},
		"removed from the organization": {func(t *testing.T, r *rig, u org.User) {
			must(t, r.org.DeleteUser(t.Context(), r.actor, u.ID))
		}, "invalid_api_key"},
		"deactivated": {func(t *testing.T, r *rig, u org.User) {
			_, err := r.org.ChangeDirectoryUser(t.Context(), r.actor, u.ID, nil, func(d *org.DirectoryUser) error { d.Active = false; return nil })
			must(t, err)
		}, "invalid_api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t)
			u := r.person(t, "person@example.com")
			_, key, err := r.org.CreateAPIKey(t.Context(), r.actor, r.project.ID, org.NewAPIKey{UserID: u.ID})
			must(t, err)
			_, _, err = r.org.AssignRole(t.Context(), r.grantor(), org.Assignee{ProjectID: r.project.ID, UserID: u.ID}, access.ProjectMember.ID(r.project.ID))
			must(t, err)
			r.isCut(t, key, tt.code, func() { tt.revoke(t, r, u) })
		})
	}
}

// isCut fails unless revoke ends a silent stream of key's, and no other.
func (r *rig) isCut(t *testing.T, key, code string, revoke func()) {
	t.Helper()
	var spared string
	r.bystander, _, _, spared = r.newProject(t, "bystander")
	held := upstreamtest.NewGate()
	r.provider.Always(upstreamtest.SSE(
		upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event(chunk2) + event(usageOnly)), After: held}, upstreamtest.Event("[DONE]"),
	))
	other := r.opened(t, spared)
	stream := r.opened(t, key)
	revoke()
	got, took := rest(t, stream)
	if !strings.HasPrefix(got, `data: {"error":{"message":"The stream was ended`) || !strings.Contains(got, `"code":"`+code+`"`) || strings.Contains(got, "[DONE]") {
		t.Errorf("the stream ends with %q", got)
	}
	if took > time.Second {
		t.Errorf("it went on for %v", took)
	}
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeTruncated)
	equal(t, "code", ev.ErrorCode, code)
	equal(t, "source", ev.Source, usage.SourceEstimated)
	equal(t, "output", ev.Quantities.OutputText, openaiwire.EstimateOutput(5))
	held.Open()
	if got, _ := rest(t, other); !strings.HasSuffix(got, event("[DONE]")) {
		t.Errorf("the bystander's stream ends with %q", got)
	}
	equal(t, "the bystander", r.ledger.next(t).Outcome, usage.OutcomeCompleted)
}

// What a provider has reported by then is what counts.
func TestACutStreamIsSettledByWhatWasReported(t *testing.T) {
	r := newRig(t)
	held := upstreamtest.NewGate()
	r.provider.Enqueue(upstreamtest.SSE(upstreamtest.Event(usageOnly), upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event("[DONE]")), After: held}))
	stream := r.opened(t, r.key)
	must(t, r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, r.keyID))
	rest(t, stream)
	ev := r.ledger.next(t)
	equal(t, "source", ev.Source, usage.SourceProvider)
	equal(t, "quantities", ev.Quantities, chatQuantities)
	if gone := r.provider.Next(t).Ended(t); !gone {
		t.Error("the provider was read on")
	}
}

// An answer that has not begun is refused as a new request would be.
func TestAnAnswerThatHasNotBegunIsRefused(t *testing.T) {
	r := newRig(t)
	held := upstreamtest.NewGate()
	slow := upstreamtest.JSON(200, chatBody)
	slow.Before = held
	r.provider.Enqueue(slow)
	got := make(chan reply)
	go func() { got <- r.do(t, call{body: chat("")}) }()
	r.provider.Next(t)
	must(t, r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, r.keyID))
	envelopeOf(t, <-got, 401, "invalid_api_key", "")
	ev := r.ledger.next(t)
	equal(t, "outcome", ev.Outcome, usage.OutcomeFailed)
	equal(t, "source", ev.Source, usage.SourceEstimated)

	large := embeddings(2 << 20)
	r.project, r.account, r.keyID, r.key = r.newProject(t, "second")
	r.provider.Enqueue(upstreamtest.Answer{
		Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
		Chunks: []upstreamtest.Chunk{{Data: []byte(large[:3<<19])}, {Data: []byte(large[3<<19:]), After: upstreamtest.NewGate()}},
	})
	resp, err := r.start(t, call{path: "/v1/embeddings", body: `{"model":"text-embedding-3-small","input":"x"}`})
	must(t, err)
	defer resp.Body.Close()
	must(t, r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, r.keyID))
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("a large body that was cut looks whole")
	}
	equal(t, "code", r.ledger.next(t).ErrorCode, "invalid_api_key")
}

// Keys end while requests begin and end: none is missed, and none is left.
func TestRevocationWhileRequestsComeAndGo(t *testing.T) {
	r := newRig(t)
	r.provider.Always(upstreamtest.SSE(upstreamtest.Event(chunk1), upstreamtest.Chunk{Data: []byte(event("[DONE]")), After: upstreamtest.NewGate()}))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 5 {
				key, secret, err := r.org.CreateAPIKey(t.Context(), r.actor, r.project.ID, org.NewAPIKey{ServiceAccountID: r.account.ID})
				if err != nil {
					t.Error(err)
					return
				}
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					r.do(t, call{key: secret, body: plainStream}) // cut, or refused at once
				}()
				if err := r.org.DeleteAPIKey(t.Context(), r.actor, r.project.ID, key.ID); err != nil {
					t.Error(err)
				}
				<-ended
			}
		})
	}
	wg.Wait()
	r.eventually(t, "nothing to run", func() bool {
		for i := range r.Snapshot.running.shards {
			shard := &r.Snapshot.running.shards[i]
			shard.mu.Lock()
			first := shard.first
			shard.mu.Unlock()
			if first != nil {
				return false
			}
		}
		return true
	})
	r.ledger.balanced(t)
}

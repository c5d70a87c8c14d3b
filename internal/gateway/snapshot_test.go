package gateway

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/audit"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/upstream/upstreamtest"
)

// status is what a chat with this key and model is answered with.
func (r *rig) status(t testing.TB, key, model string) int {
	t.Helper()
	return r.do(t, call{key: key, body: `{"model":"` + model + `"}`}).StatusCode
}

func TestChangesHoldWhenTheCallReturns(t *testing.T) {
	r := newRig(t)
	ctx := t.Context()
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	project, account, keyID, key := r.newProject(t, "p")
	equal(t, "new key", r.status(t, key, chatModel), 200)

	rotated, next, err := r.org.RotateAPIKey(ctx, r.actor, project.ID, keyID, org.Rotation{OverlapSeconds: 3600})
	must(t, err)
	equal(t, "key id", rotated.ID, keyID)
	equal(t, "new secret", r.status(t, next, chatModel), 200)
	equal(t, "old secret, overlapping", r.status(t, key, chatModel), 200)
	_, third, err := r.org.RotateAPIKey(ctx, r.actor, project.ID, keyID, org.Rotation{})
	must(t, err)
	equal(t, "rotated twice", r.status(t, key, chatModel), 401)
	equal(t, "without overlap", r.status(t, next, chatModel), 401)
	equal(t, "third secret", r.status(t, third, chatModel), 200)
	must(t, r.org.DeleteAPIKey(ctx, r.actor, project.ID, keyID))
	equal(t, "deleted", r.status(t, third, chatModel), 401)

	_, key, err = r.org.CreateAPIKey(ctx, r.actor, project.ID, org.NewAPIKey{ServiceAccountID: account.ID})
	must(t, err)
	m := r.endpoint(t, "mine", org.ModelEndpointFields{})
	equal(t, "new endpoint", r.status(t, key, "mine"), 200)
	_, err = r.org.UpdateModelEndpoint(ctx, r.actor, m.ID, org.ModelEndpointFields{Name: optional.Of("yours")})
	must(t, err)
	equal(t, "renamed", r.status(t, key, "mine"), 404)
	equal(t, "new name", r.status(t, key, "yours"), 200)
	must(t, r.org.DeleteModelEndpoint(ctx, r.actor, m.ID))
	equal(t, "deleted endpoint", r.status(t, key, "yours"), 404)

	equal(t, "not served", r.status(t, key, "gpt-5"), 404)
	_, _, err = r.org.UpdateConnection(ctx, r.actor, r.conn.ID, org.ConnectionFields{Models: optional.Of([]string{"gpt-5"})})
	must(t, err)
	equal(t, "served now", r.status(t, key, "gpt-5"), 200)
	equal(t, "served no more", r.status(t, key, chatModel), 404)

	w, err := r.org.CreateWorkspace(ctx, r.actor, org.NewWorkspace{Name: "w"})
	must(t, err)
	c := r.connect(t, "c", org.ConnectionFields{WorkspaceIDs: optional.Of([]string{w.ID}), Models: optional.Of([]string{"w-model"})})
	equal(t, "workspace of all", r.status(t, key, "w-model"), 200)
	_, err = r.org.UpdateWorkspace(ctx, org.SystemGrantor(r.actor.OrganizationID), w.ID, org.WorkspaceChange{ProjectIDs: optional.Of([]string{r.project.ID})})
	must(t, err)
	equal(t, "workspace of others", r.status(t, key, "w-model"), 404)
	equal(t, "workspace of mine", r.status(t, r.key, "w-model"), 200)
	must(t, r.org.DeleteConnection(ctx, r.actor, c.ID))
	equal(t, "deleted connection", r.status(t, r.key, "w-model"), 404)

	must(t, r.org.DeleteServiceAccount(ctx, r.actor, project.ID, account.ID))
	equal(t, "account deleted", r.status(t, key, "gpt-5"), 401)
	_, err = r.org.ArchiveProject(ctx, r.actor, r.project.ID)
	must(t, err)
	equal(t, "archived", r.status(t, r.key, "gpt-5"), 403)
}

func TestAPreviousSecretWorksUntilItsOverlapEnds(t *testing.T) {
	now := time.Now()
	secret := func(s string) id.Hash { return id.HashOf(s) }
	s := &state{}
	edit := s.edit()
	edit.putKey(&org.APIKey{ID: "key_1", Secret: org.Secret{Hash: secret("new"), PreviousHash: secret("old"), PreviousUntil: now.Add(time.Minute)}, ExpiresAt: now.Add(time.Hour)})
	for _, tt := range []struct {
		secret string
		after  time.Duration
		works  bool
	}{
		{"new", 0, true}, {"old", 0, true}, {"old", 59 * time.Second, true}, {"old", time.Minute, false}, {"new", time.Minute, true},
		{"new", time.Hour - 1, true}, {"new", time.Hour, false}, {"other", 0, false},
	} {
		if got := s.key(secret(tt.secret), now.Add(tt.after)) != nil; got != tt.works {
			t.Errorf("%s after %s: %v", tt.secret, tt.after, got)
		}
	}
}

func TestRequestsDuringChanges(t *testing.T) {
	changes := 1000
	if testing.Short() {
		changes = 100
	}
	r := newRig(t)
	r.provider.Always(upstreamtest.JSON(200, chatBody))
	r.endpoint(t, "steady", org.ModelEndpointFields{})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if status := r.status(t, "", "steady"); status != 200 {
					t.Errorf("status %d", status)
					return
				}
			}
		})
	}
	project, account, _, _ := r.newProject(t, "churn")
	for i := range changes / 2 {
		key, secret, err := r.org.CreateAPIKey(t.Context(), r.actor, project.ID, org.NewAPIKey{ServiceAccountID: account.ID})
		must(t, err)
		if i%10 == 0 {
			equal(t, "status", r.status(t, secret, "steady"), 200)
			m := r.endpoint(t, fmt.Sprint("churn-", i), org.ModelEndpointFields{})
			must(t, r.org.DeleteModelEndpoint(t.Context(), r.actor, m.ID))
		}
		must(t, r.org.DeleteAPIKey(t.Context(), r.actor, project.ID, key.ID))
		if i%10 == 0 {
			equal(t, "status", r.status(t, secret, "steady"), 401)
		}
	}
	close(stop)
	wg.Wait()
}

// flat is a state without its shards, which may differ in what is empty.
type flat struct {
	Secrets       map[id.Hash]*org.APIKey
	Keys          map[string]*org.APIKey
	Projects      map[string]*org.Project
	Policies      map[string]*policy
	Organizations map[string]*directory
}

func (s *Snapshot) flat() flat {
	st := s.state.Load()
	f := flat{map[id.Hash]*org.APIKey{}, map[string]*org.APIKey{}, map[string]*org.Project{}, map[string]*policy{}, st.organizations}
	for i := range st.secrets {
		maps.Copy(f.Secrets, st.secrets[i])
		maps.Copy(f.Keys, st.keys[i])
		maps.Copy(f.Projects, st.projects[i])
		maps.Copy(f.Policies, st.policies[i])
	}
	return f
}

// TestIncrementalStateIsTheRebuiltOne makes random changes and compares what
// the snapshot made of them with what it reads from nothing.
func TestIncrementalStateIsTheRebuiltOne(t *testing.T) {
	r := newRig(t)
	made := 0
	rapid.Check(t, func(rt *rapid.T) {
		c := churn{rig: r, t: t, rt: rt, made: &made}
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			c.step()
		}
		fresh := NewSnapshot(r.store)
		must(t, fresh.Rebuild(t.Context()))
		if got, want := r.Snapshot.flat(), fresh.flat(); !reflect.DeepEqual(got, want) {
			rt.Errorf("incremental\n%+v\nrebuilt\n%+v", got, want)
		}
	})
}

// churn changes a control plane at random.
type churn struct {
	*rig
	t    *testing.T
	rt   *rapid.T
	made *int // names
}

func (c *churn) pick(n int) int { return rapid.IntRange(0, n-1).Draw(c.rt, "which") }

func (c *churn) step() {
	ctx, t := c.t.Context(), c.t
	page := org.Page{Limit: 1000}
	projects, err := c.org.Projects(ctx, c.actor.OrganizationID, org.ProjectFilter{Page: page})
	must(t, err)
	project := projects.Items[c.pick(len(projects.Items))]
	keys, err := c.org.APIKeys(ctx, c.actor.OrganizationID, project.ID, org.APIKeyFilter{Page: page})
	must(t, err)
	endpoints, err := c.org.ModelEndpoints(ctx, c.actor.OrganizationID, org.ModelEndpointFilter{Page: page})
	must(t, err)
	*c.made++
	name := fmt.Sprint("n", *c.made)
	switch c.pick(11) {
	case 0:
		c.newProject(t, name)
	case 1:
		users, err := c.org.Users(ctx, c.actor.OrganizationID, org.UserFilter{Page: page})
		must(t, err)
		_, _, err = c.org.CreateAPIKey(ctx, c.actor, project.ID, org.NewAPIKey{UserID: users.Items[0].ID})
		must(t, err)
	case 2:
		if len(keys.Items) > 0 {
			_, _, err = c.org.RotateAPIKey(ctx, c.actor, project.ID, keys.Items[c.pick(len(keys.Items))].ID, org.Rotation{OverlapSeconds: int64(3600 * c.pick(2))})
			must(t, err)
		}
	case 3:
		if len(keys.Items) > 0 {
			must(t, c.org.DeleteAPIKey(ctx, c.actor, project.ID, keys.Items[c.pick(len(keys.Items))].ID))
		}
	case 4:
		if project.Name != "Default project" {
			_, err = c.org.ArchiveProject(ctx, c.actor, project.ID)
			must(t, err)
		}
	case 5:
		c.endpoint(t, name, org.ModelEndpointFields{})
	case 6:
		if len(endpoints.Items) > 0 {
			m := endpoints.Items[c.pick(len(endpoints.Items))]
			_, err = c.org.UpdateModelEndpoint(ctx, c.actor, m.ID, org.ModelEndpointFields{Name: optional.Of(name), Enabled: optional.Of(c.pick(2) == 0)})
			must(t, err)
		}
	case 7:
		if len(endpoints.Items) > 0 {
			must(t, c.org.DeleteModelEndpoint(ctx, c.actor, endpoints.Items[c.pick(len(endpoints.Items))].ID))
		}
	case 9:
		who := audit.System(c.actor.OrganizationID)
		l, err := c.org.CreateIPAllowlist(ctx, who, org.NewIPAllowlist{Name: name, ProjectID: project.ID, AllowedIPs: []string{"192.0.2.1"}})
		if err != nil { // the project is archived, or there are too many
			return
		}
		_, err = c.org.ToggleIPAllowlist(ctx, who, l.ID, true)
		must(t, err)
	case 10:
		_, _ = c.org.SetModelPermissions(ctx, c.actor, project.ID, org.ModelPermissions{Mode: org.DenyList, ModelIDs: []string{name}}) // unless archived
		_, err := c.org.SetHostedTools(ctx, c.actor, c.project.ID, map[org.HostedTool]bool{org.MCP: c.pick(2) == 0})
		if err != nil {
			return // archived
		}
		_, err = c.org.SetDataRetention(ctx, c.actor, "", "zero_data_retention")
		must(t, err)
	case 8:
		w, err := c.org.CreateWorkspace(ctx, c.actor, org.NewWorkspace{Name: name, ProjectIDs: []string{project.ID}})
		must(t, err)
		_, _, err = c.org.UpdateConnection(ctx, c.actor, c.conn.ID, org.ConnectionFields{
			WorkspaceIDs: optional.Of([]string{c.defaultWorkspace(), w.ID}), Models: optional.Of([]string{name}),
		})
		if err != nil { // an endpoint of the workspace it would leave stands on it
			must(t, c.org.DeleteWorkspace(ctx, c.actor, w.ID))
		}
	}
}

func (c *churn) defaultWorkspace() string {
	w, err := c.org.DefaultWorkspace(c.t.Context(), c.actor.OrganizationID)
	must(c.t, err)
	return w.ID
}

// manyKeys is a rig whose snapshot holds n keys in n/10 projects, though its
// store does not.
func manyKeys(t testing.TB, n int) *rig {
	r := newRig(t)
	next := *r.Snapshot.state.Load()
	edit := next.edit()
	for i := range n {
		p := &org.Project{ID: id.New(id.Project), OrganizationID: r.actor.OrganizationID}
		if i%10 == 0 {
			edit.projects.put(p.ID, p)
		}
		edit.putKey(&org.APIKey{ID: id.New(id.Key), OrganizationID: p.OrganizationID, ProjectID: p.ID, Secret: org.Secret{Hash: id.HashOf(fmt.Sprint("secret", i))}})
	}
	r.Snapshot.state.Store(&next)
	return r
}

func (r *rig) changeOfKey() []org.Change {
	return []org.Change{{OrganizationID: r.actor.OrganizationID, Kind: org.ChangeAPIKey, ID: r.keyID}}
}

func BenchmarkApplyAmong100000Keys(b *testing.B) {
	r := manyKeys(b, 100_000)
	b.ReportAllocs()
	for b.Loop() {
		must(b, r.Snapshot.Apply(b.Context(), r.changeOfKey()))
	}
}

func TestAdmissionToWorkspacesCountsAConnectionOnce(t *testing.T) {
	r := newRig(t)
	w, err := r.org.CreateWorkspace(t.Context(), r.actor, org.NewWorkspace{Name: "second"})
	must(t, err)
	d, err := r.org.DefaultWorkspace(t.Context(), r.actor.OrganizationID)
	must(t, err)
	_, _, err = r.org.UpdateConnection(t.Context(), r.actor, r.conn.ID, org.ConnectionFields{WorkspaceIDs: optional.Of([]string{w.ID, d.ID})})
	must(t, err)
	in := r.Snapshot.state.Load().organizations[r.actor.OrganizationID]
	x := &exchange{project: &r.project}
	places := x.admitted(in.served[chatModel])
	if len(places) != 1 || places[0].workspace.Name != routing.DefaultWorkspace {
		t.Errorf("%+v", places)
	}
}

func TestConnectionsThatDoNotWorkComeLast(t *testing.T) {
	w := &routing.Workspace{ID: "ws_1", Name: routing.DefaultWorkspace}
	d := &directory{byID: map[string]*routing.Workspace{w.ID: w}, connections: map[string]*routing.Connection{}, served: map[string][]place{}}
	for i, status := range []routing.Status{routing.StatusError, routing.StatusOK, routing.StatusNone} {
		d.addConnection(&routing.Connection{
			ID: string(status), Status: status, WorkspaceIDs: []string{w.ID}, Models: []string{"m"}, CreatedAt: time.Unix(int64(i), 0),
		})
	}
	d.sort()
	for _, places := range [][]place{d.all, d.served["m"]} {
		got := []string{places[0].connection.ID, places[1].connection.ID, places[2].connection.ID}
		equal(t, "order", strings.Join(got, " "), "ok none error")
	}
}

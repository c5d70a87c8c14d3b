package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
	"weir/internal/routing"
)

// Snapshot is all that a request looks up: keys, projects and where models are
// served. Requests read an immutable state behind one pointer and never wait;
// the change feed replaces the state. Snapshot implements changefeed.Follower.
type Snapshot struct {
	store org.Store
	state atomic.Pointer[state]
	// running are the exchanges that a new state may end.
	running running
}

// state is one immutable reading of the control plane.
type state struct {
	secrets       shards[id.Hash, *org.APIKey] // by present and previous secret
	keys          shards[string, *org.APIKey]  // by key id
	projects      shards[string, *org.Project]
	holders       shards[string, *holder]     // by principal id: owners of keys, and groups
	roles         shards[string, access.Mask] // custom roles, by id
	policies      shards[string, *policy]     // by who holds settings: projects and organizations
	organizations map[string]*directory
	certified     bool // an organization has client certificates, active or not
}

// NewSnapshot returns a snapshot that is empty until Rebuild.
func NewSnapshot(store org.Store) *Snapshot {
	s := &Snapshot{store: store}
	s.state.Store(&state{})
	return s
}

// Rebuild implements changefeed.Follower.
func (s *Snapshot) Rebuild(ctx context.Context) error {
	next := &state{organizations: map[string]*directory{}}
	edit := next.edit()
	err := s.store.View(ctx, func(r org.Reader) error {
		if err := r.EachAPIKey(ctx, func(k org.APIKey) error {
			edit.putKey(&k)
			edit.holders.put(ownerOf(&k), &holder{organizationID: k.OrganizationID})
			return nil
		}); err != nil {
			return err
		}
		if err := r.EachProject(ctx, func(p org.Project) error { edit.projects.put(p.ID, &p); return nil }); err != nil {
			return err
		}
		if err := errors.Join(edit.readHolders(ctx, r), edit.readPolicies(ctx, r)); err != nil {
			return err
		}
		organizations, err := r.Organizations(ctx)
		if err != nil {
			return err
		}
		for _, o := range organizations {
			if next.organizations[o.ID], err = readDirectory(ctx, r, o.ID, s.state.Load().organizations[o.ID]); err != nil {
				return err
			}
			next.certified = next.certified || next.organizations[o.ID].certified
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.state.Store(next)
	return nil
}

// Apply implements changefeed.Follower: it looks up what the changes name and
// replaces just that.
func (s *Snapshot) Apply(ctx context.Context, changes []org.Change) error {
	next := *s.state.Load()
	edit := next.edit()
	directories := map[string]bool{}
	err := s.store.View(ctx, func(r org.Reader) error {
		for _, c := range changes {
			var err error
			switch c.Kind {
			case org.ChangeAPIKey:
				err = edit.refreshKey(ctx, r, c)
			case org.ChangeProject:
				err = refresh(c.ID, func(p *org.Project) { edit.projects.put(p.ID, p) }, edit.projects.drop, func() (org.Project, error) {
					return r.Project(ctx, c.OrganizationID, c.ID)
				})
			case org.ChangeOrganization, org.ChangeWorkspace, org.ChangeConnection, org.ChangeModelEndpoint, org.ChangeIPAllowlist,
				org.ChangeCheckpointPermission, org.ChangeCertificate, org.ChangeProjectCertificates:
				directories[c.OrganizationID] = true
			case org.ChangeStanding:
				err = edit.refreshStanding(ctx, r, c)
			case org.ChangeRole:
				err = edit.refreshRole(ctx, r, c)
			case org.ChangeUser: // its keys and its standing are changes of their own
				err = edit.dropGone(c, func() error { _, err := r.User(ctx, c.OrganizationID, c.ID); return err })
			case org.ChangeServiceAccount:
				err = edit.dropGone(c, func() error { _, err := r.ServiceAccountByID(ctx, c.OrganizationID, c.ID); return err })
			case org.ChangeSettings:
				err = edit.refreshPolicy(ctx, r, c)
			case org.ChangeRateLimits, org.ChangeSpendAlerts:
				// Nothing here limits yet.
			}
			if err != nil {
				return fmt.Errorf("applying the change of %s %s: %w", c.Kind, c.ID, err)
			}
		}
		if len(directories) > 0 {
			next.organizations = maps.Clone(next.organizations)
		}
		for organizationID := range directories {
			d, err := readDirectory(ctx, r, organizationID, next.organizations[organizationID])
			if err != nil {
				return err
			}
			next.organizations[organizationID] = d
		}
		next.certified = slices.ContainsFunc(slices.Collect(maps.Values(next.organizations)), func(d *directory) bool { return d.certified })
		return nil
	})
	if err != nil {
		return err
	}
	s.state.Store(&next)
	s.running.review(s)
	return nil
}

// refresh puts what look finds, or drops the id when it is gone.
func refresh[T any](objectID string, put func(*T), drop func(string), look func() (T, error)) error {
	v, err := look()
	switch {
	case err == nil:
		put(&v)
	case fault.Is(err, fault.NotFound):
		drop(objectID)
	default:
		return err
	}
	return nil
}

// key returns the key with this secret, nil when there is none or it no longer
// works.
func (s *state) key(hash id.Hash, now time.Time) *org.APIKey {
	k := s.secrets.at(firstByte(hash), hash)
	if k == nil || !k.Accepts(hash, now) || (!k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)) {
		return nil
	}
	return k
}

// AsksForCertificates reports whether callers have to be asked for certificates
// when they connect: some organization has one, and whoever activates it must be
// able to show that it works.
func (s *Snapshot) AsksForCertificates() bool { return s.state.Load().certified }

// project returns a project; nil when there is none.
func (s *state) project(projectID string) *org.Project {
	return s.projects.at(lastByte(projectID), projectID)
}

// firstByte spreads hashes.
func firstByte(h id.Hash) uint8 { return h[0] }

// edit changes a state that nobody reads yet.
type edit struct {
	secrets  shardEdit[id.Hash, *org.APIKey]
	keys     shardEdit[string, *org.APIKey]
	projects shardEdit[string, *org.Project]
	holders  shardEdit[string, *holder]
	roles    shardEdit[string, access.Mask]
	policies shardEdit[string, *policy]
}

func (s *state) edit() *edit {
	return &edit{
		secrets:  shardEdit[id.Hash, *org.APIKey]{of: &s.secrets, shard: firstByte},
		keys:     shardEdit[string, *org.APIKey]{of: &s.keys, shard: lastByte},
		projects: shardEdit[string, *org.Project]{of: &s.projects, shard: lastByte},
		holders:  shardEdit[string, *holder]{of: &s.holders, shard: lastByte},
		roles:    shardEdit[string, access.Mask]{of: &s.roles, shard: lastByte},
		policies: shardEdit[string, *policy]{of: &s.policies, shard: lastByte},
	}
}

func (e *edit) putKey(k *org.APIKey) {
	e.dropKey(k.ID)
	e.keys.put(k.ID, k)
	e.secrets.put(k.Hash, k)
	if !k.PreviousUntil.IsZero() {
		e.secrets.put(k.PreviousHash, k)
	}
}

func (e *edit) dropKey(keyID string) {
	old := e.keys.get(keyID)
	if old == nil {
		return
	}
	e.keys.drop(keyID)
	e.secrets.drop(old.Hash)
	if !old.PreviousUntil.IsZero() {
		e.secrets.drop(old.PreviousHash)
	}
}

// directory is where one organization's models are served, and from where they
// may be called.
type directory struct {
	workspaces  map[string]*routing.Workspace // by name
	byID        map[string]*routing.Workspace
	connections map[string]*routing.Connection
	addresses   *org.AddressRules   // from where it may be called; nil: from everywhere
	checkpoints map[string][]string // fine-tuned models that are for some projects; nil: none
	// certificates are those that callers must show; nil: none. certified says that
	// there are some, if only inactive ones.
	certificates *org.CertificateRules
	certified    bool
	// endpoints and served hold, by model name, everything of that name, the
	// default workspace first.
	endpoints map[string][]*routing.ModelEndpoint
	served    map[string][]place
	routes    map[string]*route // by endpoint id
	circuits  map[upstreamKey]*routing.Circuit
	// all is every place a request without a model can go, oldest first, the
	// default workspace before the others.
	all []place
}

// place is a connection in a workspace.
type place struct {
	workspace  *routing.Workspace
	connection *routing.Connection
	circuit    *routing.Circuit // of the connection's model
}

const page = 1000

// readDirectory reads an organization's. What is known of upstreams goes over
// from before; nil: there was none.
func readDirectory(ctx context.Context, r org.Reader, organizationID string, before *directory) (*directory, error) {
	d := &directory{
		workspaces: map[string]*routing.Workspace{}, byID: map[string]*routing.Workspace{},
		connections: map[string]*routing.Connection{},
		endpoints:   map[string][]*routing.ModelEndpoint{}, served: map[string][]place{},
	}
	err := each(func(p org.Page) (org.Rows[routing.Workspace], error) {
		return r.Workspaces(ctx, organizationID, nil, p)
	}, func(w *routing.Workspace) string {
		d.workspaces[w.Name], d.byID[w.ID] = w, w
		return w.ID
	})
	if err != nil {
		return nil, err
	}
	if err := each(func(p org.Page) (org.Rows[routing.Connection], error) {
		return r.Connections(ctx, organizationID, org.ConnectionFilter{Page: p})
	}, func(c *routing.Connection) string {
		d.addConnection(c)
		return c.ID
	}); err != nil {
		return nil, err
	}
	if err := each(func(p org.Page) (org.Rows[routing.ModelEndpoint], error) {
		return r.ModelEndpoints(ctx, organizationID, org.ModelEndpointFilter{Page: p})
	}, func(m *routing.ModelEndpoint) string {
		d.endpoints[m.Name] = append(d.endpoints[m.Name], m)
		return m.ID
	}); err != nil {
		return nil, err
	}
	d.sort()
	d.addRoutes(before)
	lists, err := r.ActiveIPAllowlists(ctx, organizationID)
	if err != nil {
		return nil, err
	}
	d.addresses = org.NewAddressRules(lists)
	if d.checkpoints, err = r.SharedCheckpoints(ctx, organizationID); err != nil {
		return nil, err
	}
	d.certificates, d.certified, err = org.CertificateRulesOf(ctx, r, organizationID)
	return d, err
}

func (d *directory) addConnection(c *routing.Connection) {
	d.connections[c.ID] = c
	for _, workspaceID := range c.WorkspaceIDs {
		w := d.byID[workspaceID]
		if w == nil {
			continue
		}
		at := place{workspace: w, connection: c}
		d.all = append(d.all, at)
		for _, model := range c.Serves() {
			d.served[model] = append(d.served[model], at)
		}
	}
}

// sort puts the default workspace first, and within one the connections whose
// key worked when last tried before those whose did not, older before newer.
func (d *directory) sort() {
	byWorkspace := func(a, b *routing.Workspace) int {
		if a == b {
			return 0
		}
		switch routing.DefaultWorkspace {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	}
	byPlace := func(a, b place) int {
		if n := byWorkspace(a.workspace, b.workspace); n != 0 {
			return n
		}
		if failing := a.connection.Status == routing.StatusError; failing != (b.connection.Status == routing.StatusError) {
			if failing {
				return 1
			}
			return -1
		}
		return a.connection.CreatedAt.Compare(b.connection.CreatedAt)
	}
	slices.SortStableFunc(d.all, byPlace)
	for _, places := range d.served {
		slices.SortStableFunc(places, byPlace)
	}
	for _, endpoints := range d.endpoints {
		slices.SortStableFunc(endpoints, func(a, b *routing.ModelEndpoint) int {
			return byWorkspace(d.byID[a.WorkspaceID], d.byID[b.WorkspaceID])
		})
	}
}

// each walks a list, oldest first.
func each[T any](list func(org.Page) (org.Rows[T], error), visit func(*T) (cursor string)) error {
	p := org.Page{Limit: page, Ascending: true}
	for {
		rows, err := list(p)
		if err != nil {
			return err
		}
		for i := range rows.Items {
			p.After = visit(&rows.Items[i])
		}
		if !rows.More {
			return nil
		}
	}
}

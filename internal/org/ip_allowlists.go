package org

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
	"weir/internal/peer"
)

// IPAllowlist names networks from where an organization, or one of its projects,
// may be called. It counts where it is active; see [AddressRules].
type IPAllowlist struct {
	ID             string
	OrganizationID string
	ProjectID      string // "": the organization
	Name           string
	AllowedIPs     []string // networks and single addresses, as peer.NetworkText writes them
	Active         bool
	CreatedAt      time.Time
}

func (l *IPAllowlist) networks() []netip.Prefix {
	networks := make([]netip.Prefix, 0, len(l.AllowedIPs))
	for _, text := range l.AllowedIPs {
		if network, err := peer.ParseNetwork(text); err == nil { // as checked when it was kept
			networks = append(networks, network)
		}
	}
	return networks
}

// The bounds of lists: every request is held against all that are active.
const (
	maxIPAllowlists        = 50 // of an organization
	maxAllowedIPs          = 200
	maxToggledIPAllowlists = 10 // at once
)

// parseAllowedIPs returns the networks, each once, as they are kept.
func parseAllowedIPs(texts []string) ([]string, error) {
	if len(texts) == 0 {
		return nil, fault.EmptyArray("allowed_ips")
	}
	if err := checkReferences("allowed_ips", texts, maxAllowedIPs); err != nil {
		return nil, err
	}
	var kept []string
	for i, text := range texts {
		network, err := peer.ParseNetwork(text)
		if err != nil {
			return nil, fault.Invalidf("invalid_value", fmt.Sprintf("allowed_ips[%d]", i), "Invalid value: %s.", err.Error())
		}
		if name := peer.NetworkText(network); !slices.Contains(kept, name) {
			kept = append(kept, name)
		}
	}
	return kept, nil
}

// NewIPAllowlist is a list to keep, active nowhere yet.
type NewIPAllowlist struct {
	Name       string
	ProjectID  string // "": the organization
	AllowedIPs []string
}

// Validate reports the first rule that in breaks.
func (in NewIPAllowlist) Validate() error {
	if err := checkName("name", in.Name); err != nil {
		return err
	}
	_, err := parseAllowedIPs(in.AllowedIPs)
	return err
}

// CreateIPAllowlist keeps a list. It lets nobody in and keeps nobody out until it
// is activated.
func (s *Service) CreateIPAllowlist(ctx context.Context, actor audit.Actor, in NewIPAllowlist) (IPAllowlist, error) {
	if err := in.Validate(); err != nil {
		return IPAllowlist{}, err
	}
	allowed, err := parseAllowedIPs(in.AllowedIPs)
	if err != nil {
		return IPAllowlist{}, err
	}
	l := IPAllowlist{
		ID: id.New(id.IPAllowlist), OrganizationID: actor.OrganizationID, ProjectID: in.ProjectID, Name: in.Name,
		AllowedIPs: allowed, CreatedAt: s.Now(),
	}
	err = s.update(ctx, actor, func(tx Tx) error {
		project, err := allowlistProject(ctx, tx, l)
		if err != nil {
			return notFoundAsInvalid(err, "project_id")
		}
		kept, err := tx.IPAllowlists(ctx, actor.OrganizationID, Page{Limit: maxIPAllowlists})
		if err != nil {
			return err
		}
		if len(kept.Items) >= maxIPAllowlists {
			return fault.Invalidf("ip_allowlist_limit_reached", "", "An organization can have %d IP allowlists, and has them. Delete one first.", maxIPAllowlists)
		}
		tx.Record(allowlistEvent(audit.IPAllowlistCreated, project, l))
		return tx.InsertIPAllowlist(ctx, l)
	})
	return l, err
}

// IPAllowlistChange is a partial update of a list. What it is of cannot change.
type IPAllowlistChange struct {
	Name       optional.Value[string]
	AllowedIPs optional.Value[[]string] // replaces them all
}

// Validate reports the first rule that in breaks.
func (in IPAllowlistChange) Validate() error {
	if in.Name.Given() {
		if err := checkName("name", in.Name.V); err != nil {
			return err
		}
	}
	if in.AllowedIPs.Given() {
		if _, err := parseAllowedIPs(in.AllowedIPs.V); err != nil {
			return err
		}
	}
	return nil
}

// UpdateIPAllowlist changes the fields that were sent. An active list counts as
// changed at once.
func (s *Service) UpdateIPAllowlist(ctx context.Context, actor audit.Actor, allowlistID string, in IPAllowlistChange) (IPAllowlist, error) {
	if err := in.Validate(); err != nil {
		return IPAllowlist{}, err
	}
	var l IPAllowlist
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if l, err = tx.IPAllowlist(ctx, actor.OrganizationID, allowlistID); err != nil {
			return err
		}
		project, err := allowlistProject(ctx, tx, l)
		if err != nil {
			return err
		}
		l.Name = in.Name.Or(l.Name)
		if in.AllowedIPs.Given() {
			if l.AllowedIPs, err = parseAllowedIPs(in.AllowedIPs.V); err != nil {
				return err
			}
		}
		tx.Record(allowlistEvent(audit.IPAllowlistUpdated, project, l))
		if err := tx.UpdateIPAllowlist(ctx, l); err != nil {
			return err
		}
		return staysInside(ctx, tx, actor)
	})
	return l, err
}

// DeleteIPAllowlist removes a list, active or not.
func (s *Service) DeleteIPAllowlist(ctx context.Context, actor audit.Actor, allowlistID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		l, err := tx.IPAllowlist(ctx, actor.OrganizationID, allowlistID)
		if err != nil {
			return err
		}
		var project *Project
		if l.ProjectID != "" { // archived ones too
			p, err := tx.Project(ctx, l.OrganizationID, l.ProjectID)
			if err != nil {
				return err
			}
			project = &p
		}
		tx.Record(allowlistEvent(audit.IPAllowlistDeleted, project, l))
		if err := tx.DeleteIPAllowlist(ctx, actor.OrganizationID, l.ID); err != nil {
			return err
		}
		return staysInside(ctx, tx, actor)
	})
}

// ToggleIPAllowlists activates or deactivates lists, all or none, and returns them
// in the order they were asked for, each once. What is in the wanted state already
// stays in it: the audit events, one for each scope, name those that were not, and
// there is none when nothing changed.
func (s *Service) ToggleIPAllowlists(ctx context.Context, actor audit.Actor, allowlistIDs []string, active bool) ([]IPAllowlist, error) {
	if len(allowlistIDs) == 0 {
		return nil, fault.EmptyArray("ip_allowlist_ids")
	}
	if err := checkReferences("ip_allowlist_ids", allowlistIDs, maxToggledIPAllowlists); err != nil {
		return nil, err
	}
	var toggled []IPAllowlist
	err := s.update(ctx, actor, func(tx Tx) error {
		toggled = nil
		changes := allowlistChanges{}
		for i, allowlistID := range allowlistIDs {
			if slices.ContainsFunc(toggled, func(l IPAllowlist) bool { return l.ID == allowlistID }) {
				continue
			}
			l, err := tx.IPAllowlist(ctx, actor.OrganizationID, allowlistID)
			if err != nil {
				return notFoundAsInvalid(err, fmt.Sprintf("ip_allowlist_ids[%d]", i))
			}
			if l.Active != active {
				project, err := allowlistProject(ctx, tx, l)
				if err != nil {
					return err
				}
				l.Active = active
				if err := tx.UpdateIPAllowlist(ctx, l); err != nil {
					return err
				}
				changes.add(project, l)
			}
			toggled = append(toggled, l)
		}
		tx.Record(changes.events(active)...)
		return staysInside(ctx, tx, actor)
	})
	return toggled, err
}

// ToggleIPAllowlist activates or deactivates one list.
func (s *Service) ToggleIPAllowlist(ctx context.Context, actor audit.Actor, allowlistID string, active bool) (IPAllowlist, error) {
	if _, err := s.IPAllowlist(ctx, actor.OrganizationID, allowlistID); err != nil {
		return IPAllowlist{}, err // about an id in the path, not in a body
	}
	toggled, err := s.ToggleIPAllowlists(ctx, actor, []string{allowlistID}, active)
	if err != nil {
		return IPAllowlist{}, err
	}
	return toggled[0], nil
}

// IPAllowlists of an organization and its projects, newest first.
func (s *Service) IPAllowlists(ctx context.Context, organizationID string, p Page) (Rows[IPAllowlist], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[IPAllowlist], error) { return r.IPAllowlists(ctx, organizationID, p) })
}

// IPAllowlist returns one list.
func (s *Service) IPAllowlist(ctx context.Context, organizationID, allowlistID string) (IPAllowlist, error) {
	return view(ctx, s.Store, func(r Reader) (IPAllowlist, error) { return r.IPAllowlist(ctx, organizationID, allowlistID) })
}

// staysInside refuses what would keep its own author out, who could not take it
// back then. It is asked after the change, within its transaction. Lists of
// projects do not concern whoever administers the organization.
func staysInside(ctx context.Context, tx Tx, actor audit.Actor) error {
	if actor.Type == audit.ActorSystem {
		return nil
	}
	err := CheckAddress(ctx, tx, actor.OrganizationID, "", actor.IPAddress)
	if fault.Is(err, fault.Forbidden) {
		return fault.Invalidf("ip_allowlist_lockout", "", "This would lock you out: your own IP address (%s) would be in none of the organization's active IP allowlists. Put it into one of them first.", actor.IPAddress)
	}
	return err
}

// allowlistProject is the active project that a list is of; nil for the
// organization's.
func allowlistProject(ctx context.Context, r Reader, l IPAllowlist) (*Project, error) {
	if l.ProjectID == "" {
		return nil, nil //nolint:nilnil // the organization
	}
	project, err := activeProject(ctx, r, l.OrganizationID, l.ProjectID)
	return &project, err
}

// allowlistDetails describe a list in an audit event, as OpenAI's log does.
type allowlistDetails struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	AllowedIPs []string `json:"allowed_ips,omitempty"`
}

func allowlistEvent(a audit.Action, project *Project, l IPAllowlist) audit.Event {
	e := event(a, project, details{ID: l.ID})
	e.Details = mustJSON(allowlistDetails{l.ID, l.Name, l.AllowedIPs})
	return e
}

// allowlistChanges are the lists that changed their state, by scope.
type allowlistChanges []struct {
	project *Project
	lists   []allowlistDetails
}

func (c *allowlistChanges) add(project *Project, l IPAllowlist) {
	named := allowlistDetails{ID: l.ID, Name: l.Name}
	for i, of := range *c {
		if of.project == nil && project == nil || of.project != nil && project != nil && of.project.ID == project.ID {
			(*c)[i].lists = append(of.lists, named)
			return
		}
	}
	*c = append(*c, struct {
		project *Project
		lists   []allowlistDetails
	}{project, []allowlistDetails{named}})
}

func (c allowlistChanges) events(active bool) []audit.Event {
	action := audit.IPAllowlistsDeactivated
	if active {
		action = audit.IPAllowlistsActivated
	}
	events := make([]audit.Event, len(c))
	for i, of := range c {
		d := details{}
		if len(of.lists) == 1 {
			d.ID = of.lists[0].ID // of several, the log can name none
		}
		events[i] = event(action, of.project, d)
		events[i].Details = mustJSON(map[string]any{"configs": of.lists})
	}
	return events
}

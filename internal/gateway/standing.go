package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/org"
)

// holder is what one principal holds by itself: a user or service account that
// owns keys, or a group. Each of them has one, if only an empty one. It is
// immutable.
type holder struct {
	organizationID string
	grants         []grant // by project
	groups         []string
}

// grant is a role that is held somewhere: a predefined one's permissions, or
// the id of a custom one, whose permissions may change without its holders.
type grant struct {
	projectID string // "": at the organization
	holds     access.Mask
	role      string // "": predefined
}

func byProject(a, b grant) int { return cmp.Compare(a.projectID, b.projectID) }

// newGrant returns what an assignment gives; false when that is nothing in any
// project.
func newGrant(a *org.RoleAssignment) (grant, bool) {
	role, predefined := access.ParseRoleID(a.RoleID)
	switch {
	case !predefined:
		return grant{projectID: a.ProjectID, role: a.RoleID}, true
	case role.Organization == access.OrganizationReader: // what reaches into projects calls no model
		return grant{}, false
	}
	return grant{projectID: a.ProjectID, holds: role.Mask()}, true
}

// standing is what a principal may do in a project: by its grants there and at
// the organization, and by those of its groups. It allocates nothing.
func (s *state) standing(principalID, projectID string) access.Mask {
	h := s.holders.at(lastByte(principalID), principalID)
	if h == nil {
		return access.Mask{}
	}
	held := s.granted(h, projectID).Or(s.granted(h, ""))
	for _, groupID := range h.groups {
		if g := s.holders.at(lastByte(groupID), groupID); g != nil {
			held = held.Or(s.granted(g, projectID)).Or(s.granted(g, ""))
		}
	}
	return held
}

// granted is what h itself has from grants in the project, "" being the
// organization.
func (s *state) granted(h *holder, projectID string) (held access.Mask) {
	i, _ := slices.BinarySearchFunc(h.grants, projectID, func(g grant, projectID string) int { return cmp.Compare(g.projectID, projectID) })
	for ; i < len(h.grants) && h.grants[i].projectID == projectID; i++ {
		g := &h.grants[i]
		held = held.Or(g.holds)
		if g.role != "" {
			held = held.Or(s.roles.at(lastByte(g.role), g.role))
		}
	}
	return held
}

// readHolders reads everybody whose standing the gateway asks for.
func (e *edit) readHolders(ctx context.Context, r org.Reader) error {
	err := r.EachRole(ctx, func(role org.Role) error { e.putRole(&role); return nil })
	if err != nil {
		return err
	}
	holders := map[string]*holder{}
	of := func(organizationID, principalID string) *holder {
		h := holders[principalID]
		if h == nil {
			h = &holder{organizationID: organizationID}
			holders[principalID] = h
		}
		return h
	}
	if err := r.EachHeldRole(ctx, func(a org.RoleAssignment) error {
		if g, ok := newGrant(&a); ok {
			h := of(a.OrganizationID, a.PrincipalID)
			h.grants = append(h.grants, g)
		}
		return nil
	}); err != nil {
		return err
	}
	if err := r.EachHeldGroup(ctx, func(m org.GroupMember) error {
		h := of(m.OrganizationID, m.PrincipalID)
		h.groups = append(h.groups, m.GroupID)
		return nil
	}); err != nil {
		return err
	}
	for principalID, h := range holders {
		slices.SortFunc(h.grants, byProject)
		e.holders.put(principalID, h)
	}
	return nil
}

// readHolder reads one principal's standing: work that grows with what it is
// assigned itself, not with how many hold it too.
func (e *edit) readHolder(ctx context.Context, r org.Reader, organizationID, principalID string) error {
	h := &holder{organizationID: organizationID}
	assigned, err := r.AssignmentsOf(ctx, organizationID, principalID)
	if err != nil {
		return err
	}
	for i := range assigned {
		if g, ok := newGrant(&assigned[i]); ok {
			h.grants = append(h.grants, g)
		}
	}
	slices.SortFunc(h.grants, byProject)
	if h.groups, err = r.GroupsOf(ctx, organizationID, principalID); err != nil {
		return err
	}
	e.holders.put(principalID, h)
	return nil
}

// refreshStanding follows a change of what a principal is assigned or a member
// of. Most people own no key: their standing is nothing to the gateway.
func (e *edit) refreshStanding(ctx context.Context, r org.Reader, c org.Change) error {
	if strings.HasPrefix(c.ID, id.Group) {
		if _, err := r.Group(ctx, c.OrganizationID, c.ID); fault.Is(err, fault.NotFound) {
			e.holders.drop(c.ID)
			return nil
		}
	} else if e.holders.get(c.ID) == nil {
		return nil
	}
	return e.readHolder(ctx, r, c.OrganizationID, c.ID)
}

// dropGone drops a user or service account that is no more.
func (e *edit) dropGone(c org.Change, look func() error) error {
	if e.holders.get(c.ID) == nil {
		return nil
	}
	err := look()
	if fault.Is(err, fault.NotFound) {
		e.holders.drop(c.ID)
		return nil
	}
	return err
}

// refreshKey follows a change of a key. The owner of a first key becomes
// somebody to look up.
func (e *edit) refreshKey(ctx context.Context, r org.Reader, c org.Change) error {
	k, err := r.APIKeyByID(ctx, c.OrganizationID, c.ID)
	if fault.Is(err, fault.NotFound) {
		e.dropKey(c.ID)
		return nil
	}
	if err != nil {
		return err
	}
	e.putKey(&k)
	if owner := ownerOf(&k); e.holders.get(owner) == nil {
		return e.readHolder(ctx, r, k.OrganizationID, owner)
	}
	return nil
}

func (e *edit) refreshRole(ctx context.Context, r org.Reader, c org.Change) error {
	return refresh(c.ID, e.putRole, e.roles.drop, func() (org.Role, error) { return r.RoleByID(ctx, c.OrganizationID, c.ID) })
}

// ownerOf is the user or service account a key acts as.
func ownerOf(k *org.APIKey) string { return k.UserID + k.ServiceAccountID } // one of them is empty

func (e *edit) putRole(r *org.Role) {
	e.roles.put(r.ID, access.MaskOf(access.NewSet(r.Permissions...)))
}

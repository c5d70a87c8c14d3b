package org

import (
	"context"
	"slices"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
	"weir/internal/optional"
)

// MembersVerb says what an edit does to the members of a group.
type MembersVerb uint8

// The verbs.
const (
	AddMembers MembersVerb = iota
	RemoveMembers
	SetMembers // these and no others
)

// MembersEdit is one step of a change of a group's members. Adding who is in and
// removing who is not change nothing.
type MembersEdit struct {
	Verb MembersVerb
	IDs  []string
}

// DirectoryGroupEdit is what a provider changes of a group, the members step by
// step.
type DirectoryGroupEdit struct {
	Name       optional.Value[string]
	ExternalID optional.Value[string]
	Members    []MembersEdit
}

// Validate reports the first rule that e breaks. Params are SCIM's attributes.
func (e *DirectoryGroupEdit) Validate() error {
	if e.Name.Sent {
		if err := checkGroupName(e.Name.V); err != nil {
			return withParam(err, "displayName")
		}
	}
	if e.ExternalID.V != "" {
		return checkName("externalId", e.ExternalID.V)
	}
	return nil
}

// CreateDirectoryGroup makes a group that an identity provider keeps; nobody
// else changes its name or members. Of these groups no two have one name; one
// made by hand may have it too, since a provider must not come by what that was
// given.
func (s *Service) CreateDirectoryGroup(ctx context.Context, actor audit.Actor, in DirectoryGroupEdit) (Group, error) {
	if !in.Name.Given() {
		return Group{}, fault.MissingParam("displayName")
	}
	if err := in.Validate(); err != nil {
		return Group{}, err
	}
	now := s.Now()
	g := Group{
		ID: id.New(id.Group), OrganizationID: actor.OrganizationID, Name: in.Name.V, ExternalID: in.ExternalID.V,
		SCIMManaged: true, UpdatedAt: now, CreatedAt: now,
	}
	err := s.update(ctx, actor, func(tx Tx) error {
		if err := checkDirectoryName(ctx, tx, &g); err != nil {
			return err
		}
		tx.Record(event(audit.GroupCreated, nil, details{ID: g.ID, Data: groupNamed(g.Name)}))
		if err := tx.InsertGroup(ctx, g); err != nil {
			return err
		}
		changed := map[string]any{}
		if err := s.editMembers(ctx, tx, &g, in.Members, changed); err != nil || len(changed) == 0 {
			return err
		}
		tx.Record(event(audit.GroupUpdated, nil, details{ID: g.ID, Changes: changed}))
		return nil
	})
	return g, err
}

func checkDirectoryName(ctx context.Context, r Reader, g *Group) error {
	same, err := r.GroupsByName(ctx, g.OrganizationID, []string{g.Name})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(same, func(other Group) bool { return other.SCIMManaged && other.ID != g.ID }) {
		return fault.Invalidf("name_taken", "displayName", "A group with the displayName '%s' exists already.", g.Name)
	}
	return nil
}

// directoryGroup returns a group that a provider keeps; others are not there.
func directoryGroup(ctx context.Context, r Reader, organizationID, groupID string) (Group, error) {
	g, err := r.Group(ctx, organizationID, groupID)
	if err == nil && !g.SCIMManaged {
		err = fault.NotFoundf("Group with ID '%s' not found.", groupID)
	}
	return g, err
}

// ChangeDirectoryGroup changes a group that a provider keeps, or leaves it as it
// is when everything is so already.
func (s *Service) ChangeDirectoryGroup(ctx context.Context, actor audit.Actor, groupID string, unchanged Unchanged, in DirectoryGroupEdit) (Group, error) {
	if err := in.Validate(); err != nil {
		return Group{}, err
	}
	var g Group
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if g, err = directoryGroup(ctx, tx, actor.OrganizationID, groupID); err != nil {
			return err
		}
		if err := unchanged.check(g.ChangedAt()); err != nil {
			return err
		}
		changed := map[string]any{}
		if in.Name.Sent && in.Name.V != g.Name {
			g.Name, changed["group_name"] = in.Name.V, in.Name.V
			if err := checkDirectoryName(ctx, tx, &g); err != nil {
				return err
			}
		}
		if in.ExternalID.Sent && in.ExternalID.V != g.ExternalID {
			g.ExternalID, changed["external_id"] = in.ExternalID.V, in.ExternalID.V
		}
		if err := keepsOwner(ctx, tx, actor.OrganizationID, func() error { return s.editMembers(ctx, tx, &g, in.Members, changed) }); err != nil {
			return err
		}
		if len(changed) == 0 {
			return nil
		}
		g.UpdatedAt = s.after(g.ChangedAt())
		tx.Record(event(audit.GroupUpdated, nil, details{ID: g.ID, Changes: changed}))
		return tx.UpdateGroup(ctx, g)
	})
	return g, err
}

// editMembers takes the steps in turn and notes who came and went by them.
func (s *Service) editMembers(ctx context.Context, tx Tx, g *Group, edits []MembersEdit, changed map[string]any) error {
	if len(edits) == 0 {
		return nil
	}
	m := membership{Tx: tx, service: s, group: g, isIn: map[string]bool{}, was: map[string]bool{}}
	for _, e := range edits {
		if err := m.edit(ctx, e); err != nil {
			return err
		}
	}
	return m.settle(ctx, changed)
}

// membership works out who is to be in a group, before anything is written.
type membership struct {
	Tx
	service   *Service
	group     *Group
	isIn, was map[string]bool
	mentioned []string // in the order in which they came up
}

func (m *membership) edit(ctx context.Context, e MembersEdit) error {
	if e.Verb == SetMembers {
		present, err := memberIDs(ctx, m, m.group)
		if err != nil {
			return err
		}
		for _, principalID := range present {
			m.know(principalID, true)
		}
		for _, principalID := range m.mentioned {
			m.isIn[principalID] = false
		}
	}
	for _, principalID := range e.IDs {
		if _, known := m.was[principalID]; !known {
			_, err := m.GroupMember(ctx, m.group.OrganizationID, m.group.ID, principalID)
			if err != nil && !fault.Is(err, fault.NotFound) {
				return err
			}
			m.know(principalID, err == nil)
		}
		m.isIn[principalID] = e.Verb != RemoveMembers
	}
	return nil
}

func (m *membership) know(principalID string, isIn bool) {
	if _, known := m.was[principalID]; known {
		return
	}
	m.was[principalID], m.isIn[principalID] = isIn, isIn
	m.mentioned = append(m.mentioned, principalID)
}

// settle writes the difference. Only people come in by a provider.
func (m *membership) settle(ctx context.Context, changed map[string]any) error {
	var added, removed []string
	o, g := m.group.OrganizationID, m.group.ID
	for _, principalID := range m.mentioned {
		switch is, was := m.isIn[principalID], m.was[principalID]; {
		case is && !was:
			if _, err := m.User(ctx, o, principalID); err != nil {
				return notFoundAsInvalid(err, "members")
			}
			if err := m.InsertGroupMember(ctx, GroupMember{
				OrganizationID: o, GroupID: g, PrincipalID: principalID, PrincipalKind: PrincipalUser, CreatedAt: m.service.Now(),
			}); err != nil {
				return err
			}
			added = append(added, principalID)
		case was && !is:
			if err := m.DeleteGroupMember(ctx, o, g, principalID); err != nil {
				return err
			}
			removed = append(removed, principalID)
		}
	}
	if len(added) > 0 {
		changed["members_added"] = added
	}
	if len(removed) > 0 {
		changed["members_removed"] = removed
	}
	return nil
}

// memberIDs returns everybody in a group, in the order in which they came.
func memberIDs(ctx context.Context, r Reader, g *Group) ([]string, error) {
	var ids []string
	page := Page{Limit: 1000, Ascending: true}
	for {
		rows, err := r.GroupMembers(ctx, g.OrganizationID, g.ID, page)
		if err != nil {
			return nil, err
		}
		for _, m := range rows.Items {
			ids = append(ids, m.PrincipalID)
		}
		if !rows.More {
			return ids, nil
		}
		page.After = ids[len(ids)-1]
	}
}

// DeleteDirectoryGroup removes a group that a provider keeps.
func (s *Service) DeleteDirectoryGroup(ctx context.Context, actor audit.Actor, groupID string, unchanged Unchanged) error {
	return s.update(ctx, actor, func(tx Tx) error {
		g, err := directoryGroup(ctx, tx, actor.OrganizationID, groupID)
		if err != nil {
			return err
		}
		if err := unchanged.check(g.ChangedAt()); err != nil {
			return err
		}
		tx.Record(event(audit.GroupDeleted, nil, details{ID: groupID}))
		return keepsOwner(ctx, tx, actor.OrganizationID, func() error { return tx.DeleteGroup(ctx, actor.OrganizationID, groupID) })
	})
}

// DirectoryGroup returns one group that a provider keeps.
func (s *Service) DirectoryGroup(ctx context.Context, organizationID, groupID string) (Group, error) {
	return view(ctx, s.Store, func(r Reader) (Group, error) { return directoryGroup(ctx, r, organizationID, groupID) })
}

// DirectoryGroups lists the groups that a provider keeps.
func (s *Service) DirectoryGroups(ctx context.Context, organizationID string, f DirectoryFilter) (DirectoryRows[Group], error) {
	return view(ctx, s.Store, func(r Reader) (DirectoryRows[Group], error) { return r.DirectoryGroups(ctx, organizationID, f) })
}

// memberBatch is how many principals are looked up at once.
const memberBatch = 500

// DirectoryMembers returns the people in a group, in the order in which they
// came; of nil among, everybody, else those of its ids that are in.
func (s *Service) DirectoryMembers(ctx context.Context, organizationID, groupID string, among []string) ([]User, error) {
	return view(ctx, s.Store, func(r Reader) ([]User, error) {
		g, err := directoryGroup(ctx, r, organizationID, groupID)
		if err != nil {
			return nil, err
		}
		ids := []string{}
		if among == nil {
			if ids, err = memberIDs(ctx, r, &g); err != nil {
				return nil, err
			}
		}
		for _, principalID := range among {
			switch _, err := r.GroupMember(ctx, organizationID, groupID, principalID); {
			case err == nil:
				ids = append(ids, principalID)
			case !fault.Is(err, fault.NotFound):
				return nil, err
			}
		}
		people := make([]User, 0, len(ids))
		for batch := range slices.Chunk(ids, memberBatch) {
			found, err := principals(ctx, r, organizationID, batch)
			if err != nil {
				return nil, err
			}
			for _, p := range found {
				if p.User != nil {
					people = append(people, *p.User)
				}
			}
		}
		return people, nil
	})
}

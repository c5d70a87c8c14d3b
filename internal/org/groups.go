package org

import (
	"context"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/id"
)

// maxGroupName bounds the name of a group, in characters, as OpenAI's API does.
const maxGroupName = 255

func checkGroupName(name string) error {
	if err := checkName("name", name); err != nil {
		return err
	}
	return checkLength("name", name, maxGroupName)
}

func groupNamed(name string) map[string]any { return map[string]any{"group_name": name} }

// CreateGroup makes an empty group.
func (s *Service) CreateGroup(ctx context.Context, actor audit.Actor, name string) (Group, error) {
	if err := checkGroupName(name); err != nil {
		return Group{}, err
	}
	g := Group{ID: id.New(id.Group), OrganizationID: actor.OrganizationID, Name: name, CreatedAt: s.Now()}
	err := s.update(ctx, actor, func(tx Tx) error {
		tx.Record(event(audit.GroupCreated, nil, details{ID: g.ID, Data: groupNamed(g.Name)}))
		return tx.InsertGroup(ctx, g)
	})
	return g, err
}

// changeableGroup returns the group unless an identity provider keeps it.
func changeableGroup(ctx context.Context, r Reader, organizationID, groupID string) (Group, error) {
	g, err := r.Group(ctx, organizationID, groupID)
	if err == nil && g.SCIMManaged {
		err = fault.Invalidf("scim_managed", "", "The group '%s' is kept by your identity provider and is changed there.", g.Name)
	}
	return g, err
}

// RenameGroup gives the group another name.
func (s *Service) RenameGroup(ctx context.Context, actor audit.Actor, groupID, name string) (Group, error) {
	if err := checkGroupName(name); err != nil {
		return Group{}, err
	}
	var g Group
	err := s.update(ctx, actor, func(tx Tx) error {
		var err error
		if g, err = changeableGroup(ctx, tx, actor.OrganizationID, groupID); err != nil {
			return err
		}
		g.Name = name
		tx.Record(event(audit.GroupUpdated, nil, details{ID: g.ID, Changes: groupNamed(g.Name)}))
		return tx.UpdateGroup(ctx, g)
	})
	return g, err
}

// DeleteGroup removes the group; what its members held through it ends.
func (s *Service) DeleteGroup(ctx context.Context, actor audit.Actor, groupID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		if _, err := changeableGroup(ctx, tx, actor.OrganizationID, groupID); err != nil {
			return err
		}
		tx.Record(event(audit.GroupDeleted, nil, details{ID: groupID}))
		return keepsOwner(ctx, tx, actor.OrganizationID, func() error { return tx.DeleteGroup(ctx, actor.OrganizationID, groupID) })
	})
}

// Group returns one group.
func (s *Service) Group(ctx context.Context, organizationID, groupID string) (Group, error) {
	return view(ctx, s.Store, func(r Reader) (Group, error) { return r.Group(ctx, organizationID, groupID) })
}

// Groups of an organization.
func (s *Service) Groups(ctx context.Context, organizationID string, p Page) (Rows[Group], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[Group], error) { return r.Groups(ctx, organizationID, p) })
}

// AddGroupMember puts a user or service account into a group, and so into all
// that the group holds.
func (s *Service) AddGroupMember(ctx context.Context, by Grantor, groupID, principalID string) (GroupMember, error) {
	var m GroupMember
	err := s.update(ctx, by.Actor, func(tx Tx) error {
		if _, err := changeableGroup(ctx, tx, by.OrganizationID, groupID); err != nil {
			return err
		}
		kind, err := principalKind(ctx, tx, by.OrganizationID, principalID)
		if err != nil {
			return withParam(err, "user_id")
		}
		held, err := tx.Holdings(ctx, by.OrganizationID, groupID)
		if err != nil {
			return err
		}
		if err := by.mayGrantStanding(held); err != nil {
			return err
		}
		workspaces, err := tx.MembershipsOf(ctx, by.OrganizationID, groupID)
		if err != nil {
			return err
		}
		if err := by.mayGrantMemberships(workspaces); err != nil {
			return err
		}
		m = GroupMember{
			OrganizationID: by.OrganizationID, GroupID: groupID, PrincipalID: principalID, PrincipalKind: kind, CreatedAt: s.Now(),
		}
		tx.Record(event(audit.GroupUpdated, nil, details{ID: groupID, Changes: map[string]any{"members_added": []string{principalID}}}))
		return tx.InsertGroupMember(ctx, m)
	})
	return m, err
}

// RemoveGroupMember takes a principal out of a group.
func (s *Service) RemoveGroupMember(ctx context.Context, actor audit.Actor, groupID, principalID string) error {
	return s.update(ctx, actor, func(tx Tx) error {
		if _, err := changeableGroup(ctx, tx, actor.OrganizationID, groupID); err != nil {
			return err
		}
		tx.Record(event(audit.GroupUpdated, nil, details{ID: groupID, Changes: map[string]any{"members_removed": []string{principalID}}}))
		return keepsOwner(ctx, tx, actor.OrganizationID, func() error {
			return tx.DeleteGroupMember(ctx, actor.OrganizationID, groupID, principalID)
		})
	})
}

// GroupMembers lists who is in a group. A member that was deleted meanwhile is
// in no group.
func (s *Service) GroupMembers(ctx context.Context, organizationID, groupID string, p Page) (Rows[Principal], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[Principal], error) {
		if _, err := r.Group(ctx, organizationID, groupID); err != nil {
			return Rows[Principal]{}, err
		}
		rows, err := r.GroupMembers(ctx, organizationID, groupID, p)
		if err != nil {
			return Rows[Principal]{}, err
		}
		ids := make([]string, len(rows.Items))
		for i, m := range rows.Items {
			ids[i] = m.PrincipalID
		}
		found, err := principals(ctx, r, organizationID, ids)
		return Rows[Principal]{Items: found, More: rows.More}, err
	})
}

// GroupMember returns one member of a group.
func (s *Service) GroupMember(ctx context.Context, organizationID, groupID, principalID string) (Principal, error) {
	return view(ctx, s.Store, func(r Reader) (Principal, error) {
		if _, err := r.Group(ctx, organizationID, groupID); err != nil {
			return Principal{}, err
		}
		if _, err := r.GroupMember(ctx, organizationID, groupID, principalID); err != nil {
			return Principal{}, err
		}
		found, err := principals(ctx, r, organizationID, []string{principalID})
		if err == nil && len(found) == 0 {
			err = fault.NotFoundf("Group member with ID '%s' not found.", principalID)
		}
		if err != nil {
			return Principal{}, err
		}
		return found[0], nil
	})
}

// principals returns the users and service accounts with these ids, in their
// order.
func principals(ctx context.Context, r Reader, organizationID string, ids []string) ([]Principal, error) {
	users, err := r.UsersByID(ctx, organizationID, ids)
	if err != nil {
		return nil, err
	}
	accounts, err := r.ServiceAccountsByID(ctx, organizationID, ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]Principal, len(ids))
	for i := range users {
		byID[users[i].ID] = Principal{User: &users[i]}
	}
	for i := range accounts {
		byID[accounts[i].ID] = Principal{Account: &accounts[i]}
	}
	found := make([]Principal, 0, len(ids))
	for _, principalID := range ids {
		if p, ok := byID[principalID]; ok {
			found = append(found, p)
		}
	}
	return found, nil
}

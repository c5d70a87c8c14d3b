package org

import (
	"context"
	"slices"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/fault"
)

// GroupRules say which groups a provider's word puts people into and takes them
// out of. Groups are meant by name; of several with one name, the oldest.
type GroupRules struct {
	Mapped []string // all that the provider can speak of; others are left alone
	// Owners are those of the mapped groups that may let somebody manage the
	// organization. Others that would are left alone.
	Owners []string
}

// followGroups makes a user a member of those mapped groups that the provider
// says, and of no other mapped one. It leaves alone groups that SCIM keeps, and
// an organization's last owner where he is.
func (s *Service) followGroups(ctx context.Context, tx Tx, rules ProviderRules, userID string, says []string) ([]audit.Event, error) {
	if len(rules.Groups.Mapped) == 0 {
		return nil, nil
	}
	groups, err := tx.GroupsByName(ctx, rules.OrganizationID, rules.Groups.Mapped)
	if err != nil {
		return nil, err
	}
	memberOf, err := tx.GroupsOf(ctx, rules.OrganizationID, userID)
	if err != nil {
		return nil, err
	}
	var events []audit.Event
	seen := map[string]bool{}
	for _, g := range groups { // the oldest first
		if seen[g.Name] || g.SCIMManaged {
			continue
		}
		seen[g.Name] = true
		is, shall := slices.Contains(memberOf, g.ID), slices.Contains(says, g.Name)
		if is == shall {
			continue
		}
		if left, err := rules.leavesAlone(ctx, tx, &g); err != nil || left {
			if err != nil {
				return nil, err
			}
			continue
		}
		e, err := s.changeMembership(ctx, tx, &g, userID, shall)
		if err != nil {
			return nil, err
		}
		events = append(events, e...)
	}
	return events, nil
}

// leavesAlone reports whether a group gives more than the provider may give.
func (r ProviderRules) leavesAlone(ctx context.Context, tx Tx, g *Group) (bool, error) {
	if slices.Contains(r.Groups.Owners, g.Name) {
		return false, nil
	}
	holdings, err := tx.Holdings(ctx, g.OrganizationID, g.ID)
	for _, h := range holdings {
		holds := access.NewSet(h.Permissions...)
		if role, ok := access.ParseRoleID(h.RoleID); ok {
			holds = role.Permissions()
		}
		if h.ProjectID == "" && holds.Has(access.ManagementWrite) {
			return true, nil
		}
	}
	return false, err
}

func (s *Service) changeMembership(ctx context.Context, tx Tx, g *Group, userID string, join bool) ([]audit.Event, error) {
	m := GroupMember{OrganizationID: g.OrganizationID, GroupID: g.ID, PrincipalID: userID, PrincipalKind: PrincipalUser, CreatedAt: s.Now()}
	change := "members_added"
	if join {
		if err := tx.InsertGroupMember(ctx, m); err != nil {
			return nil, err
		}
	} else {
		change = "members_removed"
		known, err := tx.GroupMember(ctx, g.OrganizationID, g.ID, userID)
		if err != nil {
			return nil, err
		}
		err = keepsOwner(ctx, tx, g.OrganizationID, func() error { return tx.DeleteGroupMember(ctx, g.OrganizationID, g.ID, userID) })
		if refusal := fault.Of(err); refusal != nil && refusal.Code == "last_owner" {
			return nil, tx.InsertGroupMember(ctx, known) // better in than nobody
		}
		if err != nil {
			return nil, err
		}
	}
	return []audit.Event{event(audit.GroupUpdated, nil, details{ID: g.ID, Changes: map[string]any{change: []string{userID}}})}, nil
}

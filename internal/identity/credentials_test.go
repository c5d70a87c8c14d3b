package identity_test

import (
	"testing"

	"weir/internal/access"
	"weir/internal/endpoint/endpointtest"
	"weir/internal/fault"
	"weir/internal/identity"
)

// Whoever resets a password can become its owner: somebody who may manage people
// but not all that an owner may do must not.
func TestNobodyResetsTheirWayUp(t *testing.T) {
	env := endpointtest.New(t)
	service := newService(env)
	caller, err := service.ByKey(t.Context(), env.AdminKey, browser)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := service.StartPasswordReset(t.Context(), &caller, env.Owner.ID); err != nil {
		t.Error("an owner for an owner:", err)
	}
	for name, held := range map[string]access.Grants{
		"a manager of people":             {Organization: access.NewSet(access.ManagementRead, access.ManagementWrite)},
		"an owner of every project":       {Projects: map[string]access.Set{env.Organization.DefaultProjectID: access.OrganizationOwner.Permissions()}},
		"an admin of a workspace":         {Organization: access.NewSet(access.ManagementWrite), Workspaces: map[string]access.Set{"ws": access.WorkspaceAdmin.Permissions()}},
		"somebody with nothing":           {},
		"an owner but for one permission": {Organization: without(access.OrganizationOwner.Permissions(), access.RequestsRead)},
	} {
		caller := identity.Caller{Actor: caller.Actor, User: caller.User, Grants: held}
		if _, _, err := service.StartPasswordReset(t.Context(), &caller, env.Owner.ID); !fault.Is(err, fault.Forbidden) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func without(s access.Set, p access.Permission) access.Set {
	delete(s, p)
	return s
}

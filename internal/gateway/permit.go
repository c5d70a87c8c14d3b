package gateway

import (
	"slices"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/org"
	"weir/internal/routing"
	"weir/internal/verdict"
)

// target is what the request asks for, once it is known that it may: a model
// endpoint, or the places that serve a model, or any place for a request that
// names no model.
type target struct {
	workspace *routing.Workspace
	endpoint  *routing.ModelEndpoint // nil: places
	places    []place
}

// permit decides whether the key may do this: its project, what its owner holds
// there, its scopes, the workspace, and the model it names.
func (x *exchange) permit() error {
	var err error
	if x.project.Archived() {
		err = errArchived(x.project)
	}
	if err = x.judge(verdict.Project, x.project.ID, err); err != nil {
		return err
	}
	needs := x.door.operation.needs
	if err := x.judge(verdict.KeyScopes, x.key.ID, keyCovers(x.key, needs)); err != nil {
		return err
	}
	if err := x.judge(verdict.OwnerRoles, ownerOf(x.key), ownerHolds(x.key, x.held, needs)); err != nil {
		return err
	}
	switch {
	case x.door.endpoint != "":
		err = x.permitAddress()
	case x.event.ModelAsked != "":
		err = x.permitModel(x.event.ModelAsked)
	default:
		x.target.places = x.admitted(x.in.all)
		if len(x.target.places) == 0 {
			err = fault.NotFoundf("No connection of this project's workspaces can take %s %s.", x.r.Method, x.r.URL.Path)
		}
	}
	var endpointID string
	if x.target.endpoint != nil {
		endpointID = x.target.endpoint.ID
	}
	if err = x.judge(verdict.Model, endpointID, err); err != nil {
		return err
	}
	if x.target.workspace == nil {
		x.target.workspace = x.target.places[0].workspace
	}
	x.event.WorkspaceID = x.target.workspace.ID
	return nil
}

// scoped refuses a key whose owner may not do this in the project, and a
// restricted key without the permission.
func scoped(key *org.APIKey, held access.Mask, needs access.Permission) error {
	if err := keyCovers(key, needs); err != nil {
		return err
	}
	return ownerHolds(key, held, needs)
}

func keyCovers(key *org.APIKey, needs access.Permission) error {
	if access.Covers(key.Scopes, needs) {
		return nil
	}
	return fault.New(fault.Forbidden, "insufficient_permissions", "", "You have insufficient permissions for this operation. Missing scopes: %s. Check that the key, if it is restricted, has the necessary scopes.", needs)
}

func ownerHolds(key *org.APIKey, held access.Mask, needs access.Permission) error {
	if held.Has(needs) {
		return nil
	}
	return fault.New(fault.Forbidden, "insufficient_permissions", "", "You have insufficient permissions for this operation. Missing scopes: %s. Check that the owner of the key has the necessary role in the project %s.", needs, key.ProjectID)
}

// permitAddress finds the endpoint whose own address was called.
func (x *exchange) permitAddress() error {
	w := x.in.workspaces[x.door.workspace]
	if w == nil {
		return errNoModel(x.door.workspace + "/" + x.door.endpoint)
	}
	if !w.Admits(x.project.ID) {
		return errWorkspace(x.project, w)
	}
	for _, m := range x.in.endpoints[x.door.endpoint] {
		if m.WorkspaceID == w.ID && m.Enabled {
			x.target = target{workspace: w, endpoint: m}
			return nil
		}
	}
	return errNoModel(x.door.workspace + "/" + x.door.endpoint)
}

// permitModel finds what serves a model name: in the default workspace, else in
// others, an endpoint of that name, else connections that serve the provider's
// model of that name.
func (x *exchange) permitModel(name string) error {
	var found []*routing.ModelEndpoint
	for _, m := range x.in.endpoints[name] {
		w := x.in.byID[m.WorkspaceID]
		if m.Enabled && w != nil && w.Admits(x.project.ID) {
			found = append(found, m)
		}
	}
	// Names are taken by any member of a workspace, and connections made by who
	// manages one: neither draws calls away from what the default workspace serves.
	if len(found) == 0 || x.in.byID[found[0].WorkspaceID].Name != routing.DefaultWorkspace {
		x.target.places = x.admitted(x.in.served[name])
		if len(x.target.places) > 0 && x.target.places[0].workspace.Name == routing.DefaultWorkspace {
			return nil
		}
	}
	if len(found) > 0 {
		w := x.in.byID[found[0].WorkspaceID] // the default workspace, if it is among them
		if len(found) > 1 && w.Name != routing.DefaultWorkspace {
			return fault.Invalidf("ambiguous_model", "model", "The model '%s' is a model endpoint of more than one workspace. Call it by its own address, /{workspace}/models/%s.", name, name)
		}
		x.target = target{workspace: w, endpoint: found[0]}
		return nil
	}
	if len(x.target.places) == 0 {
		return errNoModel(name)
	}
	return nil
}

// admitted keeps the places whose workspace the project may use: only those of the
// default workspace where there are any. A connection that stands in several
// workspaces counts once.
func (x *exchange) admitted(places []place) []place {
	var kept []place
	for _, p := range places {
		if len(kept) > 0 && kept[0].workspace.Name == routing.DefaultWorkspace && p.workspace.Name != routing.DefaultWorkspace {
			break // they come last
		}
		if p.workspace.Admits(x.project.ID) && !slices.ContainsFunc(kept, func(q place) bool { return q.connection == p.connection }) {
			kept = append(kept, p)
		}
	}
	return kept
}

func errArchived(p *org.Project) error {
	return fault.New(fault.Forbidden, "project_archived", "", "The project %s is archived.", p.ID)
}

func errWorkspace(p *org.Project, w *routing.Workspace) error {
	return fault.New(fault.Forbidden, "workspace_forbidden", "", "The project %s may not use the workspace '%s'.", p.ID, w.Name)
}

func errNoModel(name string) error {
	return fault.New(fault.NotFound, "model_not_found", "", "The model `%s` does not exist or you do not have access to it.", name)
}

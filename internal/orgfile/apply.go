package orgfile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"weir/internal/apiclient"
)

const (
	projectsPath = "/v1/organization/projects"
	groupsPath   = "/v1/organization/groups"
	usersPath    = "/v1/organization/users"
)

// rootPath is where roles and assignments are, of the organization ("") or a
// project.
func rootPath(projectID string) string {
	if projectID == "" {
		return "/v1/organization"
	}
	return "/v1" + apiclient.Path("projects", projectID)
}

func rolesPath(projectID string) string { return rootPath(projectID) + "/roles" }

func assignmentsPath(projectID string, of Holder, holderID string) string {
	kind := "users"
	if of.Group != "" {
		kind = "groups"
	}
	return rootPath(projectID) + apiclient.Path(kind, holderID, "roles")
}

// ErrChanged refuses a step whose object is no longer as the plan found it.
var ErrChanged = errors.New("it has changed since the plan was made; nothing was done to it. Apply again for a new plan")

// Run carries plans out.
type Run struct {
	API   *apiclient.Client
	World World
	State *State
	Owner string
	Done  func(Change) // after each step
	// Secret reads a secret that the file names.
	Secret func(Secret) (string, error)
}

// Apply makes the changes of a plan in their order and stops at the first that
// fails. It returns how many were made.
func (r *Run) Apply(ctx context.Context, p Plan) (done int, err error) {
	owned := slices.Clone(r.State.Owned(r.World.OrganizationID, r.Owner))
	// A state that cannot be kept is better known before the first object is made.
	if err := r.State.Set(r.World.OrganizationID, r.Owner, owned); err != nil {
		return 0, err
	}
	for _, c := range p.Changes {
		for name, at := range c.want.secrets {
			if _, err := r.Secret(at); err != nil {
				return 0, fmt.Errorf("the %s of the %s: %w", name, c.Ref, err)
			}
		}
	}
	for i, c := range p.Changes {
		id, err := r.step(ctx, c)
		if err != nil {
			if c.Action == Create && id != "" { // made, and then something else failed
				owned = append(owned, Entry{c.Ref, id})
				err = errors.Join(err, r.State.Set(r.World.OrganizationID, r.Owner, owned))
			}
			return i, fmt.Errorf("%s: %w", c.String(), err)
		}
		switch c.Action {
		case Create:
			owned = append(owned, Entry{c.Ref, id})
		case Delete:
			owned = slices.DeleteFunc(owned, func(e Entry) bool {
				return e.Kind == c.Kind && e.ID == c.have.ID || slices.Contains(e.needs(), c.Ref)
			})
		}
		if c.Action != Update {
			if err := r.State.Set(r.World.OrganizationID, r.Owner, owned); err != nil {
				return i + 1, err
			}
		}
		r.Done(c)
	}
	return len(p.Changes), nil
}

// step makes one change, when its object is still as it was, and returns the id of
// what it made.
func (r *Run) step(ctx context.Context, c Change) (id string, err error) {
	now, there, err := r.observe(ctx, c)
	switch {
	case err != nil:
		return "", err
	case there != (c.have.ID != ""), there && !sameFields(now.Fields, c.have.Fields):
		return "", ErrChanged
	}
	switch {
	case c.Kind == KindSpendAlert:
		return r.alert(ctx, c)
	case c.Kind.isCertificate():
		return r.certify(ctx, c)
	case c.Kind.isRouting():
		return r.route(ctx, c)
	case c.Kind.isSetting() && c.Action == Delete:
		return c.have.ID, r.reset(ctx, c)
	case c.Kind.isSetting():
		return r.set(ctx, c)
	}
	switch c.Action {
	case Create:
		return r.create(ctx, c)
	case Update: // roles are all that has something to change
		_, err = r.API.Post(ctx, r.pathOf(c), roleBody(c.want))
	case Delete:
		if c.Kind == KindProject {
			_, err = r.API.Post(ctx, r.pathOf(c)+"/archive", nil)
		} else {
			_, err = r.API.Delete(ctx, r.pathOf(c), nil)
		}
	}
	return c.have.ID, err
}

func roleBody(o Object) map[string]any {
	return map[string]any{"role_name": o.Name, "description": o.text("description"), "permissions": o.texts("permissions")}
}

func (r *Run) project(name string) string { return r.World.IDs[Ref{Kind: KindProject, Name: name}] }

func (r *Run) holder(h Holder) string {
	if account, ok := h.account(); ok {
		return r.World.IDs[account]
	}
	if h.Group != "" {
		return r.World.IDs[Ref{Kind: KindGroup, Name: h.Group}]
	}
	return r.World.Users[h.User]
}

// listOf is the path of the list that an object is in.
func (r *Run) listOf(ref Ref) string {
	switch ref.Kind {
	case KindProject:
		return projectsPath
	case KindRole:
		return rolesPath(r.project(ref.Project))
	case KindServiceAccount:
		return projectsPath + apiclient.Path(r.project(ref.Project), "service_accounts")
	case KindMember:
		return groupsPath + apiclient.Path(r.World.IDs[Ref{Kind: KindGroup, Name: ref.Name}], "users")
	case KindAssignment:
		return assignmentsPath(r.project(ref.Project), ref.Holder, r.holder(ref.Holder))
	}
	return groupsPath
}

// pathOf is the path of an object that is there, or of a member or assignment
// that may be.
func (r *Run) pathOf(c Change) string {
	id := c.have.ID
	switch c.Kind {
	case KindMember:
		id = r.holder(c.Holder)
	case KindAssignment:
		id = r.World.IDs[Ref{Kind: KindRole, Project: c.Project, Name: c.Name}]
	}
	return r.listOf(c.Ref) + apiclient.Path(id)
}

// observe reads the object of a step again.
func (r *Run) observe(ctx context.Context, c Change) (o Object, there bool, err error) {
	if c.Kind.isSetting() {
		return r.observeSetting(ctx, c)
	}
	if c.Kind == KindSpendAlert {
		return r.observeAlert(ctx, c)
	}
	if c.Kind.isCertificate() {
		return r.observeCertificate(ctx, c)
	}
	if c.Kind.isRouting() {
		return r.observeRouting(ctx, c)
	}
	if c.Action == Create && c.Kind != KindMember && c.Kind != KindAssignment {
		items, err := list(ctx, r.API, r.listOf(c.Ref), nil)
		i := slices.IndexFunc(items, func(it item) bool { return it.Name == c.Name })
		return Object{}, i >= 0, err
	}
	raw, err := r.API.Get(ctx, r.pathOf(c), nil)
	var refused *apiclient.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound {
		return Object{}, false, nil
	}
	if err != nil {
		return Object{}, false, err
	}
	it, err := readItem(raw)
	if c.Kind == KindMember || c.Kind == KindAssignment {
		return Object{}, true, nil
	}
	return it.object(c.Ref), it.Name == c.Name && it.Status != "archived", err
}

func (r *Run) create(ctx context.Context, c Change) (id string, err error) {
	body := map[string]any{"name": c.Name}
	switch c.Kind {
	case KindProject:
		if residency := c.want.text("residency"); residency != "" {
			body["residency"] = residency
		}
	case KindRole:
		body = roleBody(c.want)
	case KindServiceAccount:
		body["create_service_account_only"] = true // keys are made by hand
	case KindMember:
		body = map[string]any{"user_id": r.holder(c.Holder)}
	case KindAssignment:
		body = map[string]any{"role_id": r.World.IDs[Ref{Kind: KindRole, Project: c.Project, Name: c.Name}]}
	}
	raw, err := r.API.Post(ctx, r.listOf(c.Ref), body)
	if err != nil {
		return "", err
	}
	switch c.Kind {
	case KindMember:
		return r.World.IDs[Ref{Kind: KindGroup, Name: c.Name}] + "/" + r.holder(c.Holder), nil
	case KindAssignment:
		return r.project(c.Project) + "/" + body["role_id"].(string) + "/" + r.holder(c.Holder), nil
	}
	var made struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(raw, &made); err != nil || made.ID == "" {
		return "", errors.New("weir does not say which id it has")
	}
	r.World.IDs[c.Ref] = made.ID
	if c.Kind == KindProject {
		return made.ID, r.learnRoles(ctx, c.Ref)
	}
	return made.ID, nil
}

// learnRoles finds the ids of the roles that a new project comes with.
func (r *Run) learnRoles(ctx context.Context, project Ref) error {
	roles, err := list(ctx, r.API, r.listOf(Ref{Kind: KindRole, Project: project.Name}), nil)
	for _, it := range roles {
		r.World.IDs[Ref{Kind: KindRole, Project: project.Name, Name: it.Name}] = it.ID
	}
	return err
}

package orgfile

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"

	"weir/internal/apiclient"
)

// Reader reads an organization over the API.
type Reader struct {
	api   *apiclient.Client
	world World

	// What is read; nil is all of it.
	emails, projects, groups map[string]bool
	owned                    Owned
	accounts                 map[string]Ref // by id
}

// ReadAll reads all of an organization that a file can say.
func ReadAll(ctx context.Context, api *apiclient.Client) (World, error) {
	return (&Reader{api: api}).read(ctx)
}

// ReadFor reads what the objects and what is owned are about: of people,
// projects and groups that neither names, nothing.
func ReadFor(ctx context.Context, api *apiclient.Client, want []Object, owned Owned) (World, error) {
	r := &Reader{api: api, owned: owned, emails: map[string]bool{}, projects: map[string]bool{}, groups: map[string]bool{}}
	for _, o := range want {
		r.include(o.Ref)
	}
	for _, e := range owned {
		r.include(e.Ref)
	}
	return r.read(ctx)
}

// OrganizationID returns the id of the organization that the key is of.
func OrganizationID(ctx context.Context, api *apiclient.Client) (string, error) {
	raw, err := api.Get(ctx, "/weir/v1/me", nil)
	if err != nil {
		return "", err
	}
	var me struct {
		Organization struct {
			ID string `json:"id"`
		} `json:"organization"`
	}
	if err := json.Unmarshal(raw, &me); err != nil || me.Organization.ID == "" {
		return "", fmt.Errorf("weir does not say which organization the key is of")
	}
	return me.Organization.ID, nil
}

func (r *Reader) include(ref Ref) {
	if ref.Holder.User != "" {
		r.emails[ref.Holder.User] = true
	}
	for _, needed := range append(ref.needs(), ref) {
		if needed.Kind == KindProject {
			r.projects[needed.Name] = true
		}
		if needed.Kind == KindGroup {
			r.groups[needed.Name] = true
		}
	}
}

// wants reports whether something is read: it is named, or owned under another
// name by now.
func (r *Reader) wants(names map[string]bool, kind Kind, name, id string) bool {
	return names == nil || names[name] || r.owned.has(kind, id)
}

// item is what the lists of the API tell about things, as far as it matters.
type item struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Email       *string  `json:"email"`
	Status      string   `json:"status"`
	Residency   string   `json:"residency"`
	Description *string  `json:"description"`
	Permissions []string `json:"permissions"`
	Predefined  bool     `json:"predefined_role"`
	SCIM        bool     `json:"is_scim_managed"`
	Active      bool     `json:"active"`
	GroupID     string   `json:"group_id"`
	GroupName   string   `json:"group_name"`
}

func list(ctx context.Context, api *apiclient.Client, path string, query url.Values) ([]item, error) {
	if query == nil {
		query = url.Values{}
	}
	query.Set("limit", "100")
	raw, err := apiclient.Collect(api.List(ctx, path, query))
	if err != nil {
		return nil, err
	}
	items := make([]item, len(raw))
	for i := range raw {
		if items[i], err = readItem(raw[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return items, nil
}

func readItem(raw json.RawMessage) (it item, err error) {
	err = json.Unmarshal(raw, &it)
	if err == nil && it.ID == "" && it.GroupID == "" {
		err = fmt.Errorf("an object without an id")
	}
	return it, err
}

// object is what the API's object of a kind says beside its name.
func (it item) object(ref Ref) Object {
	o := Object{Ref: ref}
	switch ref.Kind {
	case KindProject:
		o.Fields = []Field{{"residency", it.Residency}}
	case KindRole:
		description := ""
		if it.Description != nil {
			description = *it.Description
		}
		o.Fields = []Field{{"description", description}, {"permissions", append([]string{}, slices.Sorted(slices.Values(it.Permissions))...)}}
	}
	return o
}

func (r *Reader) read(ctx context.Context) (World, error) {
	r.world = World{Objects: map[Ref]Actual{}, IDs: map[Ref]string{}, Users: map[string]string{}, Ambiguous: map[Ref]int{}}
	r.accounts = map[string]Ref{}
	var err error
	if r.world.OrganizationID, err = OrganizationID(ctx, r.api); err != nil {
		return World{}, err
	}
	for _, part := range []func(context.Context) error{r.readProjects, r.readUsers, r.readGroups, r.readRouting, r.readCertificates} {
		if err := part(ctx); err != nil {
			return World{}, err
		}
	}
	return r.world, nil
}

func (r *Reader) add(ref Ref, it item) {
	r.world.Ambiguous[ref]++
	r.world.Objects[ref] = Actual{Object: it.object(ref), ID: it.ID}
	r.world.IDs[ref] = it.ID
}

func (r *Reader) readRoles(ctx context.Context, project Ref) error {
	roles, err := list(ctx, r.api, rolesPath(r.world.IDs[project]), nil)
	for _, it := range roles {
		ref := Ref{Kind: KindRole, Project: project.Name, Name: it.Name}
		r.world.IDs[ref] = it.ID
		if !it.Predefined {
			r.add(ref, it)
		}
	}
	return err
}

func (r *Reader) readProjects(ctx context.Context) error {
	if err := r.readRoles(ctx, Ref{}); err != nil {
		return err
	}
	if err := r.readSettingsOf(ctx, ""); err != nil {
		return err
	}
	projects, err := list(ctx, r.api, projectsPath, nil)
	if err != nil {
		return err
	}
	for _, it := range projects {
		ref := Ref{Kind: KindProject, Name: it.Name}
		r.world.IDs[ref] = it.ID
		if !r.wants(r.projects, KindProject, it.Name, it.ID) {
			continue
		}
		if r.add(ref, it); r.world.Ambiguous[ref] > 1 {
			continue
		}
		if err := r.readRoles(ctx, ref); err != nil {
			return err
		}
		if err := r.readSettingsOf(ctx, it.Name); err != nil {
			return err
		}
		accounts, err := list(ctx, r.api, projectsPath+apiclient.Path(it.ID, "service_accounts"), nil)
		if err != nil {
			return err
		}
		for _, account := range accounts {
			accountRef := Ref{Kind: KindServiceAccount, Project: it.Name, Name: account.Name}
			r.add(accountRef, account)
			r.accounts[account.ID] = accountRef
			if err := r.readAssignments(ctx, it.Name, Holder{Project: it.Name, Account: account.Name}, account.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// people returns the persons that are read. The API finds an address as it was
// written when the person was invited; who is not found so is looked for in the
// whole list, since weir takes no notice of capitals elsewhere.
func (r *Reader) people(ctx context.Context) ([]item, error) {
	var found []item
	seen := map[string]bool{}
	for email := range r.emails {
		items, err := list(ctx, r.api, usersPath, url.Values{"emails[]": {email}})
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			seen[email] = true
			found = append(found, it)
		}
	}
	if r.emails != nil && len(seen) == len(r.emails) {
		return found, nil
	}
	all, err := list(ctx, r.api, usersPath, nil)
	return slices.DeleteFunc(all, func(it item) bool {
		return it.Email == nil || r.emails != nil && !r.emails[emailKey(*it.Email)]
	}), err
}

func (r *Reader) readUsers(ctx context.Context) error {
	people, err := r.people(ctx)
	if err != nil {
		return err
	}
	for _, it := range people {
		if it.Email == nil || *it.Email == "" {
			continue
		}
		email := emailKey(*it.Email)
		r.world.Users[email] = it.ID
		if err := r.readAssignments(ctx, "", Holder{User: email}, it.ID); err != nil {
			return err
		}
	}
	for _, project := range r.foundProjects() {
		members, err := list(ctx, r.api, projectsPath+apiclient.Path(r.world.IDs[project], "users"), nil)
		if err != nil {
			return err
		}
		for _, it := range members {
			if it.Email == nil || r.world.Users[emailKey(*it.Email)] != it.ID {
				continue
			}
			if err := r.readAssignments(ctx, project.Name, Holder{User: emailKey(*it.Email)}, it.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reader) foundProjects() (refs []Ref) {
	for ref := range r.world.Objects {
		if ref.Kind == KindProject {
			refs = append(refs, ref)
		}
	}
	slices.SortFunc(refs, Ref.compare)
	return refs
}

func (r *Reader) readGroups(ctx context.Context) error {
	groups, err := list(ctx, r.api, groupsPath, nil)
	if err != nil {
		return err
	}
	for _, it := range groups {
		ref := Ref{Kind: KindGroup, Name: it.Name}
		if !r.wants(r.groups, KindGroup, it.Name, it.ID) {
			continue
		}
		if r.add(ref, it); r.world.Ambiguous[ref] > 1 {
			continue
		}
		if err := r.readAssignments(ctx, "", Holder{Group: it.Name}, it.ID); err != nil {
			return err
		}
		if it.SCIM {
			continue // its members are the identity provider's to say
		}
		members, err := list(ctx, r.api, groupsPath+apiclient.Path(it.ID, "users"), nil)
		if err != nil {
			return err
		}
		for _, m := range members {
			holder := Holder{}
			if account, ok := r.accounts[m.ID]; ok {
				holder.Project, holder.Account = account.Project, account.Name
			} else if m.Email != nil {
				holder.User = emailKey(*m.Email)
			} else {
				continue // of a project that is archived, or not read
			}
			member := Ref{Kind: KindMember, Name: it.Name, Holder: holder}
			r.world.Objects[member] = Actual{Object: Object{Ref: member}, ID: it.ID + "/" + m.ID}
		}
	}
	for _, project := range r.foundProjects() {
		members, err := list(ctx, r.api, projectsPath+apiclient.Path(r.world.IDs[project], "groups"), nil)
		if err != nil {
			return err
		}
		for _, it := range members {
			if r.world.IDs[Ref{Kind: KindGroup, Name: it.GroupName}] != it.GroupID {
				continue
			}
			if err := r.readAssignments(ctx, project.Name, Holder{Group: it.GroupName}, it.GroupID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *Reader) readAssignments(ctx context.Context, project string, of Holder, holderID string) error {
	projectID := r.world.IDs[Ref{Kind: KindProject, Name: project}]
	roles, err := list(ctx, r.api, assignmentsPath(projectID, of, holderID), nil)
	for _, it := range roles {
		ref := Ref{Kind: KindAssignment, Project: project, Name: it.Name, Holder: of}
		r.world.Objects[ref] = Actual{Object: Object{Ref: ref}, ID: projectID + "/" + it.ID + "/" + holderID}
	}
	return err
}

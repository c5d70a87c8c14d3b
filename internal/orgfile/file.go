// Package orgfile holds what an organization should be like, as a file of YAML:
// its shape, the plan that leads from an organization to the file, and the
// calls that carry the plan out. docs/formats/organization-file.md describes the
// file.
package orgfile

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Version is the version of the file that is read and written.
const Version = 1

// File is an organization file. The order of the fields is the order in which
// they are written.
type File struct {
	Version        int             `yaml:"version"`
	Owner          string          `yaml:"owner"` // what an apply creates is owned under this name; "": nothing is owned
	Organization   Organization    `yaml:"organization"`
	Roles          []Role          `yaml:"roles"`
	Groups         []Group         `yaml:"groups"`
	Users          []User          `yaml:"users"`
	Projects       []Project       `yaml:"projects"`
	Workspaces     []Workspace     `yaml:"workspaces"`
	Connections    []Connection    `yaml:"connections"`
	ModelEndpoints []ModelEndpoint `yaml:"model_endpoints"`
	Certificates   []Certificate   `yaml:"certificates"`
}

// Role is a custom role, of the organization or of a project.
type Role struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Permissions []string `yaml:"permissions"`
}

// Group is a group of the organization, and what it holds there.
type Group struct {
	Name    string   `yaml:"name"`
	Members []Member `yaml:"members"`
	Roles   []string `yaml:"roles"`
}

// Member of a group: a person by e-mail address, or a service account of a
// project.
type Member struct {
	User           string `yaml:"user"`
	ServiceAccount string `yaml:"service_account"`
	Project        string `yaml:"project"` // of the service account
}

// User is a person of the organization, and the roles it holds in one place.
type User struct {
	Email string   `yaml:"email"`
	Roles []string `yaml:"roles"`
}

// Project is a project with what belongs to it.
type Project struct {
	Name             string            `yaml:"name"`
	Residency        string            `yaml:"residency"`
	SpendLimitCents  int64             `yaml:"spend_limit_cents"` // in a calendar month; 0: not in the file
	SpendAlerts      []SpendAlert      `yaml:"spend_alerts"`
	DataRetention    string            `yaml:"data_retention"`
	RateLimits       []RateLimit       `yaml:"rate_limits"`
	ModelPermissions *ModelPermissions `yaml:"model_permissions"`
	HostedTools      *HostedTools      `yaml:"hosted_tools"`
	ServiceTiers     *ServiceTiers     `yaml:"service_tiers"`
	Roles            []Role            `yaml:"roles"`
	ServiceAccounts  []ServiceAccount  `yaml:"service_accounts"`
	Users            []User            `yaml:"users"`
	Groups           []Holding         `yaml:"groups"`
}

// ServiceAccount is a service account of a project. Its keys are no part of the
// file.
type ServiceAccount struct {
	Name  string   `yaml:"name"`
	Roles []string `yaml:"roles"` // of the project
}

// Holding is what a group holds in a project.
type Holding struct {
	Name  string   `yaml:"name"`
	Roles []string `yaml:"roles"`
}

// emailKey is what tells one address from another, as weir compares them.
func emailKey(email string) string { return strings.ToLower(email) }

// Objects returns all that the file asks for, flat, in canonical order. Its error
// lists everything that is missing or said twice.
func (f *File) Objects() ([]Object, error) {
	c := collector{seen: map[Ref]bool{}}
	if f.Version != Version {
		c.problem("version: %d is not known; this weir reads version: %d", f.Version, Version)
	}
	c.alerts("", f.Organization.SpendAlerts)
	c.settings("", f.Organization.SpendLimitCents, f.Organization.DataRetention, f.Organization.RateLimits)
	c.roles("", f.Roles)
	for _, g := range f.Groups {
		group := Ref{Kind: KindGroup, Name: g.Name}
		c.add(group)
		for _, m := range g.Members {
			c.member(group, m)
		}
		c.assign("", Holder{Group: g.Name}, g.Roles)
	}
	c.users("", f.Users)
	for _, p := range f.Projects {
		c.add(Ref{Kind: KindProject, Name: p.Name}, Field{"residency", p.Residency})
		c.alerts(p.Name, p.SpendAlerts)
		c.projectSettings(p)
		c.roles(p.Name, p.Roles)
		for _, s := range p.ServiceAccounts {
			c.add(Ref{Kind: KindServiceAccount, Project: p.Name, Name: s.Name})
			c.assign(p.Name, Holder{Project: p.Name, Account: s.Name}, s.Roles)
		}
		c.users(p.Name, p.Users)
		for _, g := range p.Groups {
			if len(g.Roles) == 0 {
				c.problem("the group %q in the project %q has no roles: that says nothing", g.Name, p.Name)
			}
			c.assign(p.Name, Holder{Group: g.Name}, g.Roles)
		}
	}
	c.routing(f)
	c.certificates(f.Certificates)
	slices.SortFunc(c.objects, func(a, b Object) int { return a.Ref.compare(b.Ref) })
	return c.objects, joined(c.problems)
}

type collector struct {
	objects  []Object
	seen     map[Ref]bool
	problems []error
}

func (c *collector) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *collector) add(ref Ref, fields ...Field) {
	switch {
	case ref.Name == "" && (!ref.Kind.isSetting() || ref.Kind == KindRateLimit):
		c.problem("a %s without a name", ref.Kind)
	case c.seen[ref]:
		c.problem("the file has the %s twice", ref)
	default:
		c.seen[ref] = true
		c.objects = append(c.objects, Object{Ref: ref, Fields: fields})
	}
}

func (c *collector) roles(project string, roles []Role) {
	for _, r := range roles {
		permissions := slices.Compact(slices.Sorted(slices.Values(r.Permissions)))
		c.add(Ref{Kind: KindRole, Project: project, Name: r.Name},
			Field{"description", r.Description}, Field{"permissions", append([]string{}, permissions...)})
	}
}

func (c *collector) users(project string, users []User) {
	for _, u := range users {
		switch {
		case u.Email == "":
			c.problem("a user without an email")
			continue
		case len(u.Roles) == 0:
			c.problem("the user %q has no roles: that says nothing", u.Email)
		}
		c.assign(project, Holder{User: emailKey(u.Email)}, u.Roles)
	}
}

func (c *collector) assign(project string, to Holder, roles []string) {
	for _, role := range roles {
		c.add(Ref{Kind: KindAssignment, Project: project, Name: role, Holder: to})
	}
}

func (c *collector) member(group Ref, m Member) {
	holder := Holder{User: emailKey(m.User), Project: m.Project, Account: m.ServiceAccount}
	if (m.User == "") == (m.ServiceAccount == "") || (m.ServiceAccount == "") != (m.Project == "") {
		c.problem("a member of the %s is either a user, or a service_account with its project", group)
		return
	}
	c.add(Ref{Kind: KindMember, Name: group.Name, Holder: holder})
}

// FromObjects returns the file that asks for exactly the objects, in canonical
// order.
func FromObjects(objects []Object) File {
	objects = slices.SortedFunc(slices.Values(objects), func(a, b Object) int { return a.Ref.compare(b.Ref) })
	f := File{Version: Version}
	for _, o := range objects { // projects and groups come before what is in them
		f.place(o)
	}
	slices.SortFunc(f.Users, byEmail)
	for i := range f.Projects {
		slices.SortFunc(f.Projects[i].Users, byEmail)
		slices.SortFunc(f.Projects[i].Groups, func(a, b Holding) int { return cmp.Compare(a.Name, b.Name) })
	}
	return f
}

func byEmail(a, b User) int { return cmp.Compare(a.Email, b.Email) }

func (f *File) place(o Object) {
	var project *Project
	if o.Project != "" {
		i := slices.IndexFunc(f.Projects, func(p Project) bool { return p.Name == o.Project })
		if i < 0 {
			return // nothing is in a project that is not there
		}
		project = &f.Projects[i]
	}
	if o.Kind == KindSpendAlert {
		f.placeAlert(o, project)
		return
	}
	if o.Kind.isCertificate() {
		f.placeCertificate(o)
		return
	}
	if o.Kind.isRouting() {
		f.placeRouting(o)
		return
	}
	if o.Kind.isSetting() {
		f.placeSetting(o, project)
		return
	}
	switch o.Kind {
	case KindProject:
		f.Projects = append(f.Projects, Project{Name: o.Name, Residency: o.text("residency")})
	case KindRole:
		role := Role{Name: o.Name, Description: o.text("description"), Permissions: o.texts("permissions")}
		if project == nil {
			f.Roles = append(f.Roles, role)
		} else {
			project.Roles = append(project.Roles, role)
		}
	case KindGroup:
		f.Groups = append(f.Groups, Group{Name: o.Name})
	case KindServiceAccount:
		project.ServiceAccounts = append(project.ServiceAccounts, ServiceAccount{Name: o.Name})
	case KindMember:
		g := named(&f.Groups, o.Name, func(g *Group) *string { return &g.Name })
		g.Members = append(g.Members, Member{User: o.Holder.User, ServiceAccount: o.Holder.Account, Project: o.Holder.Project})
	case KindAssignment:
		roles := f.rolesOf(project, o.Holder)
		*roles = append(*roles, o.Name)
	}
}

// rolesOf is where the roles of a holder stand, in the organization (project is
// nil) or in a project.
func (f *File) rolesOf(project *Project, h Holder) *[]string {
	email := func(u *User) *string { return &u.Email }
	switch {
	case project == nil && h.User != "":
		return &named(&f.Users, h.User, email).Roles
	case project == nil:
		return &named(&f.Groups, h.Group, func(g *Group) *string { return &g.Name }).Roles
	case h.User != "":
		return &named(&project.Users, h.User, email).Roles
	case h.Account != "":
		return &named(&project.ServiceAccounts, h.Account, func(s *ServiceAccount) *string { return &s.Name }).Roles
	}
	return &named(&project.Groups, h.Group, func(g *Holding) *string { return &g.Name }).Roles
}

// named returns the item with a name, which it adds when there is none.
func named[T any](items *[]T, name string, of func(*T) *string) *T {
	for i := range *items {
		if *of(&(*items)[i]) == name {
			return &(*items)[i]
		}
	}
	var added T
	*of(&added) = name
	*items = append(*items, added)
	return &(*items)[len(*items)-1]
}

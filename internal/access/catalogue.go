package access

import (
	"maps"
	"slices"
)

// ResourceType is what a role is of, in OpenAI's words.
type ResourceType string

// The resource types.
const (
	OfOrganization ResourceType = "api.organization"
	OfProject      ResourceType = "api.project"
)

// area is a line of the published table of permission areas and preset roles
// (OpenAI's RBAC guide, August 2026), or one of weir's own in the same form.
// Verbs are letters: R read, W write, Q request, U use, M manage.
type area struct {
	stems []string // a permission is a stem and a verb: api.files.read
	// What the presets hold; "" is nothing.
	orgOwner, orgReader, owner, member, viewer string
	custom                                     bool // custom roles may hold it
	project                                    bool // it is about what lives in a project
}

// areas is the whole table. OpenAI publishes no list of the strings: those that
// appear in its descriptions and clients stand here, the rest follows from the
// names of the areas.
var areas = []area{
	{stems: []string{"api.model"}, orgOwner: "R", orgReader: "R", owner: "R", member: "R", viewer: "R", custom: true, project: true}, // list models
	{stems: []string{"api.groups", "api.roles"}, orgOwner: "RW", orgReader: "R", owner: "RW", member: "RW", viewer: "R", project: true},
	{stems: []string{"api.management", "api.organization", "api.projects", "api.rate_limits", "api.organization.billing"}, orgOwner: "RW"}, // organization administration
	{stems: []string{"api.usage"}, orgOwner: "R", custom: true},
	// External storage and workload identities are newer than the table.
	{stems: []string{"api.external_keys", "api.external_storage", "api.ip_allowlist", "api.mtls", "api.oidc", "api.workload_identity"}, orgOwner: "RW"},
	{stems: []string{"api.model"}, orgOwner: "Q", orgReader: "Q", owner: "Q", member: "Q", custom: true, project: true}, // model capabilities
	{
		stems:    []string{"api.assistants", "api.threads", "api.evals", "api.fine_tuning", "api.files", "api.prompts", "api.datasets"},
		orgOwner: "RW", orgReader: "RW", owner: "RW", member: "RW", viewer: "R", custom: true, project: true,
	},
	// A checkpoint is lent to projects, which is more than tuning it in one.
	{stems: []string{"api.fine_tuning.checkpoints"}, orgOwner: "RW", custom: true},
	{stems: []string{"api.vector_stores", "api.responses"}, orgOwner: "RW", orgReader: "RW", owner: "RW", member: "RW", custom: true, project: true},
	{stems: []string{"api.webhooks", "api.agent_builder"}, orgOwner: "RW", orgReader: "R", owner: "RW", member: "RW", viewer: "R", custom: true, project: true},
	{stems: []string{"api.apps"}, orgOwner: "RW", custom: true, project: true},
	{stems: []string{"api.tunnels"}, orgOwner: "RUM", custom: true, project: true},
	{stems: []string{"api.organization.projects.api_keys"}, orgOwner: "RW", orgReader: "RW", owner: "RW", member: "RW", viewer: "R", custom: true, project: true}, // one's own
	{stems: []string{"api.project", "api.project.models", "api.organization.projects.service_accounts"}, orgOwner: "RW", owner: "RW", project: true},              // project administration
	{stems: []string{"api.batch", "api.voices"}, orgOwner: "RW", orgReader: "RW", owner: "RW", member: "RW", viewer: "R", project: true},
	{stems: []string{"api.videos"}, orgOwner: "RW", orgReader: "RW", owner: "RW", member: "RW", project: true},

	// weir's own follow the nearest line: connections and workspaces are
	// organization administration, the request log goes with usage.
	{stems: []string{"weir.connections", "weir.workspaces", "weir.scim"}, orgOwner: "RW"},
	{stems: []string{"weir.model_endpoints"}, orgOwner: "RW", custom: true},
	{stems: []string{"weir.requests"}, orgOwner: "R", custom: true},
}

var verbs = map[rune]string{'R': ".read", 'W': ".write", 'Q': ".request", 'U': ".use", 'M': ".manage"}

// permissions are those of the area that the letters name.
func (a *area) permissions(letters string) []Permission {
	var ps []Permission
	for _, stem := range a.stems {
		for _, letter := range letters {
			ps = append(ps, Permission(stem+verbs[letter]))
		}
	}
	return ps
}

// facts are what the catalogue knows of one permission.
type facts struct {
	bit     int // its place in a [Mask]
	custom  bool
	project bool
}

// catalogue holds every permission, of which the owner of an organization has
// each one.
var catalogue = func() map[Permission]facts {
	all := map[Permission]facts{}
	for i := range areas {
		a := &areas[i]
		for _, p := range a.permissions(a.orgOwner) {
			all[p] = facts{len(all), a.custom, a.project}
		}
	}
	return all
}()

// Known reports whether p is a permission.
func Known(p Permission) bool {
	_, ok := catalogue[p]
	return ok
}

// All returns every permission, sorted.
func All() []Permission { return slices.Sorted(maps.Keys(catalogue)) }

// InCustomRoles reports whether custom roles of the resource type may hold p.
func InCustomRoles(p Permission, of ResourceType) bool {
	f, ok := catalogue[p]
	return ok && f.custom && (f.project || of == OfOrganization)
}

// LivesInProjects reports whether p is about what lives in a project.
func LivesInProjects(p Permission) bool { return catalogue[p].project }

// inProjects is the part of s that is about what lives in projects.
func (s Set) inProjects() Set {
	kept := make(Set, len(s))
	for p := range s {
		if LivesInProjects(p) {
			kept[p] = struct{}{}
		}
	}
	return kept
}

// Sorted returns the permissions of s in order.
func (s Set) Sorted() []Permission { return slices.Sorted(maps.Keys(s)) }

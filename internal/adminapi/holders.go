package adminapi

import "weir/internal/endpoint"

// scoped is where a family of settings hangs: at the organization, or at each of
// its projects.
type scoped struct {
	path string
	at   endpoint.Scope
}

// holders are the two places of the families that hang at both.
var holders = []scoped{
	{"/v1/organization", endpoint.AtOrganization},
	{projectPath, endpoint.AtProject},
}

// object is what the answer to a call shows: a thing of the organization, or of
// the project that the path names.
func object(c *endpoint.Call, thing string) string {
	if c.Path("project_id") == "" {
		return "organization." + thing
	}
	return "project." + thing
}

// gone confirms that a setting was taken away, which has no id of its own.
type gone struct {
	Object  string `json:"object"` // ends in .deleted
	Deleted bool   `json:"deleted"`
}

package adminapi

import (
	"context"
	"encoding/json"

	"weir/internal/access"
	"weir/internal/audit"
	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/optional"
	"weir/internal/org"
)

// serviceTiers are a project's. They are newer than OpenAI's published
// description: its SDKs of November 2026 have them.
type serviceTiers struct {
	Object  string `json:"object"` // project.service_tier_settings
	Default string `json:"default"`
	Enabled any    `json:"enabled_tiers"` // "all", or a list of those beside the standard one
}

type serviceTiersChange struct {
	Default optional.Value[string] `json:"default"`
	Enabled json.RawMessage        `json:"enabled_tiers"`
}

func (a *API) serviceTiers() []endpoint.Endpoint {
	const path, at = projectPath + "/service_tier_settings", endpoint.AtProject
	return []endpoint.Endpoint{
		endpoint.Read("GET "+path, access.ProjectModelsRead, at, a.getServiceTiers),
		endpoint.Write("POST "+path, access.ProjectModelsWrite, at, []audit.Action{audit.ProjectUpdated}, a.setServiceTiers),
	}
}

func (a *API) getServiceTiers(ctx context.Context, c *endpoint.Call) (serviceTiers, error) {
	s, err := a.org.Settings(ctx, c.OrganizationID(), c.Path("project_id"))
	return showServiceTiers(s), err
}

func (a *API) setServiceTiers(ctx context.Context, c *endpoint.Call, in serviceTiersChange) (serviceTiers, error) {
	change := org.ServiceTierChange{Default: in.Default}
	if err := in.enabled(&change); err != nil {
		return serviceTiers{}, err
	}
	s, err := a.org.SetServiceTiers(ctx, c.Actor(), c.Path("project_id"), change)
	return showServiceTiers(s), err
}

// enabled reads the one field of the API that is a word or a list.
func (in serviceTiersChange) enabled(change *org.ServiceTierChange) error {
	if in.Enabled == nil || string(in.Enabled) == "null" {
		return nil
	}
	var word string
	if json.Unmarshal(in.Enabled, &word) == nil {
		change.All = true
		return fault.OneOf("enabled_tiers", word, []string{"all"})
	}
	// Read as any body is, so that what is wrong in the list is named as anywhere.
	list, err := endpoint.Decode[struct {
		Tiers []string `json:"enabled_tiers"`
	}]([]byte(`{"enabled_tiers":` + string(in.Enabled) + `}`))
	change.Enabled = list.Tiers
	return err
}

func showServiceTiers(s org.Settings) serviceTiers {
	shown := serviceTiers{Object: "project.service_tier_settings", Default: s.DefaultTier(), Enabled: "all"}
	if s.ServiceTiers != nil {
		shown.Enabled = s.ServiceTiers
	}
	return shown
}

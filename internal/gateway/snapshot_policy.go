package gateway

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/org"
)

// policy is what the settings of a project, or of an organization, ask of calls.
// Who has set nothing has none. It is immutable.
type policy struct {
	models    *modelRules      // nil: every model
	disabled  openaiwire.Tools // hosted tools that may not be asked for
	tier      string           // the tier of calls that name none; "": as they are
	tiers     []string         // that calls may name beside the standard one; nil: all
	retention string           // "": the organization's
}

// newPolicy returns nil for settings that ask nothing of calls.
func newPolicy(s *org.Settings) *policy {
	p := &policy{tiers: s.ServiceTiers, retention: s.DataRetention}
	if s.Models != nil {
		p.models = newModelRules(s.Models)
	}
	for _, tool := range s.DisabledTools {
		p.disabled |= openaiwire.ToolNamed(string(tool))
	}
	if s.ServiceTier != org.StandardTier {
		p.tier = s.ServiceTier
	}
	if p.models == nil && p.disabled == 0 && p.tier == "" && p.tiers == nil && p.retention == "" {
		return nil
	}
	return p
}

// readPolicies reads everybody's.
func (e *edit) readPolicies(ctx context.Context, r org.Reader) error {
	return r.EachSettings(ctx, func(s org.Settings) error {
		e.putPolicy(&s)
		return nil
	})
}

func (e *edit) putPolicy(s *org.Settings) {
	holderID := cmp.Or(s.ProjectID, s.OrganizationID)
	if p := newPolicy(s); p != nil {
		e.policies.put(holderID, p)
	} else {
		e.policies.drop(holderID)
	}
}

// refreshPolicy follows a change of settings. It goes by the id of the project
// or, for the organization's own, the organization's.
func (e *edit) refreshPolicy(ctx context.Context, r org.Reader, c org.Change) error {
	projectID := c.ID
	if c.ID == c.OrganizationID {
		projectID = ""
	}
	s, err := r.Settings(ctx, c.OrganizationID, projectID)
	if fault.Is(err, fault.NotFound) {
		e.policies.drop(c.ID)
		return nil
	}
	if err == nil {
		e.putPolicy(&s)
	}
	return err
}

// policy of a project or an organization; nil where nothing is set.
func (s *state) policy(holderID string) *policy { return s.policies.at(lastByte(holderID), holderID) }

// retention is the data retention that holds for a project's calls, and whose
// setting it is; "" where neither has set any.
func (s *state) retention(p *policy, projectID, organizationID string) (retention, holderID string) {
	if p != nil && p.retention != "" && p.retention != org.OrganizationDefault {
		return p.retention, projectID
	}
	if o := s.policy(organizationID); o != nil && o.retention != "" {
		return o.retention, organizationID
	}
	return "", ""
}

// keepsNothing reports whether a data retention is a zero one.
func keepsNothing(retention string) bool {
	return retention == "zero_data_retention" || retention == "enhanced_zero_data_retention"
}

// modelRules say which of the providers' models may be called.
type modelRules struct {
	allow bool // only what is listed; otherwise all but that
	names []string
}

func newModelRules(m *org.ModelPermissions) *modelRules {
	rules := &modelRules{allow: m.Mode == org.AllowList}
	for _, name := range m.ModelIDs {
		rules.names = append(rules.names, folded(name))
	}
	slices.Sort(rules.names)
	return rules
}

// allows reports whether a provider's model may be called. In doubt it may not:
// an allow list means the names on it and no others, a deny list also the dated
// snapshots of a model, what was tuned from it, and the same behind the name of a
// vendor.
func (m *modelRules) allows(model string) bool {
	model = folded(model)
	if m.allow {
		return m.lists(model)
	}
	return !m.covers(model)
}

func (m *modelRules) lists(model string) bool {
	_, found := slices.BinarySearch(m.names, model)
	return found
}

func (m *modelRules) covers(model string) bool {
	if m.lists(model) || m.lists(undated(model)) {
		return true
	}
	if tuned, ok := strings.CutPrefix(model, fineTuned); ok {
		base, _, _ := strings.Cut(tuned, ":")
		return m.covers(base)
	}
	if i := strings.LastIndexByte(model, '/'); i >= 0 { // openai/gpt-4o
		return m.covers(model[i+1:])
	}
	if plain, _, variant := strings.Cut(model, ":"); variant { // gpt-4o:online
		return m.covers(plain)
	}
	return false
}

// fineTuned begins the names of models that were tuned from another:
// ft:gpt-4o-mini-2024-07-18:org:name:id.
const fineTuned = "ft:"

// folded is a model's name as those are compared: some providers do not mind
// case.
func folded(model string) string { return strings.ToLower(strings.TrimSpace(model)) }

// undated is the name of the model that model is a dated snapshot of: gpt-4o for
// gpt-4o-2024-08-06, gpt-4 for gpt-4-0613; model itself when it is none.
func undated(model string) string {
	for _, date := range [...]string{"-dddd-dd-dd", "-dddd"} {
		if at := len(model) - len(date); at > 0 && matches(model[at:], date) {
			return model[:at]
		}
	}
	return model
}

// matches compares s with a pattern of the same length, in which d is any digit.
func matches(s, pattern string) bool {
	for i := range len(pattern) {
		digit := s[i]-'0' <= 9
		if (pattern[i] == 'd') != digit || pattern[i] != 'd' && s[i] != pattern[i] {
			return false
		}
	}
	return true
}

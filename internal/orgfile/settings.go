package orgfile

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"

	"github.com/tidwall/gjson"

	"weir/internal/apiclient"
	"weir/internal/org"
)

// Organization holds the settings of the organization itself.
type Organization struct {
	SpendLimitCents int64        `yaml:"spend_limit_cents"` // in a calendar month; 0: not in the file
	SpendAlerts     []SpendAlert `yaml:"spend_alerts"`
	DataRetention   string       `yaml:"data_retention"`
	RateLimits      []RateLimit  `yaml:"rate_limits"`
}

// RateLimit is what holds for a model. What is nil is not in the file, and stays.
type RateLimit struct {
	Model                   string `yaml:"model"`
	RequestsPerMinute       *int64 `yaml:"max_requests_per_1_minute"`
	TokensPerMinute         *int64 `yaml:"max_tokens_per_1_minute"`
	ImagesPerMinute         *int64 `yaml:"max_images_per_1_minute"`
	AudioMegabytesPerMinute *int64 `yaml:"max_audio_megabytes_per_1_minute"`
	RequestsPerDay          *int64 `yaml:"max_requests_per_1_day"`
	BatchInputTokensPerDay  *int64 `yaml:"batch_1_day_max_input_tokens"`
}

// ModelPermissions are the models a project may, or may not, use.
type ModelPermissions struct {
	Mode     string   `yaml:"mode"` // allow_list or deny_list
	ModelIDs []string `yaml:"model_ids"`
}

// HostedTools are the tools of providers that a project may use. What is nil is
// not in the file, and stays.
type HostedTools struct {
	FileSearch      *bool `yaml:"file_search"`
	WebSearch       *bool `yaml:"web_search"`
	ImageGeneration *bool `yaml:"image_generation"`
	MCP             *bool `yaml:"mcp"`
	CodeInterpreter *bool `yaml:"code_interpreter"`
}

// ServiceTiers are the service tiers that a project may use.
type ServiceTiers struct {
	Default string   `yaml:"default"`
	Enabled []string `yaml:"enabled_tiers"` // beside the standard one; [all] are all there will ever be
}

// The kinds of settings. There is one of each in a place, but for rate limits, of
// which there is one for each model.
const (
	KindSpendLimit       Kind = "spend limit"
	KindDataRetention    Kind = "data retention"
	KindRateLimit        Kind = "rate limit"
	KindModelPermissions Kind = "model permissions"
	KindHostedTools      Kind = "hosted tools"
	KindServiceTiers     Kind = "service tiers"
)

// settingSegments are the last segments of the paths of settings.
var settingSegments = map[Kind]string{
	KindSpendLimit: "spend_limit", KindDataRetention: "data_retention", KindRateLimit: "rate_limits",
	KindModelPermissions: "model_permissions", KindHostedTools: "hosted_tool_permissions", KindServiceTiers: "service_tier_settings",
}

// isSetting reports whether the kind is one of settings: they hold, with a
// default, also when nobody has set them.
func (k Kind) isSetting() bool { return settingSegments[k] != "" }

// settingKinds are those of a place.
func settingKinds(project string) []Kind {
	if project == "" {
		return []Kind{KindSpendLimit, KindDataRetention, KindRateLimit}
	}
	return []Kind{KindSpendLimit, KindDataRetention, KindRateLimit, KindModelPermissions, KindHostedTools, KindServiceTiers}
}

// allTiers stands for all service tiers that there will ever be.
const allTiers = "all"

// fieldsOf are the fields of a section that are in the file.
func fieldsOf(section any) (fields []Field) {
	v := reflect.ValueOf(section)
	for i, name := range fieldNames(v.Type()) {
		switch f := v.Field(i); {
		case name == "model", f.IsZero():
		case f.Kind() == reflect.Pointer:
			fields = append(fields, Field{name, f.Elem().Interface()})
		case f.Kind() == reflect.Slice:
			sorted := slices.Sorted(slices.Values(f.Interface().([]string)))
			fields = append(fields, Field{name, append([]string{}, sorted...)})
		default:
			fields = append(fields, Field{name, f.Interface()})
		}
	}
	return fields
}

// fill puts fields into a section.
func fill(section any, fields []Field) {
	v := reflect.ValueOf(section).Elem()
	names := fieldNames(v.Type())
	for _, f := range fields {
		to := v.Field(slices.Index(names, f.Name))
		if to.Kind() == reflect.Pointer {
			to.Set(reflect.New(to.Type().Elem()))
			to = to.Elem()
		}
		to.Set(reflect.ValueOf(f.Value))
	}
}

func (c *collector) setting(kind Kind, project, model string, fields []Field) {
	c.add(Ref{Kind: kind, Project: project, Name: model}, fields...)
}

// settings adds those that both places have.
func (c *collector) settings(project string, cents int64, retention string, rates []RateLimit) {
	if cents != 0 {
		c.setting(KindSpendLimit, project, "", []Field{{"threshold_amount", cents}})
	}
	if retention != "" {
		c.setting(KindDataRetention, project, "", []Field{{"type", retention}})
	}
	for _, r := range rates {
		c.setting(KindRateLimit, project, r.Model, fieldsOf(r))
	}
}

func (c *collector) projectSettings(p Project) {
	c.settings(p.Name, p.SpendLimitCents, p.DataRetention, p.RateLimits)
	if p.ModelPermissions != nil {
		c.setting(KindModelPermissions, p.Name, "", fieldsOf(*p.ModelPermissions))
	}
	if p.HostedTools != nil {
		c.setting(KindHostedTools, p.Name, "", fieldsOf(*p.HostedTools))
	}
	if p.ServiceTiers != nil {
		c.setting(KindServiceTiers, p.Name, "", fieldsOf(*p.ServiceTiers))
	}
}

// placeSetting puts a setting where it stands in the file; project is nil for the
// organization.
func (f *File) placeSetting(o Object, project *Project) {
	cents, retention, rates := &f.Organization.SpendLimitCents, &f.Organization.DataRetention, &f.Organization.RateLimits
	if project != nil {
		cents, retention, rates = &project.SpendLimitCents, &project.DataRetention, &project.RateLimits
	}
	switch o.Kind {
	case KindSpendLimit:
		*cents, _ = o.value("threshold_amount").(int64)
	case KindDataRetention:
		*retention = o.text("type")
	case KindRateLimit:
		limit := RateLimit{Model: o.Name}
		fill(&limit, o.Fields)
		*rates = append(*rates, limit)
	case KindModelPermissions:
		project.ModelPermissions = &ModelPermissions{}
		fill(project.ModelPermissions, o.Fields)
	case KindHostedTools:
		project.HostedTools = &HostedTools{}
		fill(project.HostedTools, o.Fields)
	case KindServiceTiers:
		project.ServiceTiers = &ServiceTiers{}
		fill(project.ServiceTiers, o.Fields)
	}
}

// found is a setting as it holds. IsDefault: because nobody has set it.
type found struct {
	Name      string // the model of a rate limit
	Fields    []Field
	IsDefault bool
}

func settingPath(kind Kind, projectID string) string {
	root := "/v1/organization"
	if projectID != "" {
		root = projectsPath + apiclient.Path(projectID)
	}
	if kind == KindRateLimit && projectID == "" {
		root = "/weir/v1" // OpenAI's API has none of the organization
	}
	return root + "/" + settingSegments[kind]
}

// readSettings reads the settings of a kind in a place: none when there is
// nothing.
func readSettings(ctx context.Context, api *apiclient.Client, kind Kind, projectID string) ([]found, error) {
	if kind == KindRateLimit {
		return readRateLimits(ctx, api, projectID)
	}
	raw, err := api.Get(ctx, settingPath(kind, projectID), nil)
	var refused *apiclient.Error
	if errors.As(err, &refused) && refused.Status == http.StatusNotFound && (kind == KindSpendLimit || kind == KindModelPermissions) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	got := gjson.ParseBytes(raw)
	switch kind {
	case KindSpendLimit:
		return []found{{Fields: []Field{{"threshold_amount", got.Get("threshold_amount").Int()}}}}, nil
	case KindDataRetention:
		retention := got.Get("type").String()
		unset := org.DefaultRetention
		if projectID != "" {
			unset = org.OrganizationDefault
		}
		return []found{{Fields: []Field{{"type", retention}}, IsDefault: retention == unset}}, nil
	case KindModelPermissions:
		return []found{{Fields: []Field{{"mode", got.Get("mode").String()}, {"model_ids", sortedTexts(got.Get("model_ids"))}}}}, nil
	case KindHostedTools:
		tools := found{IsDefault: true}
		for _, name := range fieldNames(reflect.TypeFor[HostedTools]()) {
			enabled := got.Get(name + ".enabled").Bool()
			tools.Fields = append(tools.Fields, Field{name, enabled})
			tools.IsDefault = tools.IsDefault && enabled
		}
		return []found{tools}, nil
	}
	tiers, enabled := got.Get("default").String(), []string{allTiers}
	if list := got.Get("enabled_tiers"); list.IsArray() {
		enabled = sortedTexts(list)
	}
	return []found{{
		Fields:    []Field{{"default", tiers}, {"enabled_tiers", enabled}},
		IsDefault: tiers == org.StandardTier && slices.Equal(enabled, []string{allTiers}),
	}}, nil
}

func sortedTexts(list gjson.Result) []string {
	texts := []string{}
	for _, v := range list.Array() {
		texts = append(texts, v.String())
	}
	slices.Sort(texts)
	return texts
}

// readRateLimits reads those of every model. A project's own are those that are
// not the organization's.
func readRateLimits(ctx context.Context, api *apiclient.Client, projectID string) ([]found, error) {
	items, err := apiclient.Collect(api.List(ctx, settingPath(KindRateLimit, projectID), url.Values{"limit": {"100"}}))
	if err != nil {
		return nil, err
	}
	var limits []found
	for _, raw := range items {
		got := gjson.ParseBytes(raw)
		limit := found{Name: got.Get("model").String(), IsDefault: got.Get("is_default").Bool()}
		for _, name := range fieldNames(reflect.TypeFor[RateLimit]())[1:] {
			if v := got.Get(name); v.Exists() {
				limit.Fields = append(limit.Fields, Field{name, v.Int()})
			}
		}
		limits = append(limits, limit)
	}
	if projectID == "" {
		return limits, nil
	}
	above, err := readRateLimits(ctx, api, "")
	for i := range limits {
		limits[i].IsDefault = slices.ContainsFunc(above, func(f found) bool { return f.Name == limits[i].Name && sameFields(f.Fields, limits[i].Fields) })
	}
	return limits, err
}

// readSettingsOf reads the settings of the organization or of a project.
func (r *Reader) readSettingsOf(ctx context.Context, project string) error {
	projectID := r.world.IDs[Ref{Kind: KindProject, Name: project}]
	if err := r.readAlertsOf(ctx, project); err != nil {
		return err
	}
	for _, kind := range settingKinds(project) {
		settings, err := readSettings(ctx, r.api, kind, projectID)
		if err != nil {
			return err
		}
		for _, s := range settings {
			ref := Ref{Kind: kind, Project: project, Name: s.Name}
			r.world.Objects[ref] = Actual{Object: Object{Ref: ref, Fields: s.Fields}, ID: projectID + "/" + s.Name, Default: s.IsDefault}
		}
	}
	return nil
}

// observeSetting reads the setting of a step again. One that nobody has set is
// not there, unless the plan has found it so.
func (r *Run) observeSetting(ctx context.Context, c Change) (o Object, there bool, err error) {
	settings, err := readSettings(ctx, r.API, c.Kind, r.project(c.Project))
	for _, s := range settings {
		if s.Name == c.Name {
			return Object{Ref: c.Ref, Fields: s.Fields}, !s.IsDefault || c.have.ID != "", err
		}
	}
	return Object{}, false, err
}

// set makes a setting what is wanted, and reset brings back what holds when
// nobody has set it.
func (r *Run) set(ctx context.Context, c Change) (id string, err error) {
	projectID, body := r.project(c.Project), map[string]any{}
	path := settingPath(c.Kind, projectID)
	for _, f := range c.want.Fields {
		body[f.Name] = f.Value
	}
	switch c.Kind {
	case KindSpendLimit:
		body["currency"], body["interval"] = org.SpendCurrency, org.SpendInterval
	case KindDataRetention:
		body = map[string]any{"retention_type": c.want.text("type")}
	case KindRateLimit:
		path += apiclient.Path("rl-" + c.Name)
	case KindHostedTools:
		for name, enabled := range body {
			body[name] = map[string]any{"enabled": enabled}
		}
	case KindServiceTiers:
		if slices.Equal(c.want.texts("enabled_tiers"), []string{allTiers}) {
			body["enabled_tiers"] = allTiers
		}
	}
	if _, err = r.API.Post(ctx, path, body); err != nil {
		return "", err
	}
	return projectID + "/" + c.Name, nil
}

func (r *Run) reset(ctx context.Context, c Change) error {
	projectID := r.project(c.Project)
	path := settingPath(c.Kind, projectID)
	var err error
	var body json.RawMessage
	switch c.Kind {
	case KindRateLimit:
		if projectID != "" {
			path = "/weir/v1" + apiclient.Path("projects", projectID, "rate_limits")
		}
		_, err = r.API.Delete(ctx, path+apiclient.Path("rl-"+c.Name), nil)
		return err
	case KindDataRetention:
		body = json.RawMessage(`{"retention_type":"` + org.OrganizationDefault + `"}`)
		if projectID == "" {
			body = json.RawMessage(`{"retention_type":"` + org.DefaultRetention + `"}`)
		}
	case KindHostedTools:
		tools := map[string]any{}
		for _, name := range fieldNames(reflect.TypeFor[HostedTools]()) {
			tools[name] = map[string]any{"enabled": true}
		}
		_, err = r.API.Post(ctx, path, tools)
		return err
	case KindServiceTiers:
		body = json.RawMessage(`{"default":"` + org.StandardTier + `","enabled_tiers":"` + allTiers + `"}`)
	default:
		_, err = r.API.Delete(ctx, path, nil)
		return err
	}
	_, err = r.API.Post(ctx, path, body)
	return err
}

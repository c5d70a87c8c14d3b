package gateway

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/routing"
	"weir/internal/usage"
	"weir/internal/verdict"
)

// restrict holds the request against what its project's settings, and those of
// its organization, say: which models, which hosted tools, what may be kept, at
// which service tier. It comes once the upstreams are known, since a forbidden
// model stays forbidden under any name that leads to it.
func (x *exchange) restrict() error {
	if x.policy == nil && !x.keepsNothing && x.in.checkpoints == nil && x.trace == nil {
		return nil
	}
	for _, rule := range [...]struct {
		name  verdict.Rule
		check func(*exchange) error
	}{
		{verdict.ReadableBody, (*exchange).restrictUnread},
		{verdict.ModelPermissions, (*exchange).restrictModels},
		{verdict.CheckpointPermissions, (*exchange).restrictCheckpoints},
		{verdict.HostedTools, (*exchange).restrictTools},
		{verdict.DataRetention, (*exchange).restrictRetention},
		{verdict.ServiceTier, (*exchange).restrictTier},
	} {
		if err := x.judge(rule.name, x.settingsOf(rule.name), rule.check(x)); err != nil {
			return err
		}
	}
	x.event.Model = x.plan[0].model
	return nil
}

// drop takes upstreams out of the plan for a rule. It returns the model of the
// first one dropped, and whether any is left.
func (x *exchange) drop(rule verdict.Rule, forbidden func(model string) bool) (first string, left bool) {
	x.plan = slices.DeleteFunc(x.plan, func(h hop) bool {
		if h.model == "" || !forbidden(h.model) {
			return false
		}
		first = cmp.Or(first, h.model)
		if x.trace != nil {
			x.trace.dropped = append(x.trace.dropped, verdict.Upstream{ConnectionID: h.connection.ID, Model: h.model, ExcludedBy: rule})
		}
		return true
	})
	return first, len(x.plan) > 0
}

// restrictUnread refuses a body that rules would have to look into and that weir
// does not read: JSON that is not called JSON, or a compressed one. A provider
// might read it all the same.
func (x *exchange) restrictUnread() error {
	p := x.policy
	if x.json || x.body.size == 0 || !x.keepsNothing && (p == nil || p.models == nil && p.disabled == 0 && p.tiers == nil) {
		return nil
	}
	if encoding := x.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return fault.Invalidf("unreadable_body", "", "The settings of the project %s have its calls looked into, so a body cannot be sent with the Content-Encoding '%s'.", x.project.ID, shorten(encoding))
	}
	if x.body.begins('{') {
		return fault.Invalidf("unreadable_body", "", "The settings of the project %s have its calls looked into, so JSON has to be sent with the Content-Type application/json.", x.project.ID)
	}
	return nil
}

// restrictModels takes the upstreams out of the plan that would answer with a
// model the project may not call.
func (x *exchange) restrictModels() error {
	if x.policy == nil || x.policy.models == nil {
		return nil
	}
	if m := x.target.endpoint; m != nil && x.denied(m.Name) {
		return x.errModel(m.Name)
	}
	if first, left := x.drop(verdict.ModelPermissions, func(model string) bool { return !x.policy.models.allows(model) }); !left {
		return x.errModel(first)
	}
	for _, inner := range x.head.Inner {
		if !x.policy.models.allows(inner) {
			return x.errModel(inner)
		}
	}
	if x.head.InnerMore {
		return fault.New(fault.Forbidden, "model_not_found", "", "The request names more models than can be held against the model permissions of the project %s.", x.project.ID)
	}
	return nil
}

// restrictCheckpoints does the same for fine-tuned checkpoints that are shared
// with other projects and not with this one.
func (x *exchange) restrictCheckpoints() error {
	if x.in.checkpoints == nil {
		return nil
	}
	if first, left := x.drop(verdict.CheckpointPermissions, x.closed); !left {
		return x.errModel(first)
	}
	if i := slices.IndexFunc(x.head.Inner, x.closed); i >= 0 {
		return x.errModel(x.head.Inner[i])
	}
	return nil
}

// closed reports whether a model is a checkpoint for other projects.
func (x *exchange) closed(model string) bool {
	projects, shared := x.in.checkpoints[model]
	return shared && !slices.Contains(projects, x.project.ID)
}

// mayCall reports whether the project may call a provider's model.
func (x *exchange) mayCall(model string) bool {
	return (x.policy == nil || x.policy.models == nil || x.policy.models.allows(model)) && !x.closed(model)
}

// mayCallOn reports whether the project may call one of an endpoint's models.
func (x *exchange) mayCallOn(m *routing.ModelEndpoint) bool {
	return !x.denied(m.Name) && slices.ContainsFunc(m.Upstreams, func(u routing.Upstream) bool { return x.mayCall(u.Model) })
}

// denied reports whether a deny list has the name of a model endpoint. An allow
// list of such names would be no list at all, since any member of a workspace may
// make endpoints.
func (x *exchange) denied(name string) bool {
	return x.policy != nil && x.policy.models != nil && !x.policy.models.allow && !x.policy.models.allows(name)
}

// restrictTools refuses a request that asks for a hosted tool that is disabled.
func (x *exchange) restrictTools() error {
	if x.policy == nil || x.policy.disabled == 0 {
		return nil
	}
	disabled := x.policy.disabled
	asked := x.head.Tools & disabled
	if first, left := x.drop(verdict.HostedTools, func(model string) bool { return openaiwire.ToolsOfModel(model).Has(disabled) }); !left {
		asked |= openaiwire.ToolsOfModel(first) & disabled
	}
	if name := asked.First(); name != "" {
		return fault.New(fault.Forbidden, "hosted_tool_disabled", "tools", "The hosted tool '%s' is disabled for the project %s.", name, x.project.ID)
	}
	if x.head.StoredPrompt {
		return fault.New(fault.Forbidden, "hosted_tool_disabled", "prompt", "Hosted tools are disabled for the project %s, and a prompt that the provider keeps may ask for them. Send the instructions and tools with the request.", x.project.ID)
	}
	return nil
}

// restrictRetention refuses what cannot be done without the provider keeping it.
// Where OpenAI says that store is always taken for false under zero data
// retention, payload sends it so.
func (x *exchange) restrictRetention() error {
	if !x.keepsNothing {
		return nil
	}
	param := ""
	switch sub := x.door.plain(); {
	case x.head.Background:
		param = "background"
	case x.head.Conversation:
		param = "conversation"
	case x.r.Method == http.MethodPost && (sub == "/conversations" || strings.HasPrefix(sub, "/conversations/")):
	default:
		return nil
	}
	return fault.New(fault.Forbidden, "zero_data_retention", param, "The project %s is under zero data retention, and this would have the provider keep the conversation.", x.project.ID)
}

// Service tiers as the settings name them, and as requests do (OpenAI's API
// reference, service_tier): fast was priority before, and that is what every
// provider understands.
const (
	tierAuto     = "auto"
	tierFast     = "fast"
	tierPriority = "priority"
)

// restrictTier gives a call that names no service tier the project's own, and
// refuses one that the project has not enabled.
func (x *exchange) restrictTier() error {
	p := x.policy
	if p == nil {
		return nil
	}
	switch asked := x.head.ServiceTier; asked {
	case "", tierAuto:
		if p.tier != "" && x.tiered() {
			x.head.ServiceTier = p.tier
			if p.tier == tierFast {
				x.head.ServiceTier = tierPriority
			}
			x.tier = x.head.ServiceTier
		}
	case "default", "standard", "scale":
	default:
		if asked == tierPriority {
			asked = tierFast
		}
		if p.tiers != nil && !slices.Contains(p.tiers, asked) {
			return fault.New(fault.Forbidden, "service_tier_disabled", "service_tier", "The service tier '%s' is not enabled for the project %s.", shorten(x.head.ServiceTier), x.project.ID)
		}
	}
	return nil
}

// tiered reports whether the operation knows service tiers.
func (x *exchange) tiered() bool {
	return x.door.operation.shape == openaiwire.ShapeResponses || x.door.sub == "/chat/completions"
}

// edits are the changes to the body that the settings ask for.
func (x *exchange) edits() openaiwire.Edits {
	edits := openaiwire.Edits{ServiceTier: x.tier}
	if x.keepsNothing {
		stored := x.head.Store != nil && *x.head.Store
		if stored || x.head.Store == nil && x.door.operation.kind == usage.Completions && x.door.operation.shape == openaiwire.ShapeResponses {
			edits.Store = new(bool)
		}
	}
	return edits
}

// plain is the path that a lenient provider may read: without escapes, case and
// parameters.
func (d *door) plain() string {
	sub, err := url.PathUnescape(d.sub)
	if err != nil {
		sub = d.sub
	}
	sub, _, _ = strings.Cut(strings.ToLower(sub), ";")
	return sub
}

// errModel is what OpenAI's API says of a model that a project may not use.
func (x *exchange) errModel(model string) error {
	return fault.New(fault.Forbidden, "model_not_found", "", "Project `%s` does not have access to model `%s`", x.project.ID, shorten(model))
}

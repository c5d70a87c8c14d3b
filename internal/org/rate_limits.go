package org

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/internal/audit"
	"weir/internal/fault"
	"weir/internal/pricing"
)

// RateLimitOverride is what was set of a model's limits: for the whole
// organization its ceiling, for a project what it keeps to below the ceiling.
// Limits that nobody set are not kept anywhere.
type RateLimitOverride struct {
	Model          string
	ProjectID      string // "": the organization's own
	OrganizationID string
	Rates          Rates // not empty
}

// RateLimit is what holds for a model in a project, or with no project, for the
// organization as a whole.
type RateLimit struct {
	Model string
	Rates Rates // every field that means something for the model
	Set   bool  // a part of it was set here and is not what it would be anyway
}

// rateLimitID is what OpenAI's API puts before a model to name its limit.
const rateLimitID = "rl-"

// ID names the limit, the same one in every project.
func (l RateLimit) ID() string { return rateLimitID + l.Model }

// maxRate is far above what any provider allows and exact in every JSON parser.
const maxRate = 1 << 53

// DefaultRates are the limits of a model that nobody set any for. They are not
// to be changed.
func DefaultRates(book *pricing.Book, model string) Rates {
	limits, _ := book.Limits(model)
	i := slices.IndexFunc(defaultRates, func(d rateDefaults) bool { return d.are(model, limits.Mode) })
	return defaultRates[i].rates // the last are every model's
}

// are reports whether models of this name and mode have these defaults.
func (d rateDefaults) are(model, mode string) bool {
	if mode == "" && slices.ContainsFunc(d.named, func(part string) bool { return strings.Contains(model, part) }) {
		return true
	}
	return len(d.modes) == 0 || slices.Contains(d.modes, mode)
}

// OrganizationRates are the limits of a model in an organization: its defaults,
// with what the organization set in their place. What was set and means nothing
// for the model is left out.
func OrganizationRates(defaults, set Rates) Rates {
	rates := maps.Clone(defaults)
	for field := range defaults {
		if n, ok := set[field]; ok {
			rates[field] = n
		}
	}
	return rates
}

// ProjectRates are the limits of a model in a project: the organization's, or
// what the project set where that is less.
func ProjectRates(organization, set Rates) Rates {
	rates := maps.Clone(organization)
	for field, most := range organization {
		if n, ok := set[field]; ok {
			rates[field] = min(n, most)
		}
	}
	return rates
}

// limits says what holds for models of one organization, at one level.
type limits struct {
	book     *pricing.Book
	ceilings map[string]Rates // set for the organization
	own      map[string]Rates // set for the project; nil at the organization
	project  bool
}

func (s *Service) limitsAt(ctx context.Context, r Reader, organizationID, projectID string) (*limits, error) {
	l := &limits{book: s.Book, project: projectID != ""}
	var err error
	if l.ceilings, err = overrides(ctx, r, organizationID, ""); err == nil && l.project {
		l.own, err = overrides(ctx, r, organizationID, projectID)
	}
	return l, err
}

func overrides(ctx context.Context, r Reader, organizationID, projectID string) (map[string]Rates, error) {
	rows, err := r.RateLimitOverrides(ctx, organizationID, projectID)
	if err != nil {
		return nil, err
	}
	byModel := make(map[string]Rates, len(rows))
	for _, o := range rows {
		byModel[o.Model] = o.Rates
	}
	return byModel, nil
}

// ceiling is what holds for a model that has nothing set here. A project may set
// no more.
func (l *limits) ceiling(model string) Rates {
	rates := DefaultRates(l.book, model)
	if l.project {
		return OrganizationRates(rates, l.ceilings[model])
	}
	return rates
}

// with is what holds for a model once set is what was set for it here.
func (l *limits) with(model string, set Rates) Rates {
	if l.project {
		return ProjectRates(l.ceiling(model), set)
	}
	return OrganizationRates(l.ceiling(model), set)
}

// set is what was set for a model here.
func (l *limits) set(model string) Rates {
	if l.project {
		return l.own[model]
	}
	return l.ceilings[model]
}

func (l *limits) of(model string) RateLimit {
	set := l.set(model)
	return RateLimit{Model: model, Rates: l.with(model, set), Set: len(set) > 0}
}

// limitedModels are the models of the organization, sorted: those the price book
// knows and those its connections serve.
func (s *Service) limitedModels(ctx context.Context, r Reader, organizationID string) ([]string, error) {
	var models []string
	for _, m := range s.Book.Models() {
		models = append(models, m.ID)
	}
	p := Page{Limit: 1000}
	for {
		rows, err := r.Connections(ctx, organizationID, ConnectionFilter{Page: p})
		if err != nil {
			return nil, err
		}
		for i := range rows.Items {
			models = append(models, rows.Items[i].Serves()...)
			p.After = rows.Items[i].ID
		}
		if !rows.More {
			break
		}
	}
	slices.Sort(models)
	return slices.Compact(models), nil
}

// limitedModel returns the model that a rate limit's id names.
func (s *Service) limitedModel(ctx context.Context, r Reader, organizationID, rateLimit string) (string, error) {
	model, ok := strings.CutPrefix(rateLimit, rateLimitID)
	if !ok {
		return "", errNoRateLimit(rateLimit)
	}
	models, err := s.limitedModels(ctx, r, organizationID)
	if err != nil {
		return "", err
	}
	if _, ok := slices.BinarySearch(models, model); !ok {
		return "", errNoRateLimit(rateLimit)
	}
	return model, nil
}

func errNoRateLimit(rateLimit string) error {
	return fault.NotFoundf("Rate limit with ID '%s' not found.", rateLimit)
}

// RateLimits of an active project, or with projectID "" the organization's
// ceilings: one for each model, by its name. Page.Ascending is not asked.
func (s *Service) RateLimits(ctx context.Context, organizationID, projectID string, p Page) (Rows[RateLimit], error) {
	return view(ctx, s.Store, func(r Reader) (Rows[RateLimit], error) {
		if _, err := holder(ctx, r, organizationID, projectID); err != nil {
			return Rows[RateLimit]{}, err
		}
		models, err := s.limitedModels(ctx, r, organizationID)
		if err != nil {
			return Rows[RateLimit]{}, err
		}
		l, err := s.limitsAt(ctx, r, organizationID, projectID)
		if err != nil {
			return Rows[RateLimit]{}, err
		}
		models, more, err := pageOfModels(models, p)
		if err != nil {
			return Rows[RateLimit]{}, err
		}
		rows := Rows[RateLimit]{More: more}
		for _, model := range models {
			rows.Items = append(rows.Items, l.of(model))
		}
		return rows, nil
	})
}

// pageOfModels cuts a page out of sorted models by the ids of their limits.
func pageOfModels(models []string, p Page) (page []string, more bool, err error) {
	place := func(param, rateLimit string) (int, error) {
		at, ok := slices.BinarySearch(models, strings.TrimPrefix(rateLimit, rateLimitID))
		if !ok || !strings.HasPrefix(rateLimit, rateLimitID) {
			return 0, fault.Invalidf("invalid_cursor", param, "Invalid '%s': there is no '%s' in this list.", param, rateLimit)
		}
		return at, nil
	}
	if p.Before != "" {
		at, err := place("before", p.Before)
		if err != nil {
			return nil, false, err
		}
		from := max(0, at-p.Limit)
		return models[from:at], from > 0, nil
	}
	if p.After != "" {
		at, err := place("after", p.After)
		if err != nil {
			return nil, false, err
		}
		models = models[at+1:]
	}
	if len(models) > p.Limit {
		return models[:p.Limit], true, nil
	}
	return models, false, nil
}

// UpdateRateLimit sets those of a model's limits that are in change, for a
// project or, with projectID "", for the organization. A project's cannot be set
// above the organization's. Lowering the organization's leaves what projects
// have set: it counts again once there is room for it.
func (s *Service) UpdateRateLimit(ctx context.Context, actor audit.Actor, projectID, rateLimit string, change Rates) (RateLimit, error) {
	var limit RateLimit
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := limitedHolder(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		model, err := s.limitedModel(ctx, tx, actor.OrganizationID, rateLimit)
		if err != nil {
			return err
		}
		l, err := s.limitsAt(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		if err := l.check(model, change); err != nil {
			return err
		}
		tx.Record(event(audit.RateLimitUpdated, project, details{ID: rateLimit, Changes: change}))
		if len(change) == 0 {
			limit = l.of(model)
			return nil
		}
		set := Rates{}
		maps.Copy(set, l.set(model))
		maps.Copy(set, change)
		limit = RateLimit{Model: model, Rates: l.with(model, set), Set: true}
		return tx.PutRateLimitOverride(ctx, RateLimitOverride{
			Model: model, ProjectID: projectID, OrganizationID: actor.OrganizationID, Rates: set,
		})
	})
	return limit, err
}

// check reports what is wrong with a change of a model's limits.
func (l *limits) check(model string, change Rates) error {
	ceiling := l.ceiling(model)
	for _, field := range rateLimitFields {
		n, ok := change[field]
		if !ok {
			continue
		}
		param := string(field)
		most, means := ceiling[field]
		switch {
		case n < 0:
			return fault.BelowMin(param, 0, n)
		case !means:
			return fault.Invalidf("inapplicable_limit", param, "Invalid '%s': the model '%s' cannot be limited by it.", param, model)
		case !l.project && n > maxRate:
			return fault.AboveMax(param, maxRate, n)
		case l.project && n > most:
			return fault.Invalidf("integer_above_max_value", param,
				"Invalid '%s': above the organization's limit. Expected a value <= %d, but got %d instead.", param, most, n)
		}
	}
	return nil
}

// ResetRateLimit takes back all that was set of a model's limits, for a project
// or, with projectID "", for the organization, and returns what holds without.
// Where nothing was set there is nothing to take back, which is no mistake.
func (s *Service) ResetRateLimit(ctx context.Context, actor audit.Actor, projectID, rateLimit string) (RateLimit, error) {
	var limit RateLimit
	err := s.update(ctx, actor, func(tx Tx) error {
		project, err := holder(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		l, err := s.limitsAt(ctx, tx, actor.OrganizationID, projectID)
		if err != nil {
			return err
		}
		// What was set for a model that is gone since can be taken back too.
		model := strings.TrimPrefix(rateLimit, rateLimitID)
		set := strings.HasPrefix(rateLimit, rateLimitID) && len(l.set(model)) > 0
		if !set {
			if model, err = s.limitedModel(ctx, tx, actor.OrganizationID, rateLimit); err != nil {
				return err
			}
		}
		limit = RateLimit{Model: model, Rates: l.ceiling(model)}
		tx.Record(event(audit.RateLimitDeleted, project, details{ID: rateLimit}))
		if !set {
			return nil
		}
		return tx.DeleteRateLimitOverride(ctx, actor.OrganizationID, projectID, model)
	})
	return limit, err
}

package org_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/internal/org"
	"weir/internal/pricing"
)

// Whatever was set, every model can be limited by what its kind can be and by
// nothing else, and a project by no more than its organization.
func TestRatesStayUnderTheCeiling(t *testing.T) {
	book, err := pricing.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	models := []string{"a model nobody knows"}
	for _, m := range book.Models() {
		models = append(models, m.ID)
	}
	fields := []org.RateLimitField{
		org.RequestsPerMinute, org.TokensPerMinute, org.ImagesPerMinute, org.AudioMegabytesPerMinute,
		org.RequestsPerDay, org.BatchInputTokensPerDay, "max_of_something_gone",
	}
	set := rapid.MapOf(rapid.SampledFrom(fields), rapid.Int64Range(0, 1<<53))
	rapid.Check(t, func(t *rapid.T) {
		defaults := org.DefaultRates(book, rapid.SampledFrom(models).Draw(t, "model"))
		before := maps.Clone(defaults)
		ceiling, own := set.Draw(t, "organization"), set.Draw(t, "project")
		organization := org.OrganizationRates(defaults, ceiling)
		project := org.ProjectRates(organization, own)
		for _, always := range []org.RateLimitField{org.RequestsPerMinute, org.TokensPerMinute} {
			if _, ok := project[always]; !ok {
				t.Fatalf("no %s in %v", always, project)
			}
		}
		for _, rates := range []org.Rates{organization, project} {
			if got, want := slices.Sorted(maps.Keys(rates)), slices.Sorted(maps.Keys(defaults)); !slices.Equal(got, want) {
				t.Fatalf("limited by %q, want %q", got, want)
			}
		}
		for field, most := range organization {
			if n, ok := ceiling[field]; ok && most != n || !ok && most != defaults[field] {
				t.Fatalf("%s of the organization is %d, set %v", field, most, ceiling)
			}
			want := most
			if n, ok := own[field]; ok {
				want = min(n, most)
			}
			if project[field] != want {
				t.Fatalf("%s of the project is %d, want %d", field, project[field], want)
			}
		}
		if !maps.Equal(before, defaults) {
			t.Fatal("the defaults changed")
		}
	})
}

package pricing

import (
	"math/rand/v2"
	"testing"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// Whatever of the shipped book a request of bounded size turns out to be, it
// costs no more than its bound said.
func TestNoPriceExceedsItsBound(t *testing.T) {
	book, random := builtin(t), rand.New(rand.NewPCG(1, 2))
	for _, model := range book.Models() {
		if !model.Priced {
			continue
		}
		priced := 0
		for range 300 {
			if checkBound(t, book, model.ID, random) {
				priced++
			}
		}
		// Some of the book are tools, or sold by the hour only.
		if _, sold := book.Resolve(Lookup{At: newest, Model: model.ID, Meter: Input, Tier: Standard}); sold && priced == 0 {
			t.Errorf("no request to %s had a price and a bound", model.ID)
		}
	}
}

var newest = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// checkBound prices a random request; it reports whether it had a price.
func checkBound(t *testing.T, book *Book, model string, random *rand.Rand) bool {
	t.Helper()
	some := func() int64 { // often nothing
		return random.Int64N(300_000) * random.Int64N(2)
	}
	tiers := [][]Tier{{Standard}, {Standard, Priority}, {Flex, Standard}}[random.IntN(3)]
	request := Request{
		At: newest.AddDate(0, 0, -random.IntN(1000)), Model: model, ModelAsked: model, Kind: usage.Completions,
		ServiceTier: string(tiers[random.IntN(len(tiers))]),
		Size:        []string{"", "1024x1024", "1024x1536", "1792x1024"}[random.IntN(4)],
		Quality:     []string{"", "low", "hd", "high"}[random.IntN(4)],
		Q:           usage.Quantities{InputText: some(), CachedText: some(), CacheWrite: some(), OutputText: some()},
	}
	q, textOnly := &request.Q, random.IntN(2) == 0
	if !textOnly {
		q.InputAudio, q.CachedAudio, q.InputImage, q.CachedImage = some(), some(), some(), some()
		q.OutputAudio, q.OutputImage = some(), some()
	}
	if random.IntN(4) == 0 {
		*q = usage.Quantities{Images: some(), Characters: some()}
	}
	searches := random.Int64N(3)
	bound, ok := book.Bound(Most{
		At: request.At, Model: model, Tiers: tiers, TextOnly: textOnly, WebSearches: searches,
		Input: q.Input() + some(), Output: q.Output() + some(), Images: q.Images, Characters: q.Characters,
	})
	if snapshots := book.namesakes(model); len(snapshots) > 0 {
		request.Model = snapshots[random.IntN(len(snapshots))]
	}
	tool := request
	tool.Kind, tool.Q = usage.WebSearchCalls, usage.Quantities{ToolCalls: searches}
	tool.ContextLevel = []string{"", "low", "high"}[random.IntN(3)]
	var cost money.USD
	for _, r := range []Request{request, tool} {
		p := book.Price(r)
		if p.Unpriced || !ok {
			return false // it is refused, or nobody knows what it costs
		}
		if p.Cost != nil {
			cost = cost.Add(*p.Cost)
		}
	}
	if cost.Cmp(bound) > 0 {
		t.Fatalf("%+v costs %s with %d searches; its bound was %s", request, cost, searches, bound)
	}
	return true
}

func TestBounds(t *testing.T) {
	book := builtin(t)
	at := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		most Most
		want string // "": none
	}{
		// The dearest snapshot of gpt-4o is that of May 2024, at 5 and 15 dollars.
		"a family is bounded by its dearest snapshot": {Most{Model: "gpt-4o", Tiers: []Tier{Standard}, Input: 1e6, TextOnly: true, Output: 1e6}, "20"},
		"a snapshot by itself":                        {Most{Model: "gpt-4o-2024-08-06", Tiers: []Tier{Standard}, Input: 1e6, TextOnly: true, Output: 1e6}, "12.5"},
		"no model":                                    {Most{Model: "nobody-knows", Tiers: []Tier{Standard}, Input: 1}, ""},
		"a tier without a price":                      {Most{Model: "gpt-4o", Tiers: []Tier{"express"}, Input: 1}, ""},
		"more than money can hold":                    {Most{Model: "gpt-4o", Tiers: []Tier{Standard}, Input: 1 << 62}, ""},
		"a search beside":                             {Most{Model: "gpt-4o-2024-08-06", Tiers: []Tier{Standard}, Input: 1e6, TextOnly: true, FileSearches: 4}, "2.51"},
	} {
		c.most.At = at
		got, ok := book.Bound(c.most)
		if ok != (c.want != "") {
			t.Errorf("%s: %s, %v", name, got, ok)
			continue
		}
		if got.Atto -= roundings; ok && got.String() != c.want {
			t.Errorf("%s: %s, not %s", name, got, c.want)
		}
	}
	if caps := book.Caps("gpt-4o"); caps.MaxOutputTokens != 16384 || caps.MaxInputTokens != 128000 {
		t.Errorf("the limits of gpt-4o: %+v", caps)
	}
}

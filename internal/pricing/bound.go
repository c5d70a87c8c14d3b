package pricing

import (
	"slices"
	"strings"
	"time"

	"weir/internal/money"
)

// Most is the most that one request can consume. What it does not say is not
// consumed.
type Most struct {
	At       time.Time
	Provider string // of the connection that is to answer
	Model    string // as sent; the provider may resolve it to any snapshot of it
	Tiers    []Tier // that may be billed

	Input    int64 // tokens
	TextOnly bool  // the input is text alone
	Output   int64 // tokens, of any modality

	Images     int64 // pictures made
	Characters int64 // of speech input

	WebSearches  int64 // calls
	FileSearches int64 // calls
	Containers   int64 // sessions
}

// Bound is a sum that [Book.Price] cannot exceed for a request that consumes no
// more than m, whichever modality, snapshot, cache and context band it is of. It
// is false where a part of m has no price.
func (b *Book) Bound(m Most) (money.USD, bool) {
	sum := bounder{ok: true}
	sum.most(b.boundModel(&m))
	var buf [8]relative
	tools := pricer{book: b, want: wanted{at: m.At, provider: m.Provider, tier: Standard, input: m.Input}}
	for _, t := range [...]struct {
		name  string
		meter Meter
		calls int64
	}{{webSearch, Call, m.WebSearches}, {fileSearch, Call, m.FileSearches}, {container, Session, m.Containers}} {
		if t.calls == 0 {
			continue
		}
		tools.sheets = b.relatives(buf[:0], t.name)
		if t.name == webSearch { // models may price it themselves
			tools.sheets = b.family(tools.sheets, m.Model)
		}
		sum.most(tools.dearest(t.meter, t.calls))
	}
	if sum.ok {
		sum.add(money.USD{Atto: roundings}) // every line of a price may be rounded up
	}
	return sum.usd, sum.ok
}

// roundings is more than the lines that a request can have, in 10⁻¹⁸ dollars:
// each is rounded to that.
const roundings = 64

// boundModel is the bound of what the model itself consumes: over the tiers and
// context bands that a request can be billed in, the dearest.
func (b *Book) boundModel(m *Most) (most money.USD, ok bool) {
	var buf [8]relative
	names := b.namesakes(m.Model)
	for i := -1; i < len(names); i++ {
		name := m.Model
		if i >= 0 {
			name = names[i]
		}
		p := pricer{book: b, sheets: b.relatives(buf[:0], name)}
		if len(p.sheets) == 0 {
			continue
		}
		for _, tier := range m.Tiers {
			for band := range p.bands(m.Input) {
				p.want = wanted{at: m.At, provider: m.Provider, tier: tier, input: band}
				if usd, priced := p.bound(m); priced && (!ok || usd.Cmp(most) > 0) {
					most, ok = usd, true
				}
			}
		}
		if p.out.Unpriced { // a sum beyond what money can hold
			return money.USD{}, false
		}
	}
	return most, ok
}

// bands are the inputs at which the model's price can change, up to input.
func (p *pricer) bands(input int64) func(yield func(int64) bool) {
	return func(yield func(int64) bool) {
		var seen [8]int64 // the first is the band of all
		known := seen[:1]
		for _, s := range p.sheets {
			for _, entries := range s.sheet {
				for i := range entries {
					if at := entries[i].ContextMinTokens; at <= input && !slices.Contains(known, at) {
						known = append(known, at)
					}
				}
			}
		}
		for _, at := range known {
			if !yield(at) {
				return
			}
		}
	}
}

var (
	textInputs   = []Meter{Input, CachedInput, CacheWrite}
	otherInputs  = []Meter{InputAudio, CachedAudio, InputImage, CachedImage}
	tokenOutputs = []Meter{Output, OutputAudio, OutputImage}
)

// bound is the dearest that m can cost in the tier and band that are wanted: it
// is billed on one basis, and one without a price spoils nothing.
func (p *pricer) bound(m *Most) (most money.USD, ok bool) {
	basis := func(usd money.USD, priced bool) {
		if priced && (!ok || usd.Cmp(most) > 0) {
			most, ok = usd, true
		}
	}
	basis(p.tokens(m))
	if m.Images > 0 {
		basis(p.dearest(Image, m.Images))
	}
	if m.Characters > 0 {
		basis(p.dearest(Character, m.Characters))
	}
	return most, ok
}

func (p *pricer) tokens(m *Most) (money.USD, bool) {
	sum := bounder{ok: m.Input+m.Output > 0}
	if m.Input > 0 {
		sum.most(p.dearestToken(textInputs, otherInputs, m.TextOnly, m.Input))
	}
	if m.Output > 0 {
		sum.most(p.dearestToken(tokenOutputs, nil, false, m.Output))
	}
	return sum.usd, sum.ok
}

// dearestToken is what so many tokens cost of the dearest of some meters. Those
// of a modality that the model's rows do not tell apart are text to the bill.
func (p *pricer) dearestToken(text, others []Meter, textOnly bool, tokens int64) (most money.USD, ok bool) {
	price := func(m Meter) {
		e := p.find(m)
		if e == nil {
			return
		}
		usd := p.amount(e, tokens, 1)
		switch {
		case usd == nil:
			p.out.Unpriced = true
		case !ok || usd.Cmp(most) > 0:
			most, ok = *usd, true
		}
	}
	for _, m := range text {
		price(m)
	}
	if textOnly {
		return most, ok
	}
	for _, m := range others {
		if p.states(m) {
			price(m)
		}
	}
	return most, ok
}

// dearest is what a quantity of a meter with attributes costs at most, whatever
// they are.
func (p *pricer) dearest(m Meter, quantity int64) (most money.USD, ok bool) {
	for _, s := range p.sheets {
		entries := s.sheet[m]
		for i := range entries {
			e := &entries[i]
			if e.Tier != p.want.tier && e.Tier != Standard || e.ContextMinTokens > p.want.input || !e.holdsAt(p.want.at) ||
				e.Provider != "" && e.Provider != p.want.provider {
				continue
			}
			if e.Tier != p.want.tier {
				if _, derives := p.want.tier.fromStandard(); !derives {
					continue
				}
			}
			usd := p.amount(e, quantity, 1)
			if usd == nil {
				return money.USD{}, false
			}
			if !ok || usd.Cmp(most) > 0 {
				most, ok = *usd, true
			}
		}
	}
	return most, ok
}

// bounder adds up parts of which each must have a price.
type bounder struct {
	usd money.USD
	ok  bool
}

func (s *bounder) most(usd money.USD, ok bool) {
	if s.ok = s.ok && ok; s.ok {
		s.add(usd)
	}
}

func (s *bounder) add(usd money.USD) {
	sum, err := s.usd.AddChecked(usd)
	s.usd, s.ok = sum, err == nil
}

// namesakes are the other names that a provider may resolve model to: the
// snapshots that the book has rows of.
func (b *Book) namesakes(model string) (names []string) {
	base := trained(model)
	for i := range b.layers {
		names = append(names, b.layers[i].dated[base]...)
	}
	return names
}

// family appends the sheets of model and of its snapshots.
func (b *Book) family(buf []relative, model string) []relative {
	buf = b.relatives(buf, model)
	for _, name := range b.namesakes(model) {
		buf = b.relatives(buf, name)
	}
	return buf
}

// Caps returns the greatest limits of model and of the snapshots that it may be
// resolved to; 0 is unknown.
func (b *Book) Caps(model string) ModelLimits {
	most, _ := b.Limits(model) // unknown is 0
	base := strings.TrimPrefix(trained(model), fineTuned)
	for _, name := range b.dated[base] {
		l := b.models[name]
		most.MaxInputTokens = max(most.MaxInputTokens, l.MaxInputTokens)
		most.MaxOutputTokens = max(most.MaxOutputTokens, l.MaxOutputTokens)
	}
	return most
}

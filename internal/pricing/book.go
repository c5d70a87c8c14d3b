package pricing

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"time"
)

// Book is an immutable set of prices and model limits, safe for concurrent use.
type Book struct {
	layers []layer // the built-in rows, then each overlay
	models map[string]ModelLimits
	dated  map[string][]string // of models: the snapshots of a family
}

// layer holds the rows that were added together, by how they match.
type layer struct {
	exact    map[string]sheet
	families map[string]sheet
	patterns []pattern
	dated    map[string][]string // the snapshots of a family that have rows of their own
}

// sheet is the rows of one model pattern, by meter.
type sheet map[Meter][]entry

type pattern struct {
	re    *regexp.Regexp
	sheet sheet
}

// entry is a row made ready for comparison.
type entry struct {
	Row
	book       int // rank of the book, 0 is the strongest
	attributes int
	staleFrom  time.Time // when the standard price changed; zero: never
}

// With returns a book that holds rows beside those of b, which stays as it is.
// Rows are meant to pass Validate; one that does not prices nothing. The cost is
// that of rows, not of b.
func (b *Book) With(rows []Row) *Book {
	return &Book{
		layers: append(slices.Clip(b.layers), newLayer(rows)),
		models: b.models,
		dated:  b.dated,
	}
}

func newLayer(rows []Row) layer {
	l := layer{exact: map[string]sheet{}, families: map[string]sheet{}}
	regexes := map[string]sheet{}
	for _, r := range rows {
		if r.Validate() != nil {
			continue
		}
		sheets := l.exact
		switch r.Match {
		case Family:
			sheets = l.families
		case Regex:
			sheets = regexes
		}
		s := sheets[r.ModelPattern]
		if s == nil {
			s = sheet{}
			sheets[r.ModelPattern] = s
		}
		r.Derived, r.Stale = false, false
		s[r.Meter] = append(s[r.Meter], entry{Row: r, book: r.Book.rank(), attributes: r.attributes()})
	}
	for expr, s := range regexes {
		if re, err := regexp.Compile(expr); err == nil { // Validate saw to it
			l.patterns = append(l.patterns, pattern{re: re, sheet: s})
		}
	}
	l.dated = snapshots(slices.Concat(slices.Collect(maps.Keys(l.exact)), slices.Collect(maps.Keys(l.families))))
	for _, sheets := range []map[string]sheet{l.exact, l.families, regexes} {
		for _, s := range sheets {
			s.markStale()
		}
	}
	return l
}

func (n BookName) rank() int {
	switch n {
	case ContractBook:
		return 0
	case CustomBook:
		return 1
	default:
		return 2
	}
}

// markStale flags rows of other tiers that the standard price has left behind:
// stated before the day a standard row of the same key took effect.
func (s sheet) markStale() {
	for _, entries := range s {
		for i := range entries {
			e := &entries[i]
			if e.Tier == Standard {
				continue
			}
			for j := range entries {
				changed := entries[j].EffectiveFrom
				if !entries[j].standardOf(e) || !changed.After(e.stated()) {
					continue
				}
				if e.staleFrom.IsZero() || changed.Before(e.staleFrom) {
					e.Stale, e.staleFrom = true, changed
				}
			}
		}
	}
}

// standardOf reports whether e is a standard row of o's key.
func (e *entry) standardOf(o *entry) bool {
	return e.Tier == Standard && e.Book == o.Book && e.Provider == o.Provider &&
		e.ContextMinTokens == o.ContextMinTokens &&
		e.Size == o.Size && e.Quality == o.Quality && e.ContextLevel == o.ContextLevel
}

// kinship says how close a sheet's pattern is to the model, 0 the closest.
type kinship int

const (
	byName kinship = iota
	byTrainedName
	byFamily
	byRegex
)

type relative struct {
	sheet sheet
	kin   kinship
}

// relatives appends the sheets that match model to buf.
func (b *Book) relatives(buf []relative, model string) []relative {
	if model == "" {
		return buf
	}
	base := trained(model)
	kin := family(base)
	for i := range b.layers {
		l := &b.layers[i]
		if s := l.exact[model]; s != nil {
			buf = append(buf, relative{s, byName})
		}
		if base != model {
			if s := l.exact[base]; s != nil {
				buf = append(buf, relative{s, byTrainedName})
			}
		}
		if s := l.families[kin]; s != nil {
			buf = append(buf, relative{s, byFamily})
		}
		if kin != base { // a family row may itself name a snapshot
			if s := l.families[base]; s != nil {
				buf = append(buf, relative{s, byFamily})
			}
		}
		for _, p := range l.patterns {
			if p.re.MatchString(model) {
				buf = append(buf, relative{p.sheet, byRegex})
			}
		}
	}
	return buf
}

// wanted is what a row must fit.
type wanted struct {
	at           time.Time
	provider     string
	tier         Tier
	input        int64 // the request's input total, in tokens
	size         string
	quality      string
	contextLevel string
}

func (e *entry) fits(w *wanted) bool {
	return (e.Tier == w.tier || e.Tier == Standard) &&
		e.ContextMinTokens <= w.input &&
		(e.Provider == "" || e.Provider == w.provider) &&
		(e.attributes == 0 || e.fitsAttributes(w)) &&
		e.holdsAt(w.at)
}

func (e *entry) fitsAttributes(w *wanted) bool {
	return (e.Size == "" || e.Size == w.size) &&
		(e.Quality == "" || e.Quality == w.quality || plainQuality(e.Quality) && plainQuality(w.quality)) &&
		(e.ContextLevel == "" || e.ContextLevel == w.contextLevel)
}

// plainQuality reports whether q is a word for the quality one gets by not
// asking; providers have used several.
func plainQuality(q string) bool {
	return q == "" || q == "auto" || q == "default" || q == "standard"
}

// find returns the row that prices m, by the order in the package comment.
func find(sheets []relative, m Meter, w *wanted) (best *entry) {
	var bestKin kinship
	for _, s := range sheets {
		entries := s.sheet[m]
		for i := range entries {
			e := &entries[i]
			if e.fits(w) && (best == nil || before(e, s.kin, best, bestKin, w)) {
				best, bestKin = e, s.kin
			}
		}
	}
	if best != nil && best.Tier != w.tier {
		if _, ok := w.tier.fromStandard(); !ok {
			return nil
		}
	}
	return best
}

// before reports whether a precedes b in the order of the package comment.
func before(a *entry, aKin kinship, b *entry, bKin kinship, w *wanted) bool {
	if a.book != b.book {
		return a.book < b.book
	}
	if (aKin == byRegex) != (bKin == byRegex) {
		return bKin == byRegex
	}
	if a.ContextMinTokens != b.ContextMinTokens {
		return a.ContextMinTokens > b.ContextMinTokens
	}
	if a.attributes != b.attributes {
		return a.attributes > b.attributes
	}
	if a.Quality != b.Quality && (a.Quality == w.quality) != (b.Quality == w.quality) {
		return a.Quality == w.quality
	}
	if a.Tier != b.Tier {
		return a.Tier == w.tier
	}
	if aKin != bKin {
		return aKin < bKin
	}
	if (a.Provider == "") != (b.Provider == "") {
		return a.Provider != ""
	}
	return newer(&a.Row, &b.Row) < 0
}

// Rows returns every row that can price model, the likeliest first: by meter,
// book, nearness, tier and date.
func (b *Book) Rows(model string) []Row {
	type found struct {
		kin kinship
		*entry
	}
	var all []found
	for _, s := range b.relatives(nil, model) {
		for _, entries := range s.sheet {
			for i := range entries {
				all = append(all, found{s.kin, &entries[i]})
			}
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(
			cmp.Compare(slices.Index(meters, a.Meter), slices.Index(meters, b.Meter)),
			cmp.Compare(a.book, b.book),
			cmp.Compare(a.kin, b.kin),
			cmp.Compare(tierOrder(a.Tier), tierOrder(b.Tier)),
			cmp.Compare(a.ContextMinTokens, b.ContextMinTokens),
			cmp.Compare(b.Provider, a.Provider),
			newer(&a.Row, &b.Row),
		)
	})
	rows := make([]Row, len(all))
	for i, f := range all {
		rows[i] = f.Row
	}
	return rows
}

func tierOrder(t Tier) int { return slices.Index([]Tier{Standard, Batch, Flex, Priority}, t) }

// Known reports whether the book has any price for model.
func (b *Book) Known(model string) bool {
	return len(b.relatives(make([]relative, 0, 8), model)) > 0
}

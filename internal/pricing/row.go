package pricing

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"time"

	"weir/internal/fault"
	"weir/internal/money"
)

// BookName says who states a price.
type BookName string

// The books, the strongest first.
const (
	ContractBook BookName = "contract" // agreed with the provider
	CustomBook   BookName = "custom"   // set by the operator
	ListBook     BookName = "list"     // the provider's public price
)

// Match is how a row's ModelPattern is compared with a model.
type Match string

// The ways to match.
const (
	Exact  Match = "exact"  // the same name
	Family Match = "family" // the same name, or a dated snapshot of it
	Regex  Match = "regex"  // a regular expression (RE2) found in the name
)

// maxUnitSize keeps the divisor of one line within 64 bits: it is multiplied by
// 2³⁰ for a price per gibibyte and by the two of a derived tier.
const maxUnitSize = 1_000_000_000

// Row is one dated price: USDPerUnit for every UnitSize of Meter.
type Row struct {
	Book             BookName
	Provider         string // empty: whoever serves the model
	ModelPattern     string // a model, or a tool: web_search, file_search, container, vector_store_storage
	Match            Match
	Meter            Meter
	Size             string // image 1024x1024, video 720p, container 1g; empty: any
	Quality          string // of images: low, medium, high, standard, hd; empty: any
	ContextLevel     string // of web searches: low, medium, high; empty: any
	Tier             Tier
	ContextMinTokens int64 // the row holds for requests with at least this much input
	USDPerUnit       money.USD
	UnitSize         int64     // 60 for a price per minute of a meter in seconds
	EffectiveFrom    time.Time // zero: from the beginning
	EffectiveTo      time.Time // exclusive; zero: no end
	Source           string
	SourceDate       time.Time

	// Derived is set on answers only: the price was computed from the standard
	// tier's row.
	Derived bool
	// Stale is set by the book on a row of another tier than standard when the
	// standard price of the same key changed after this row was stated.
	Stale bool
}

// Validate reports the first broken rule as a fault whose param is the field's
// name in the native API.
func (r Row) Validate() error {
	switch {
	case !slices.Contains([]BookName{ContractBook, CustomBook, ListBook}, r.Book):
		return invalid("book", "must be list, contract or custom")
	case r.ModelPattern == "":
		return invalid("model_pattern", "must not be empty")
	case !slices.Contains([]Match{Exact, Family, Regex}, r.Match):
		return invalid("match", "must be exact, family or regex")
	case !r.Meter.Known():
		return invalid("meter", fmt.Sprintf("%q is not a meter", r.Meter))
	case !slices.Contains([]Tier{Standard, Batch, Flex, Priority}, r.Tier):
		return invalid("tier", "must be standard, batch, flex or priority")
	case r.ContextMinTokens < 0:
		return invalid("context_min_tokens", "must not be negative")
	case r.USDPerUnit.Sign() < 0:
		return invalid("usd_per_unit", "must not be negative")
	case r.UnitSize < 1 || r.UnitSize > maxUnitSize:
		return invalid("unit_size", "must be between 1 and 10^9")
	case !r.EffectiveTo.IsZero() && !r.EffectiveTo.After(r.EffectiveFrom):
		return invalid("effective_to", "must be after effective_from")
	}
	if r.Match == Regex {
		if _, err := regexp.Compile(r.ModelPattern); err != nil {
			return fault.Invalidf("invalid_value", "model_pattern", "'model_pattern' is not a regular expression.").With(err)
		}
	}
	return nil
}

func invalid(param, rule string) error {
	return fault.Invalidf("invalid_value", param, "'%s' %s.", param, rule)
}

// holdsAt reports whether the row's dates include t.
func (r *Row) holdsAt(t time.Time) bool {
	return !t.Before(r.EffectiveFrom) && (r.EffectiveTo.IsZero() || t.Before(r.EffectiveTo))
}

// stated is when the row was known to be true.
func (r *Row) stated() time.Time {
	if r.EffectiveFrom.IsZero() {
		return r.SourceDate
	}
	return r.EffectiveFrom
}

// attributes counts the attributes the row insists on.
func (r *Row) attributes() (n int) {
	for _, a := range [...]string{r.Size, r.Quality, r.ContextLevel} {
		if a != "" {
			n++
		}
	}
	return n
}

// newer orders two rows of equal standing: the later effective date first, then
// the later source. The rest only makes the order total.
func newer(a, b *Row) int {
	if c := b.EffectiveFrom.Compare(a.EffectiveFrom); c != 0 {
		return c
	}
	if c := b.SourceDate.Compare(a.SourceDate); c != 0 {
		return c
	}
	return cmp.Or(
		b.USDPerUnit.Cmp(a.USDPerUnit), // the dearer: a limit must not be overrun by a tie
		cmp.Compare(a.UnitSize, b.UnitSize),
		b.EffectiveTo.Compare(a.EffectiveTo),
		cmp.Compare(a.Source, b.Source),
		cmp.Compare(a.ModelPattern, b.ModelPattern),
		cmp.Compare(a.Size, b.Size),
		cmp.Compare(a.Quality, b.Quality),
		cmp.Compare(a.ContextLevel, b.ContextLevel),
	)
}

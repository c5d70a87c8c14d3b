package pricing

import (
	"cmp"
	"math"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// Request is what was consumed, by what, when.
type Request struct {
	At           time.Time // decides which dated rows hold
	Provider     string    // of the connection that answered, for rows of one provider
	Model        string    // as the provider resolved it
	ModelAsked   string    // priced instead where the book does not know Model
	Kind         usage.Kind
	ServiceTier  string // as the provider reported it
	Batch        bool
	Size         string // images 1024x1024, videos 1280x720, containers 4g
	Quality      string // of images
	ContextLevel string // of web searches
	Q            usage.Quantities
}

// Priced is a request in money.
type Priced struct {
	Lines    []usage.CostLine
	Cost     *money.USD // the sum of Lines; nil when there are none, or one has no price
	Unpriced bool       // something was consumed that no row covers
	Tier     string
	Derived  bool // a price was computed from the standard tier's
	Stale    bool // a price was used that the standard tier's has left behind
}

// maxQuantity keeps quantity × tier factor within 64 bits.
const maxQuantity = math.MaxInt64 / 2

// Price prices a request. Lines stand in the order of the bill: input, cached
// input, cache writes, output, tools.
//
// A request is billed on one basis: tokens, else images, else characters, else
// seconds. Where a model is sold both by token and by picture or second, tokens
// decide; a measure that has no price does not spoil one that has.
func (b *Book) Price(r Request) Priced {
	var buf [8]relative
	name, sheets := b.resolve(buf[:0], &r)
	p := pricer{
		book:   b,
		sheets: sheets,
		name:   billed(name),
		want: wanted{
			at:       r.At,
			provider: r.Provider,
			tier:     TierOf(r.ServiceTier, r.Batch),
			input:    r.Q.Input(),
			quality:  r.Quality,
		},
	}
	p.out.Tier = string(p.want.tier)
	p.consumed(&r)
	p.tools(&r)
	p.sum()
	return p.out
}

// resolve returns the name for line items and the sheets that price it.
func (b *Book) resolve(buf []relative, r *Request) (name string, sheets []relative) {
	name = cmp.Or(r.Model, r.ModelAsked, "unknown model")
	sheets = b.relatives(buf, r.Model)
	if len(sheets) == 0 && r.ModelAsked != r.Model {
		sheets = b.relatives(buf, r.ModelAsked)
	}
	return name, sheets
}

// pricer collects the lines of one request.
type pricer struct {
	book   *Book
	sheets []relative
	name   string // the model, as line items spell it
	want   wanted
	out    Priced
	kept   []money.USD // behind the pointers of out
}

// keep returns a pointer to u, in one allocation for a usual request. Growth
// leaves earlier pointers on the older array, which nothing writes again.
func (p *pricer) keep(u money.USD) *money.USD {
	if p.kept == nil {
		p.kept = make([]money.USD, 0, 5)
	}
	p.kept = append(p.kept, u)
	return &p.kept[len(p.kept)-1]
}

// find returns the row that prices m, or a stand-in for it.
func (p *pricer) find(m Meter) *entry {
	for _, s := range m.standIns() {
		if e := find(p.sheets, s, &p.want); e != nil {
			return e
		}
	}
	return nil
}

// states reports whether any row of the model, whatever its date, is for m.
func (p *pricer) states(m Meter) bool {
	for _, s := range p.sheets {
		if len(s.sheet[m]) > 0 {
			return true
		}
	}
	return false
}

// add appends a line of quantity units, each of which is divisor parts of what
// the row's UnitSize counts: 1000 where the quantity is in thousandths.
func (p *pricer) add(line usage.CostLine, e *entry, quantity, divisor int64) {
	if p.out.Lines == nil {
		p.out.Lines = make([]usage.CostLine, 0, 4)
	}
	line.Amount = p.amount(e, quantity, divisor)
	if line.Amount == nil {
		p.out.Unpriced = true
	}
	p.out.Lines = append(p.out.Lines, line)
}

func (p *pricer) amount(e *entry, quantity, divisor int64) *money.USD {
	if e == nil || quantity > maxQuantity {
		return nil
	}
	f := factor{1, 1}
	if e.Tier != p.want.tier {
		f, _ = p.want.tier.fromStandard() // find saw to it
	}
	usd, err := e.USDPerUnit.MulDiv(quantity*f.num, e.UnitSize*divisor*f.den)
	if err != nil {
		return nil // beyond what money can hold: no price, rather than a wrong one
	}
	if e.Tier != p.want.tier {
		p.out.Derived = true
	}
	if e.Stale && !p.want.at.Before(e.staleFrom) {
		p.out.Stale = true
	}
	return p.keep(usd)
}

func (p *pricer) sum() {
	if p.out.Unpriced || len(p.out.Lines) == 0 {
		return
	}
	var total money.USD
	for i := range p.out.Lines {
		var err error
		if total, err = total.AddChecked(*p.out.Lines[i].Amount); err != nil {
			p.out.Unpriced = true
			return
		}
	}
	p.out.Cost = p.keep(total)
}

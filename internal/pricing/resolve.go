package pricing

import "time"

// Lookup asks for the price of one meter.
type Lookup struct {
	At           time.Time
	Provider     string
	Model        string // or a tool: web_search, file_search, container, vector_store_storage
	Meter        Meter
	Tier         Tier
	InputTokens  int64 // the request's input total, which decides the context band
	Size         string
	Quality      string
	ContextLevel string
}

// Resolve returns the row Price would use for l, stand-ins included: its Meter
// says whose price it is. A row computed for l.Tier has that tier, the computed
// price and Derived set. It is false when there is no price.
func (b *Book) Resolve(l Lookup) (Row, bool) {
	var buf [8]relative
	p := pricer{
		sheets: b.relatives(buf[:0], l.Model),
		want: wanted{
			at: l.At, provider: l.Provider, tier: l.Tier, input: l.InputTokens,
			size: l.Size, quality: l.Quality, contextLevel: l.ContextLevel,
		},
	}
	e := find(p.sheets, l.Meter, &p.want)
	if e == nil {
		e = p.find(l.Meter)
	}
	if e == nil {
		return Row{}, false
	}
	row := e.Row
	if row.Tier != l.Tier {
		f, _ := l.Tier.fromStandard() // find saw to it
		usd, err := row.USDPerUnit.MulDiv(f.num, f.den)
		if err != nil {
			return Row{}, false
		}
		row.Tier, row.USDPerUnit, row.Derived = l.Tier, usd, true
	}
	return row, true
}

package pricing

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/fault"
	"weir/internal/money"
	"weir/internal/usage"
)

// shipped returns the rows as the data states them.
func shipped(t testing.TB) []Row {
	t.Helper()
	rows, err := readPrices(bytes.NewReader(pricesCSV))
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// bookOf returns a book of these rows alone.
func bookOf(rows ...Row) *Book { return &Book{layers: []layer{newLayer(rows)}} }

// lookupOf asks for r's own price, at the first moment it is known to hold.
func lookupOf(r Row) Lookup {
	return Lookup{
		At: r.stated(), Provider: r.Provider, Model: r.ModelPattern, Meter: r.Meter, Tier: r.Tier,
		InputTokens: r.ContextMinTokens, Size: r.Size, Quality: r.Quality, ContextLevel: r.ContextLevel,
	}
}

func TestEveryShippedRowResolvesToItself(t *testing.T) {
	book, rows := builtin(t), shipped(t)
	if len(rows) < 1000 {
		t.Fatalf("only %d rows", len(rows))
	}
	restated := 0
	for _, r := range rows {
		l := lookupOf(r)
		if r.EffectiveFrom.IsZero() {
			l.At = day(t, "2025-01-01") // before every dated row
		}
		got, ok := book.Resolve(l)
		got.Stale = false
		if ok && got == r {
			continue
		}
		// The one reason to answer with another row: a later source states the
		// same price for the same thing in another unit.
		if got.Meter == r.Meter && got.SourceDate.After(r.SourceDate) && got.UnitSize != r.UnitSize {
			restated++
			continue
		}
		t.Errorf("%+v\nresolves to\n%+v", r, got)
	}
	if restated > 1 {
		t.Errorf("%d rows are restated in another unit; only gpt-realtime-whisper should be", restated)
	}
}

func TestOrderOfRowsNeverMatters(t *testing.T) {
	rows := shipped(t)
	book := builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		shuffled := slices.Clone(rows)
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		other := &Book{layers: []layer{newLayer(shuffled)}, models: book.models}
		for range 50 {
			r := requests(rows).Draw(t, "request")
			if a, b := book.Price(r), other.Price(r); !reflect.DeepEqual(a, b) {
				t.Fatalf("%+v\nin order: %+v\nshuffled: %+v", r, a, b)
			}
		}
	})
}

func TestLinesAddUpToTheCost(t *testing.T) {
	rows, book := shipped(t), builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		r := requests(rows).Draw(t, "request")
		p := book.Price(r)
		var sum money.USD
		unpriced := false
		for _, l := range p.Lines {
			if l.Quantity < 0 || l.LineItem == "" || l.Meter == "" || l.Unit == "" {
				t.Fatalf("line %+v", l)
			}
			if l.Amount == nil {
				unpriced = true
				continue
			}
			sum = sum.Add(*l.Amount)
		}
		switch {
		case unpriced != p.Unpriced:
			t.Fatalf("unpriced is %v: %+v", p.Unpriced, p.Lines)
		case unpriced || len(p.Lines) == 0:
			if p.Cost != nil {
				t.Fatalf("cost %s of %+v", p.Cost, p.Lines)
			}
		case p.Cost == nil || *p.Cost != sum:
			t.Fatalf("cost %v; lines add up to %s", p.Cost, sum)
		}
	})
}

// Token lines carry every token exactly once, whatever is folded together.
func TestNoTokenIsLostOrCountedTwice(t *testing.T) {
	rows, book := shipped(t), builtin(t)
	rapid.Check(t, func(t *rapid.T) {
		r := requests(rows).Draw(t, "request")
		var got int64
		for _, l := range book.Price(r).Lines {
			if l.Unit == unitTokens {
				got += l.Quantity
			}
		}
		if want := r.Q.Input() + r.Q.Output(); got != 0 && got != want {
			t.Fatalf("%d tokens in lines, %d consumed: %+v", got, want, r)
		}
	})
}

func requests(rows []Row) *rapid.Generator[Request] {
	models := []string{"unheard-of", ""}
	for _, r := range rows {
		models = append(models, r.ModelPattern, r.ModelPattern+"-2029-03-04")
	}
	slices.Sort(models)
	models = slices.Compact(models)
	count := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 400_000))
	return rapid.Custom(func(t *rapid.T) Request {
		n := func(name string) int64 { return count.Draw(t, name) }
		return Request{
			At:           time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(0, 900).Draw(t, "day")),
			Model:        rapid.SampledFrom(models).Draw(t, "model"),
			Kind:         rapid.SampledFrom([]usage.Kind{usage.Completions, usage.Images, usage.WebSearchCalls, usage.FileSearchCalls, usage.VectorStores}).Draw(t, "kind"),
			ServiceTier:  rapid.SampledFrom([]string{"", "flex", "priority", "scale", "express"}).Draw(t, "tier"),
			Batch:        rapid.Bool().Draw(t, "batch"),
			Size:         rapid.SampledFrom([]string{"", "1024x1024", "1536x1024", "1280x720", "4g"}).Draw(t, "size"),
			Quality:      rapid.SampledFrom([]string{"", "low", "hd", "auto"}).Draw(t, "quality"),
			ContextLevel: rapid.SampledFrom([]string{"", "high"}).Draw(t, "level"),
			Q: usage.Quantities{
				InputText: n("it"), InputAudio: n("ia"), InputImage: n("ii"), CachedText: n("ct"), CachedAudio: n("ca"), CachedImage: n("ci"),
				CacheWrite: n("cw"), OutputText: n("ot"), OutputAudio: n("oa"), OutputImage: n("oi"),
				Images: n("images"), Characters: n("chars"), Millis: n("ms"), Bytes: n("bytes"), Sessions: n("sessions"), ToolCalls: n("calls"),
			},
		}
	})
}

// custom is an undated standard row, to be varied.
func custom(t testing.TB, book BookName, match Match, pattern string, meter Meter, price string) Row {
	return Row{Book: book, Match: match, ModelPattern: pattern, Meter: meter, Tier: Standard, UnitSize: 1, USDPerUnit: usd(t, price)}
}

func TestPrecedence(t *testing.T) {
	at := day(t, "2026-10-01")
	const model = "m-2026-01-01"
	row := func(book BookName, match Match, price string) Row {
		pattern := map[Match]string{Exact: model, Family: "m", Regex: "^m-"}[match]
		return custom(t, book, match, pattern, Input, price)
	}
	with := func(r Row, change func(*Row)) Row {
		change(&r)
		return r
	}
	dated := func(r Row, from string) Row {
		return with(r, func(r *Row) { r.EffectiveFrom = day(t, from) })
	}
	cases := []struct {
		name   string
		rows   []Row
		lookup Lookup
		want   string
	}{
		{"contract before custom before list", []Row{row(ListBook, Exact, "1"), row(CustomBook, Exact, "2"), row(ContractBook, Exact, "3")}, Lookup{}, "3"},
		{"custom before list, whatever matches closer", []Row{row(ListBook, Exact, "1"), row(CustomBook, Regex, "2")}, Lookup{}, "2"},
		{"exact before family before regex", []Row{row(ListBook, Regex, "1"), row(ListBook, Family, "2"), row(ListBook, Exact, "3")}, Lookup{}, "3"},
		{"family before regex", []Row{row(ListBook, Regex, "1"), row(ListBook, Family, "2")}, Lookup{}, "2"},
		{"exact undated before family dated", []Row{row(ListBook, Exact, "1"), dated(row(ListBook, Family, "2"), "2026-05-01")}, Lookup{}, "1"},
		{"the latest date not after the event", []Row{row(ListBook, Exact, "1"), dated(row(ListBook, Exact, "2"), "2026-09-30"), dated(row(ListBook, Exact, "3"), "2026-10-02")}, Lookup{}, "2"},
		{"a contract of tomorrow does not hold today", []Row{row(ListBook, Exact, "1"), dated(row(ContractBook, Exact, "2"), "2026-10-02")}, Lookup{}, "1"},
		{"a contract that ended yesterday does not either", []Row{row(ListBook, Exact, "1"), with(row(ContractBook, Exact, "2"), func(r *Row) { r.EffectiveTo = at })}, Lookup{}, "1"},
		{"another provider's row", []Row{row(ListBook, Exact, "1"), with(row(ContractBook, Exact, "2"), func(r *Row) { r.Provider = "azure_openai" })}, Lookup{Provider: "openai"}, "1"},
		{"the provider's row before anyone's", []Row{row(ContractBook, Exact, "1"), with(row(ContractBook, Exact, "2"), func(r *Row) { r.Provider = "azure_openai" })}, Lookup{Provider: "azure_openai"}, "2"},
		{"a contract's standard price, halved, before a list batch price", []Row{with(row(ListBook, Exact, "1"), func(r *Row) { r.Tier = Batch }), row(ContractBook, Exact, "3")}, Lookup{Tier: Batch}, "1.5"},
		{"priority doubles", []Row{row(ListBook, Exact, "3")}, Lookup{Tier: Priority}, "6"},
		{"a flat contract has no surcharge", []Row{with(row(ListBook, Exact, "2"), func(r *Row) { r.ContextMinTokens = 100 }), row(ContractBook, Exact, "1")}, Lookup{InputTokens: 200}, "1"},
		{"the highest band reached", []Row{row(ListBook, Exact, "1"), with(row(ListBook, Exact, "2"), func(r *Row) { r.ContextMinTokens = 100 }), with(row(ListBook, Exact, "3"), func(r *Row) { r.ContextMinTokens = 201 })}, Lookup{InputTokens: 200}, "2"},
		{"the later source of two undated", []Row{with(row(ListBook, Exact, "1"), func(r *Row) { r.SourceDate = at }), row(ListBook, Exact, "2")}, Lookup{}, "1"},
		{"a row that does not validate prices nothing", []Row{row(ListBook, Exact, "1"), with(row(ContractBook, Regex, "2"), func(r *Row) { r.ModelPattern = "m(" })}, Lookup{}, "1"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.lookup.At, c.lookup.Model, c.lookup.Meter = at, model, Input
			if c.lookup.Tier == "" {
				c.lookup.Tier = Standard
			}
			for _, rows := range [][]Row{c.rows, reversed(c.rows)} {
				got, ok := bookOf(rows...).Resolve(c.lookup)
				if !ok || got.USDPerUnit.String() != c.want {
					t.Errorf("price %s, %v; want %s", got.USDPerUnit, ok, c.want)
				}
				if derived := got.Tier != Standard; got.Derived != derived {
					t.Errorf("derived is %v", got.Derived)
				}
			}
		})
	}
}

func reversed(rows []Row) []Row {
	rows = slices.Clone(rows)
	slices.Reverse(rows)
	return rows
}

func TestOverlay(t *testing.T) {
	list := builtin(t)
	r := Request{At: day(t, "2026-10-01"), Model: "gpt-4o-2024-08-06", Q: usage.Quantities{InputText: 1_000, CachedText: 1_000}}
	before := list.Price(r)
	contract := custom(t, ContractBook, Family, "gpt-4o", Input, "2")
	contract.UnitSize = 1_000_000
	local := custom(t, CustomBook, Regex, "^llama", Input, "0")

	book := list.With([]Row{contract}).With([]Row{local})
	if got := describe(book.Price(r)); got.cost != "0.00325" { // cached at its list price
		t.Errorf("under contract: %+v", got)
	}
	if got := list.Price(r); !reflect.DeepEqual(got, before) {
		t.Errorf("the overlay changed the book it was laid over: %+v", got)
	}
	llama := Request{At: r.At, Model: "llama-9", Q: usage.Quantities{InputText: 1}}
	if got := book.Price(llama); got.Cost == nil || !got.Cost.IsZero() {
		t.Errorf("a custom price of 0: %+v", got)
	}
	if got := list.Price(llama); got.Cost != nil || !got.Unpriced {
		t.Errorf("without it: %+v", got)
	}
	if !book.Known("llama-9") || list.Known("llama-9") || !list.Known("gpt-4o-2031-01-02") {
		t.Error("Known")
	}
	if rows := book.Rows("gpt-4o-2024-08-06"); rows[0].Book != ContractBook || rows[0].Meter != Input {
		t.Errorf("first row %+v", rows[0])
	}
}

func TestStaleRows(t *testing.T) {
	stale := map[string]bool{}
	for _, model := range []string{"gpt-4o", "gpt-5", "o3", "gpt-5.6-luna", "gpt-5.6-sol", "o3-deep-research"} {
		for _, r := range builtin(t).Rows(model) {
			if r.Stale && r.Tier == Standard {
				t.Errorf("standard row is stale: %+v", r)
			}
			stale[model] = stale[model] || r.Stale
		}
	}
	want := map[string]bool{
		"gpt-4o": false, "gpt-5": false,
		"o3":           false, // its standard price changed, but before the flex rows were read
		"gpt-5.6-luna": true, "gpt-5.6-sol": true, "o3-deep-research": true,
	}
	if !reflect.DeepEqual(stale, want) {
		t.Errorf("stale: %v; want %v", stale, want)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	good := custom(t, CustomBook, Exact, "m", Input, "1")
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for param, spoil := range map[string]func(*Row){
		"book":               func(r *Row) { r.Book = "" },
		"model_pattern":      func(r *Row) { r.Match, r.ModelPattern = Regex, "(" },
		"match":              func(r *Row) { r.Match = "glob" },
		"meter":              func(r *Row) { r.Meter = "tokens" },
		"tier":               func(r *Row) { r.Tier = "scale" },
		"context_min_tokens": func(r *Row) { r.ContextMinTokens = -1 },
		"usd_per_unit":       func(r *Row) { r.USDPerUnit = r.USDPerUnit.Neg() },
		"unit_size":          func(r *Row) { r.UnitSize = maxUnitSize + 1 },
		"effective_to":       func(r *Row) { r.EffectiveFrom = day(t, "2026-01-01"); r.EffectiveTo = r.EffectiveFrom },
	} {
		r := good
		spoil(&r)
		err, ok := r.Validate().(*fault.Error)
		if !ok || err.Kind != fault.Invalid || err.Param != param {
			t.Errorf("%s: %v", param, err)
		}
	}
}

package sqlevents

import (
	"fmt"
	"strings"

	"weir/internal/money"
	"weir/internal/usage"
)

// rollup is a table of sums per bucket, caller and item.
type rollup struct {
	width  usage.Width
	table  string
	levels []level // of its callers, finest first
	// all writes every quantity, text only those of text, which most rows have
	// no others than: what is not bound, compared and added costs nothing.
	all, text insert
}

// rollups are the tables of usage. Days are also kept by project, minutes and
// hours are not: the rows are many and the question is rare.
var rollups = []rollup{
	newRollup(usage.Minute, "usage_minutes", byKey, byOrganization),
	newRollup(usage.Hour, "usage_hours", byKey, byOrganization),
	newRollup(usage.Day, "usage_days", byKey, byProject, byOrganization),
}

// costLevels are the levels of the callers in usage_cost_days.
var costLevels = []level{byKey, byProject, byOrganization}

func newRollup(width usage.Width, table string, levels ...level) rollup {
	r := rollup{width: width, table: table, levels: levels}
	r.all, r.text = r.insertOf(len(quantities)), r.insertOf(textQuantities)
	return r
}

// insertOf adds rows of the first n quantities.
func (r rollup) insertOf(n int) insert {
	columns := []string{"bucket", "caller", "item", "requests"}
	for _, q := range quantities[:n] {
		columns = append(columns, q.column)
	}
	sums := make([]string, 0, len(columns))
	for _, c := range columns[3:] {
		sums = append(sums, c+" = "+added(r.table, c))
	}
	return insert{into: r.table, columns: columns, onConflict: "(bucket, caller, item) DO UPDATE SET " + strings.Join(sums, ", ")}
}

// The bounds of what is added up, far above what is real, so that no provider's
// nonsense can turn a sum into a fraction on SQLite or into an error on
// PostgreSQL, where a batch that fails holds up all that follow.
const (
	maxCount    = 1_000_000_000_000         // of one event in one quantity; more counts as this
	maxNano     = 1_000_000_000_000_000     // nano-dollars of one cost line, $1,000,000; more is unpriced
	fullCount   = 1 << 53                   // a stored count beyond this stays as it is
	fullNano    = 4_000_000_000_000_000_000 // and a stored amount beyond this, $4,000,000,000
	attosInNano = 1_000_000_000
)

// added is the sum of a stored count and a new one.
func added(table, column string) string {
	return fmt.Sprintf("CASE WHEN %[1]s.%[2]s > %[3]d THEN %[1]s.%[2]s ELSE %[1]s.%[2]s + excluded.%[2]s END", table, column, int64(fullCount))
}

// counted is n as it is counted.
func counted(n int64) int64 { return min(max(n, 0), maxCount) }

// textQuantities is how many quantities, from the first on, are those of text.
const textQuantities = 6

// quantities are the columns of usage.Quantities, those of text first.
var quantities = []struct {
	column string
	of     func(*usage.Quantities) *int64
}{
	{"input_text", func(q *usage.Quantities) *int64 { return &q.InputText }},
	{"cached_text", func(q *usage.Quantities) *int64 { return &q.CachedText }},
	{"cache_write", func(q *usage.Quantities) *int64 { return &q.CacheWrite }},
	{"output_text", func(q *usage.Quantities) *int64 { return &q.OutputText }},
	{"reasoning", func(q *usage.Quantities) *int64 { return &q.Reasoning }},
	{"choices", func(q *usage.Quantities) *int64 { return &q.Choices }},
	{"input_audio", func(q *usage.Quantities) *int64 { return &q.InputAudio }},
	{"input_image", func(q *usage.Quantities) *int64 { return &q.InputImage }},
	{"cached_audio", func(q *usage.Quantities) *int64 { return &q.CachedAudio }},
	{"cached_image", func(q *usage.Quantities) *int64 { return &q.CachedImage }},
	{"output_audio", func(q *usage.Quantities) *int64 { return &q.OutputAudio }},
	{"output_image", func(q *usage.Quantities) *int64 { return &q.OutputImage }},
	{"images", func(q *usage.Quantities) *int64 { return &q.Images }},
	{"characters", func(q *usage.Quantities) *int64 { return &q.Characters }},
	{"millis", func(q *usage.Quantities) *int64 { return &q.Millis }},
	{"bytes", func(q *usage.Quantities) *int64 { return &q.Bytes }},
	{"sessions", func(q *usage.Quantities) *int64 { return &q.Sessions }},
	{"tool_calls", func(q *usage.Quantities) *int64 { return &q.ToolCalls }},
}

// usageSum is a row of a roll-up of usage.
type usageSum struct {
	requests   int64
	quantities usage.Quantities
}

func (u *usageSum) add(more *usage.Quantities) {
	u.requests++
	for _, q := range quantities {
		*q.of(&u.quantities) += counted(*q.of(more))
	}
}

// textOnly reports whether there is nothing but text to write.
func (u *usageSum) textOnly() bool {
	for _, q := range quantities[textQuantities:] {
		if *q.of(&u.quantities) != 0 {
			return false
		}
	}
	return true
}

func allText(sums map[place]*usageSum) bool {
	for _, u := range sums {
		if !u.textOnly() {
			return false
		}
	}
	return true
}

// row is a row of the first n quantities.
func (u *usageSum) row(key [3]int64, n int) []any {
	row := make([]any, 0, len(key)+1+n)
	row = append(row, key[0], key[1], key[2], u.requests)
	for _, q := range quantities[:n] {
		row = append(row, *q.of(&u.quantities))
	}
	return row
}

// costSum is a row of usage_cost_days.
type costSum struct {
	quantity, priced, unpriced int64
	amount                     money.USD
}

func (c *costSum) add(line usage.CostLine) {
	c.quantity += counted(line.Quantity)
	if line.Amount == nil || !within(*line.Amount, maxNano) {
		c.unpriced++
		return
	}
	sum, err := c.amount.AddChecked(*line.Amount)
	if err != nil || !within(sum, fullNano) {
		c.unpriced++
		return
	}
	c.priced++
	c.amount = sum
}

func within(amount money.USD, nano int64) bool { return -nano <= amount.Nano && amount.Nano <= nano }

func (c *costSum) row(key [3]int64) []any {
	return []any{key[0], key[1], key[2], c.quantity, c.amount.Nano, c.amount.Atto, c.priced, c.unpriced}
}

// insertCosts carries whole nano-dollars out of amount_atto, which is never
// negative on either side, so that no number of additions can overflow it.
var insertCosts = insert{
	into:    "usage_cost_days",
	columns: []string{"bucket", "caller", "item", "quantity", "amount_nano", "amount_atto", "priced", "unpriced"},
	onConflict: "(bucket, caller, item) DO UPDATE SET quantity = " + added("usage_cost_days", "quantity") +
		fmt.Sprintf(`,
		amount_nano = CASE WHEN ABS(usage_cost_days.amount_nano) > %[1]d THEN usage_cost_days.amount_nano
			ELSE usage_cost_days.amount_nano + excluded.amount_nano + (usage_cost_days.amount_atto + excluded.amount_atto) / %[2]d END,
		amount_atto = (usage_cost_days.amount_atto + excluded.amount_atto) %% %[2]d,
		priced = usage_cost_days.priced + excluded.priced,
		unpriced = usage_cost_days.unpriced + excluded.unpriced`, int64(fullNano), int64(attosInNano)),
}

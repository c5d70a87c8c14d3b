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
	insert insert
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
	columns := []string{"bucket", "caller", "item", "requests"}
	for _, q := range quantities {
		columns = append(columns, q.column)
	}
	sums := make([]string, 0, len(columns))
	for _, c := range columns[3:] {
		sums = append(sums, fmt.Sprintf("%[1]s = %[2]s.%[1]s + excluded.%[1]s", c, table))
	}
	onConflict := "(bucket, caller, item) DO UPDATE SET " + strings.Join(sums, ", ")
	return rollup{width: width, table: table, levels: levels, insert: insert{into: table, columns: columns, onConflict: onConflict}}
}

// quantities are the columns of usage.Quantities, in the order of the tables.
var quantities = []struct {
	column string
	of     func(*usage.Quantities) *int64
}{
	{"input_text", func(q *usage.Quantities) *int64 { return &q.InputText }},
	{"input_audio", func(q *usage.Quantities) *int64 { return &q.InputAudio }},
	{"input_image", func(q *usage.Quantities) *int64 { return &q.InputImage }},
	{"cached_text", func(q *usage.Quantities) *int64 { return &q.CachedText }},
	{"cached_audio", func(q *usage.Quantities) *int64 { return &q.CachedAudio }},
	{"cached_image", func(q *usage.Quantities) *int64 { return &q.CachedImage }},
	{"cache_write", func(q *usage.Quantities) *int64 { return &q.CacheWrite }},
	{"output_text", func(q *usage.Quantities) *int64 { return &q.OutputText }},
	{"output_audio", func(q *usage.Quantities) *int64 { return &q.OutputAudio }},
	{"output_image", func(q *usage.Quantities) *int64 { return &q.OutputImage }},
	{"images", func(q *usage.Quantities) *int64 { return &q.Images }},
	{"characters", func(q *usage.Quantities) *int64 { return &q.Characters }},
	{"millis", func(q *usage.Quantities) *int64 { return &q.Millis }},
	{"bytes", func(q *usage.Quantities) *int64 { return &q.Bytes }},
	{"sessions", func(q *usage.Quantities) *int64 { return &q.Sessions }},
	{"tool_calls", func(q *usage.Quantities) *int64 { return &q.ToolCalls }},
	{"reasoning", func(q *usage.Quantities) *int64 { return &q.Reasoning }},
	{"choices", func(q *usage.Quantities) *int64 { return &q.Choices }},
}

// usageSum is a row of a roll-up of usage.
type usageSum struct {
	requests   int64
	quantities usage.Quantities
}

func (u *usageSum) add(more *usage.Quantities) {
	u.requests++
	for _, q := range quantities {
		*q.of(&u.quantities) += *q.of(more)
	}
}

func (u *usageSum) row(key [3]int64) []any {
	row := make([]any, 0, len(key)+1+len(quantities))
	row = append(row, key[0], key[1], key[2], u.requests)
	for _, q := range quantities {
		row = append(row, *q.of(&u.quantities))
	}
	return row
}

// costSum is a row of usage_cost_days.
type costSum struct {
	quantity, priced, unpriced int64
	amount                     money.USD
}

func (c *costSum) add(line usage.CostLine) error {
	c.quantity += line.Quantity
	if line.Amount == nil {
		c.unpriced++
		return nil
	}
	c.priced++
	sum, err := c.amount.AddChecked(*line.Amount)
	if err != nil {
		return fmt.Errorf("sum of %s: %w", line.LineItem, err)
	}
	c.amount = sum
	return nil
}

func (c *costSum) row(key [3]int64) []any {
	return []any{key[0], key[1], key[2], c.quantity, c.amount.Nano, c.amount.Atto, c.priced, c.unpriced}
}

// insertCosts carries whole nano-dollars out of amount_atto, which is never
// negative on either side, so that no number of additions can overflow it.
var insertCosts = insert{
	into:    "usage_cost_days",
	columns: []string{"bucket", "caller", "item", "quantity", "amount_nano", "amount_atto", "priced", "unpriced"},
	onConflict: `(bucket, caller, item) DO UPDATE SET
		quantity = usage_cost_days.quantity + excluded.quantity,
		amount_nano = usage_cost_days.amount_nano + excluded.amount_nano + (usage_cost_days.amount_atto + excluded.amount_atto) / 1000000000,
		amount_atto = (usage_cost_days.amount_atto + excluded.amount_atto) % 1000000000,
		priced = usage_cost_days.priced + excluded.priced,
		unpriced = usage_cost_days.unpriced + excluded.unpriced`,
}

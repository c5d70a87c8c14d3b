package sqlevents

import (
	"fmt"
	"strings"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// rollup is a table of sums per bucket and series.
type rollup struct {
	width  usage.Width
	table  string
	levels []level // of its series, finest first
	insert insert
}

// rollups are the tables of usage. Days are also kept by project, minutes and
// hours are not: the rows are many and the question is rare.
var rollups = []rollup{
	newRollup(usage.Minute, "usage_minutes", byKey, byOrganization),
	newRollup(usage.Hour, "usage_hours", byKey, byOrganization),
	newRollup(usage.Day, "usage_days", byKey, byProject, byOrganization),
}

// costLevels are the levels of the series in usage_cost_days.
var costLevels = []level{byKey, byProject, byOrganization}

func newRollup(width usage.Width, table string, levels ...level) rollup {
	columns := []string{"bucket", "series", "requests"}
	for _, q := range quantities {
		columns = append(columns, q.column)
	}
	sums := make([]string, 0, len(columns))
	for _, c := range columns[2:] {
		sums = append(sums, fmt.Sprintf("%[1]s = %[2]s.%[1]s + excluded.%[1]s", c, table))
	}
	onConflict := "(bucket, series) DO UPDATE SET " + strings.Join(sums, ", ")
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

// place is where a sum belongs.
type place struct {
	bucket int64 // seconds since 1970
	series digest
}

// batch is what a batch of events adds to the roll-ups.
type batch struct {
	series   map[digest]series
	usage    map[usage.Width]map[place]*usageSum
	costs    map[place]*costSum
	lastUsed map[string]int64 // by key, in microseconds since 1970
}

func newBatch(events []*usage.Event) (*batch, error) {
	b := &batch{
		series:   make(map[digest]series, 4*len(events)),
		usage:    make(map[usage.Width]map[place]*usageSum, len(rollups)),
		costs:    make(map[place]*costSum, 2*len(events)),
		lastUsed: make(map[string]int64, len(events)),
	}
	for _, r := range rollups {
		b.usage[r.width] = make(map[place]*usageSum, len(events))
	}
	for _, e := range events {
		if at := e.Received.UnixMicro(); e.APIKeyID != "" && at > b.lastUsed[e.APIKeyID] {
			b.lastUsed[e.APIKeyID] = at
		}
		if e.Counts() {
			b.addUsage(e)
			if err := b.addCosts(e); err != nil {
				return nil, err
			}
		}
	}
	return b, nil
}

func (b *batch) addUsage(e *usage.Event) {
	var digests [byOrganization + 1]digest
	whole := seriesOf(e)
	for l := range digests {
		digests[l] = b.seriesAt(whole, level(l))
	}
	for _, r := range rollups {
		bucket := bucketOf(e.Received, r.width)
		for _, l := range r.levels {
			at := place{bucket, digests[l]}
			sum := b.usage[r.width][at]
			if sum == nil {
				sum = new(usageSum)
				b.usage[r.width][at] = sum
			}
			sum.requests++
			for _, q := range quantities {
				*q.of(&sum.quantities) += *q.of(&e.Quantities)
			}
		}
	}
}

func (b *batch) addCosts(e *usage.Event) error {
	bucket := bucketOf(e.Received, usage.Day)
	for _, line := range e.Lines {
		whole := costSeriesOf(e, line)
		for _, l := range costLevels {
			at := place{bucket, b.seriesAt(whole, l)}
			sum := b.costs[at]
			if sum == nil {
				sum = new(costSum)
				b.costs[at] = sum
			}
			if err := sum.add(line); err != nil {
				return fmt.Errorf("request %s: %w", e.ID, err)
			}
		}
	}
	return nil
}

// seriesAt notes the series at a level and returns its digest.
func (b *batch) seriesAt(whole series, l level) digest {
	one := whole.at(l)
	d := one.digest()
	if _, ok := b.series[d]; !ok {
		b.series[d] = one
	}
	return d
}

// bucketOf is the start of the bucket a time falls in, in seconds since 1970.
func bucketOf(t time.Time, width usage.Width) int64 {
	seconds := int64(time.Duration(width) / time.Second)
	at := t.Unix()
	return at - ((at%seconds)+seconds)%seconds
}

// usageSum is a row of a roll-up of usage.
type usageSum struct {
	requests   int64
	quantities usage.Quantities
}

func (u *usageSum) row(bucket, series int64) []any {
	row := make([]any, 0, 3+len(quantities))
	row = append(row, bucket, series, u.requests)
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

func (c *costSum) row(bucket, series int64) []any {
	return []any{bucket, series, c.quantity, c.amount.Nano, c.amount.Atto, c.priced, c.unpriced}
}

// insertCosts carries whole nano-dollars out of amount_atto, which is never
// negative on either side, so that no number of additions can overflow it.
var insertCosts = insert{
	into:    "usage_cost_days",
	columns: []string{"bucket", "series", "quantity", "amount_nano", "amount_atto", "priced", "unpriced"},
	onConflict: `(bucket, series) DO UPDATE SET
		quantity = usage_cost_days.quantity + excluded.quantity,
		amount_nano = usage_cost_days.amount_nano + excluded.amount_nano + (usage_cost_days.amount_atto + excluded.amount_atto) / 1000000000,
		amount_atto = (usage_cost_days.amount_atto + excluded.amount_atto) % 1000000000,
		priced = usage_cost_days.priced + excluded.priced,
		unpriced = usage_cost_days.unpriced + excluded.unpriced`,
}

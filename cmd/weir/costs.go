package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"slices"

	"github.com/tidwall/gjson"

	"weir/internal/money"
)

func costsCommand() resource {
	return resource{
		name: "costs", summary: "what it cost, to the last digit",
		verbs: []verb{{"", "", `what was metered and priced, in US dollars, without --start in the last 7 days
and today`, []string{
			"weir costs --start 30d",
			"weir costs --start 2026-11-01 --by project,line-item",
			"weir costs --width 1d --project 'Support chat'",
			"weir costs --by key --json | jq '.[].results[]'",
		}, costsOf}},
	}
}

// costWidths: costs are by day.
var costWidths = []width{{"1d", day, 180}}

func costsOf(fs *flag.FlagSet) action {
	var q report
	q.flags(fs, "1d", "project, user, key, line-item")
	return func(ctx context.Context, r *remote, _ []string) error {
		w, err := q.choose(costWidths)
		if err != nil {
			return err
		}
		byLine := slices.Contains(q.groups(), "line_item")
		columns := []column{{head: "USD", right: true}}
		if byLine {
			columns = append(columns, column{head: "QUANTITY", right: true}, column{head: "UNIT"})
		}
		unpriced := 0
		err = q.run(ctx, r, "/v1/organization/costs", w, columns, func() sum { return &dollars{byLine: byLine, unpriced: &unpriced} })
		if err != nil || unpriced == 0 {
			return err
		}
		_, err = fmt.Fprintln(r.c.stderr, "Some of what was used has no known price, and is in none of the amounts.")
		return err
	}
}

// dollars adds up amounts, exactly.
type dollars struct {
	byLine   bool
	amount   money.USD
	results  int
	priced   int // of them
	quantity big.Int
	unit     string
	mixed    bool // units that differ
	unpriced *int // of all rows
}

func (d *dollars) add(result gjson.Result) error {
	if q := result.Get("quantity"); d.byLine && q.Type == gjson.Number {
		whole, ok := new(big.Int).SetString(q.Raw, 10)
		if !ok {
			return fmt.Errorf("the report has %s for quantity, which is no whole number", plain(q.Raw))
		}
		d.quantity.Add(&d.quantity, whole)
		unit := result.Get("quantity_unit").String()
		d.mixed = d.mixed || d.results > 0 && unit != d.unit
		d.unit = unit
	}
	d.results++
	value := result.Get("amount.value") // a number; some editions of OpenAI's API have a string
	if value.Type == gjson.Null {
		*d.unpriced++
		return nil
	}
	amount, err := money.Parse(written(value))
	if err == nil && result.Get("amount.currency").String() != "usd" {
		err = errors.New("it is not in US dollars")
	}
	if err == nil {
		d.amount, err = d.amount.AddChecked(amount)
	}
	if err != nil {
		return fmt.Errorf("the report has an amount of %s: %w", plain(written(value)), err)
	}
	d.priced++
	return nil
}

// cells leaves the amount empty where there was something and none of it has a
// price: unknown is not 0.
func (d *dollars) cells() []string {
	cells := []string{""}
	if d.priced > 0 || d.results == 0 {
		cells[0] = d.amount.String()
	}
	if !d.byLine {
		return cells
	}
	if d.mixed { // different things do not add up
		return append(cells, "", "")
	}
	return append(cells, d.quantity.String(), d.unit)
}

func (d *dollars) compare(other sum) int {
	o, ok := other.(*dollars)
	if !ok {
		return 0
	}
	return cmp.Or(o.amount.Cmp(d.amount), o.quantity.Cmp(&d.quantity))
}

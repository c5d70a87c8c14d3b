package sqlevents

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weir/internal/money"
	"weir/internal/sqldb"
	"weir/internal/usage"
)

// costDimensions are the columns of callers (c) and items (i) a cost report may name.
var costDimensions = map[usage.Dimension]sqldb.SQL{
	usage.ByProject: "c.project_id", usage.ByUser: "c.user_id", usage.ByAPIKey: "c.api_key_id", usage.ByLineItem: "i.line_item",
}

const costSums sqldb.SQL = `CAST(SUM(r.quantity) AS BIGINT), CAST(SUM(r.amount_nano) AS BIGINT), CAST(SUM(r.amount_atto) AS BIGINT),
	CAST(SUM(r.priced) AS BIGINT), CAST(SUM(r.unpriced) AS BIGINT), MIN(i.unit), MAX(i.unit)`

// Costs implements usage.Store. Quantity and Unit are filled in only when
// grouped by line item, and Unit only when all of the row has the same.
func (s *Store) Costs(ctx context.Context, q usage.Query) ([]usage.Bucket[usage.CostResult], error) {
	if q.Width != usage.Day {
		return nil, errors.New("costs: buckets are days")
	}
	report := selection{
		Query: q, kind: costKind, table: "usage_cost_days", levels: costLevels, dimensions: costDimensions, sums: costSums,
	}
	byLine := slices.Contains(q.GroupBy, usage.ByLineItem)
	var nano, atto, priced int64
	var unit, otherUnit string
	all, err := readReport(ctx, s, report, func(row *usage.CostResult, groups map[usage.Dimension]*string) []any {
		row.Groups = groups
		return []any{&row.Quantity, &nano, &atto, &priced, &row.Unpriced, &unit, &otherUnit}
	}, func(row *usage.CostResult) error {
		if unit == otherUnit {
			row.Unit = unit
		}
		if !byLine {
			row.Quantity, row.Unit = 0, ""
		}
		if priced == 0 {
			return nil
		}
		sum, err := amount(nano, atto)
		row.Amount = &sum
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("costs: %w", err)
	}
	return all, nil
}

// amount is the sum of nano and atto columns, of which atto was never negative.
func amount(nano, atto int64) (money.USD, error) {
	whole := money.USD{Nano: nano}
	return whole.AddChecked(money.USD{Nano: atto / attosInNano, Atto: atto % attosInNano})
}

package usagetest

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// report counts events one by one. Minute buckets before minutes are gone.
func report(events []usage.Event, q usage.Query, minutes time.Time) []usage.Bucket[usage.Result] {
	return buckets(q, func(start, end time.Time) []usage.Result {
		if q.Width == usage.Minute && start.Before(minutes) {
			return []usage.Result{}
		}
		groups := map[string]*usage.Result{}
		for _, e := range within(events, q.OrganizationID, start, end) {
			if e.Kind != q.Kind || !matches(e, "", q.Filters) {
				continue
			}
			key, values := group(e, "", q.GroupBy)
			r := groups[key]
			if r == nil {
				r = &usage.Result{Groups: values}
				groups[key] = r
			}
			r.Requests++
			addFields(&r.Quantities, e.Quantities)
		}
		return inOrder(groups)
	})
}

// costs adds up cost lines one by one.
func costs(events []usage.Event, q usage.Query) (all []usage.Bucket[usage.CostResult], err error) {
	byLine := slices.Contains(q.GroupBy, usage.ByLineItem)
	all = buckets(q, func(start, end time.Time) []usage.CostResult {
		groups := map[string]*usage.CostResult{}
		for _, e := range within(events, q.OrganizationID, start, end) {
			for _, line := range e.Lines {
				if !matches(e, line.LineItem, q.Filters) {
					continue
				}
				key, values := group(e, line.LineItem, q.GroupBy)
				r := groups[key]
				if r == nil {
					r = &usage.CostResult{Groups: values}
					if byLine {
						r.Unit = line.Unit
					}
					groups[key] = r
				}
				if e := addLine(r, line, byLine); e != nil {
					err = e
				}
			}
		}
		return inOrder(groups)
	})
	return all, err
}

func addLine(r *usage.CostResult, line usage.CostLine, byLine bool) error {
	if byLine {
		r.Quantity += counted(line.Quantity)
		if r.Unit != line.Unit {
			r.Unit = ""
		}
	}
	if line.Amount == nil || line.Amount.Nano > maxNano || line.Amount.Nano < -maxNano {
		r.Unpriced++
		return nil
	}
	var sum money.USD
	if r.Amount != nil {
		sum = *r.Amount
	}
	sum, err := sum.AddChecked(*line.Amount)
	if err != nil {
		return fmt.Errorf("sum of %s: %w", line.LineItem, err)
	}
	r.Amount = &sum
	return nil
}

func buckets[R any](q usage.Query, results func(start, end time.Time) []R) []usage.Bucket[R] {
	var all []usage.Bucket[R]
	for at := q.Start; at.Before(q.End); {
		next := at.Add(time.Duration(q.Width))
		all = append(all, usage.Bucket[R]{Start: at, End: next, Results: results(at, next)})
		at = next
	}
	return all
}

// within returns the events of an organization that count in a time slot.
func within(events []usage.Event, organizationID string, start, end time.Time) []usage.Event {
	var in []usage.Event
	for _, e := range events {
		if e.OrganizationID == organizationID && e.Counts() && !e.Received.Before(start) && e.Received.Before(end) {
			in = append(in, e)
		}
	}
	return in
}

// dimensions names the value of every dimension; "" is none.
func dimensions(e usage.Event, lineItem string) map[usage.Dimension]string {
	return map[usage.Dimension]string{
		usage.ByProject: e.ProjectID, usage.ByUser: e.UserID, usage.ByAPIKey: e.APIKeyID, usage.ByModel: e.Model,
		usage.ByBatch: strconv.FormatBool(e.Batch), usage.ByServiceTier: e.ServiceTier, usage.BySize: e.Size,
		usage.BySource: e.ImageSource, usage.ByVectorStore: e.VectorStoreID, usage.ByContextLevel: e.ContextLevel,
		usage.ByLineItem: lineItem,
	}
}

func matches(e usage.Event, lineItem string, filters map[usage.Dimension][]string) bool {
	values := dimensions(e, lineItem)
	for d, wanted := range filters {
		if len(wanted) > 0 && (values[d] == "" || !slices.Contains(wanted, values[d])) {
			return false
		}
	}
	return true
}

// group returns the values of the grouped dimensions, and a key that sorts as
// results are sorted: by the dimensions in the order asked for, none first.
func group(e usage.Event, lineItem string, by []usage.Dimension) (key string, values map[usage.Dimension]*string) {
	all := dimensions(e, lineItem)
	values = map[usage.Dimension]*string{}
	parts := make([]string, len(by))
	for i, d := range by {
		v := all[d]
		if values[d] = nil; v != "" {
			values[d] = &v
		}
		parts[i] = v
	}
	return strings.Join(parts, "\x00"), values
}

func inOrder[R any](groups map[string]*R) []R {
	all := []R{}
	for _, key := range slices.SortedFunc(maps.Keys(groups), cmp.Compare[string]) {
		all = append(all, *groups[key])
	}
	return all
}

// addFields adds every quantity there is, so that a new one is not forgotten.
func addFields(sum *usage.Quantities, q usage.Quantities) {
	to, from := reflect.ValueOf(sum).Elem(), reflect.ValueOf(q)
	for i := range to.NumField() {
		to.Field(i).SetInt(to.Field(i).Int() + counted(from.Field(i).Int()))
	}
}

// What a store adds up of one event at most, so that no sum of them overflows:
// a count beyond maxCount counts as that and one below zero as zero, a cost line
// beyond maxNano nano-dollars ($1,000,000) either way is unpriced.
const (
	maxCount = 1_000_000_000_000
	maxNano  = 1_000_000_000_000_000
)

func counted(n int64) int64 { return min(max(n, 0), maxCount) }

// selected reports whether a filter of the request log lets e through.
func selected(e usage.Event, f usage.RequestFilter) bool {
	var latency time.Duration
	if !e.Done.IsZero() {
		latency = e.Done.Sub(e.Received)
	}
	return anyOf(f.ProjectIDs, e.ProjectID) && anyOf(f.APIKeyIDs, e.APIKeyID) && anyOf(f.UserIDs, e.UserID) &&
		(anyOf(f.Models, e.Model) || anyOf(f.Models, e.ModelAsked)) && anyOf(f.ModelEndpointIDs, e.ModelEndpointID) &&
		anyOf(f.Statuses, e.Status) && anyOf(f.ErrorCodes, e.ErrorCode) && anyOf(f.Outcomes, e.Outcome) &&
		latency >= f.MinLatency &&
		(f.Start.IsZero() || !e.Received.Before(f.Start)) && (f.End.IsZero() || e.Received.Before(f.End))
}

func anyOf[T comparable](wanted []T, v T) bool { return len(wanted) == 0 || slices.Contains(wanted, v) }

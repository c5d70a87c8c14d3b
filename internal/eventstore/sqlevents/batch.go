package sqlevents

import (
	"cmp"
	"time"

	"weir/internal/usage"
)

// batch is what a batch of events adds to the roll-ups.
type batch struct {
	callers map[digest]caller
	items   map[digest]item
	usage   map[usage.Width]map[place]*usageSum
	costs   map[place]*costSum
}

// place is where a sum belongs: a row of a roll-up.
type place struct {
	bucket       int64 // seconds since 1970
	caller, item digest
}

func newBatch(events []*usage.Event) *batch {
	b := &batch{
		callers: make(map[digest]caller, 2*len(events)),
		items:   map[digest]item{},
		usage:   make(map[usage.Width]map[place]*usageSum, len(rollups)),
		costs:   make(map[place]*costSum, 2*len(events)),
	}
	for _, r := range rollups {
		b.usage[r.width] = make(map[place]*usageSum, len(events))
	}
	for _, e := range events {
		if !e.Counts() {
			continue
		}
		callers := b.callersOf(e)
		b.addUsage(e, callers)
		b.addCosts(e, callers)
	}
	return b
}

// callersOf notes the callers of an event at every level.
func (b *batch) callersOf(e *usage.Event) (digests [levels]digest) {
	for l := range levels {
		c := callerOf(e, l)
		digests[l] = c.digest()
		b.callers[digests[l]] = c
	}
	return digests
}

// item notes an item and returns its digest.
func (b *batch) item(i item) digest {
	d := i.digest()
	b.items[d] = i
	return d
}

func (b *batch) addUsage(e *usage.Event, callers [levels]digest) {
	item := b.item(itemOf(e))
	for _, r := range rollups {
		bucket, sums := bucketOf(e.Received, r.width), b.usage[r.width]
		for _, l := range r.levels {
			at := place{bucket, callers[l], item}
			sum := sums[at]
			if sum == nil {
				sum = new(usageSum)
				sums[at] = sum
			}
			sum.add(&e.Quantities)
		}
	}
}

func (b *batch) addCosts(e *usage.Event, callers [levels]digest) {
	bucket := bucketOf(e.Received, usage.Day)
	for _, line := range e.Lines {
		item := b.item(costItemOf(line))
		for _, l := range costLevels {
			at := place{bucket, callers[l], item}
			sum := b.costs[at]
			if sum == nil {
				sum = new(costSum)
				b.costs[at] = sum
			}
			sum.add(line)
		}
	}
}

// bucketOf is the start of the bucket a time falls in, in seconds since 1970.
func bucketOf(t time.Time, width usage.Width) int64 {
	seconds := int64(time.Duration(width) / time.Second)
	at := t.Unix()
	return at - (at%seconds+seconds)%seconds
}

// numbers are the numbers of a batch's callers and items.
type numbers struct {
	callers, items map[digest]int64
}

// of is the primary key of a roll-up row.
func (n numbers) of(p place) [3]int64 {
	return [3]int64{p.bucket, n.callers[p.caller], n.items[p.item]}
}

// byKeyOrder orders roll-up rows as their tables do: near rows are written
// together, and two nodes take them in the same order.
func byKeyOrder(a, b []any) int {
	return cmp.Or(cmp.Compare(a[0].(int64), b[0].(int64)), cmp.Compare(a[1].(int64), b[1].(int64)), cmp.Compare(a[2].(int64), b[2].(int64)))
}

package orgtest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"weir/internal/org"
)

// pagingMeanwhile walks a list one row at a time while rows come and go before,
// at and behind the cursor. Who was there throughout is seen once.
func pagingMeanwhile(t *testing.T, s org.Store) {
	c := &clock{}
	lists := slices.DeleteFunc(pageables(), func(l pageable) bool { return l.remove == nil })
	rapid.Check(t, func(rt *rapid.T) {
		n := newTenant(rt, s, c)
		l := rapid.SampledFrom(lists).Draw(rt, "list")
		insert := func(tx org.Tx) string {
			at := epoch.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "at")) * time.Microsecond)
			rowID, err := l.insert(rt.Context(), tx, n, at)
			if err != nil {
				rt.Fatalf("%s: %v", l.name, err)
			}
			return rowID
		}
		var mine []string // what the test put in and may take out
		update(rt, s, n.org.ID, func(tx org.Tx) error {
			for range rapid.IntRange(1, 8).Draw(rt, "rows") {
				mine = append(mine, insert(tx))
			}
			return nil
		})
		throughout := slices.Clone(mine)
		seen := map[string]int{}
		ascending := rapid.Bool().Draw(rt, "ascending")
		cursor := ""
		for {
			var page []place
			var more bool
			view(rt, s, func(r org.Reader) (err error) {
				page, more, err = l.list(rt.Context(), r, n, org.Page{Limit: 1, After: cursor, Ascending: ascending})
				return err
			})
			for _, row := range page {
				seen[row.id]++
				cursor = row.id
			}
			if !more {
				break
			}
			update(rt, s, n.org.ID, func(tx org.Tx) error {
				remove := func(rowID string) {
					mine = slices.DeleteFunc(mine, func(other string) bool { return other == rowID })
					throughout = slices.DeleteFunc(throughout, func(other string) bool { return other == rowID })
					if err := l.remove(rt.Context(), tx, n, rowID); err != nil {
						rt.Fatalf("%s: %v", l.name, err)
					}
				}
				if slices.Contains(mine, cursor) && rapid.Bool().Draw(rt, "the cursor's row goes") {
					remove(cursor)
				}
				if len(mine) > 0 && rapid.Bool().Draw(rt, "another goes") {
					remove(rapid.SampledFrom(mine).Draw(rt, "which"))
				}
				if len(seen) < 20 && rapid.IntRange(0, 3).Draw(rt, "one comes") == 0 {
					mine = append(mine, insert(tx))
				}
				return nil
			})
		}
		for _, rowID := range throughout {
			equal(rt, fmt.Sprintf("%s: how often %s was seen", l.name, rowID), seen[rowID], 1)
		}
		for rowID, times := range seen {
			if times > 1 {
				rt.Errorf("%s: %s was seen %d times", l.name, rowID, times)
			}
		}
	})
}

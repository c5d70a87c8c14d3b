package routing

import (
	"testing"

	"pgregory.net/rapid"
)

func TestOrderSharesByWeightWithinAPriority(t *testing.T) {
	ups := []Upstream{
		{ConnectionID: "spare", Priority: 2, Weight: 100},
		{ConnectionID: "big", Priority: 1, Weight: 3},
		{ConnectionID: "small", Priority: 1, Weight: 1},
		{ConnectionID: "never first", Priority: 1, Weight: 0},
	}
	Sort(ups)
	first := map[string]int{}
	const n = 20_000
	for range n {
		first[Order(ups)[0].ConnectionID]++
	}
	if first["spare"]+first["never first"] != 0 {
		t.Fatalf("tried out of turn: %v", first)
	}
	if share := float64(first["big"]) / n; share < 0.72 || share > 0.78 {
		t.Fatalf("weight 3 of 4 got %.3f of the traffic", share)
	}
}

func TestOrderLosesAndMovesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		ups := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) Upstream {
			return Upstream{
				ConnectionID: rapid.StringMatching("[a-z]{4}").Draw(rt, "id"),
				Priority:     rapid.IntRange(0, 3).Draw(rt, "priority"),
				Weight:       rapid.IntRange(0, 5).Draw(rt, "weight"),
			}
		}), 1, 8).Draw(rt, "upstreams")
		Sort(ups)
		before := append([]Upstream(nil), ups...)
		got := Order(ups)
		count := map[Upstream]int{}
		for i := range ups {
			if ups[i] != before[i] {
				rt.Fatal("the caller's list was changed")
			}
			count[ups[i]]++
			count[got[i]]--
			if i > 0 && got[i].Priority < got[i-1].Priority {
				rt.Fatalf("priority %d after %d", got[i].Priority, got[i-1].Priority)
			}
		}
		for u, n := range count {
			if n != 0 {
				rt.Fatalf("%v appears %+d times too often", u, -n)
			}
		}
	})
}

//go:build scale

package sqlstore_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/internal/audit"
	"weir/internal/org"
	"weir/internal/sqldb"
	"weir/internal/sqldb/sqldbtest"
	"weir/internal/sqlstore"
)

const (
	scaleEvents = 1_000_000
	pageBound   = 20 * time.Millisecond // 95th percentile
	startBound  = time.Second           // all keys, on SQLite
)

// p95 measures fn, after one round that fills the caches.
func p95(t *testing.T, what string, bound time.Duration, fn func(i int) error) {
	t.Helper()
	const rounds = 60
	took := make([]time.Duration, rounds)
	for i := range rounds + 1 {
		start := time.Now()
		if err := fn(i); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if i > 0 {
			took[i-1] = time.Since(start)
		}
	}
	slices.Sort(took)
	at := took[rounds*95/100]
	t.Logf("%-40s p50 %8v  p95 %8v", what, took[rounds/2].Round(time.Microsecond), at.Round(time.Microsecond))
	if at > bound {
		t.Errorf("%s takes %v, more than %v", what, at, bound)
	}
}

func TestScaleKeys(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		s, err := sqlstore.Open(t.Context(), db)
		if err != nil {
			t.Fatal(err)
		}
		fillKeys(t, s, benchKeys)
		took := time.Duration(math.MaxInt64) // the best of three: others use the machine too
		for range 3 {
			start := time.Now()
			if n := countKeys(t, s); n != benchKeys {
				t.Fatalf("%d keys", n)
			}
			took = min(took, time.Since(start))
		}
		t.Logf("all keys in %v", took)
		if db.Engine() == sqldb.SQLite && took > startBound {
			t.Errorf("reading all keys takes more than %v", startBound)
		}
		var afters []string
		for i := range 61 {
			afters = append(afters, keyAt(t, s, 200+(benchKeys-200)*i/60-1))
		}
		p95(t, "a page of keys", pageBound, func(i int) error { return pageOfKeys(t.Context(), s, afters[i]) })
	})
}

func TestScaleAuditLog(t *testing.T) {
	sqldbtest.EachEngine(t, func(t *testing.T, open func() *sqldb.DB) {
		s, err := sqlstore.Open(t.Context(), open())
		if err != nil {
			t.Fatal(err)
		}
		fillLog(t, s)
		for _, c := range logQueries() {
			p95(t, c.name, pageBound, func(i int) error {
				return s.View(t.Context(), func(r org.Reader) error {
					rows, err := r.AuditEvents(t.Context(), acme.ID, c.query(i))
					if err == nil && len(rows.Items) == 0 {
						err = fmt.Errorf("no events")
					}
					return err
				})
			})
		}
	})
}

// fillLog writes a log in which most values are common and some rare: nine in
// ten events are of one project, one in a thousand of a rare type.
func fillLog(t *testing.T, s *sqlstore.Store) {
	rng := rand.New(rand.NewPCG(1, 2))
	for done := 0; done < scaleEvents; {
		_, err := s.Update(t.Context(), audit.System(acme.ID), func(tx org.Tx) error {
			for range 10_000 {
				tx.Record(logEvent(rng, done))
				done++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func logEvent(rng *rand.Rand, i int) audit.Event {
	action := []string{"api_key.created", "api_key.deleted", "project.updated", "weir.connection.updated"}[rng.IntN(4)]
	if i%1000 == 7 {
		action = "user.added"
	}
	e := audit.Event{
		Action: action, Type: action, EffectiveAt: epoch.Add(time.Duration(i) * time.Second), ResourceID: fmt.Sprint("r", rng.IntN(scaleEvents/5)),
		ProjectID: "proj_big", Actor: audit.Actor{Type: audit.ActorAPIKey, UserID: "user-big", UserEmail: "big@example.com", APIKeyID: fmt.Sprint("key_", rng.IntN(1000))},
		Details: []byte(`{"id":"r1","changes_requested":{"name":"a name of some length, as they are"}}`),
	}
	if action[0] == 'w' {
		e.Type = ""
	}
	if i%10 == 0 {
		e.ProjectID = fmt.Sprint("proj_", rng.IntN(500))
		e.Actor.UserID = fmt.Sprint("user-", rng.IntN(500))
		e.Actor.UserEmail = e.Actor.UserID + "@example.com"
	}
	return e
}

type logQuery struct {
	name  string
	query func(i int) audit.Query
}

func logQueries() []logQuery {
	at := func(part float64) *int64 {
		v := epoch.Unix() + int64(part*scaleEvents)
		return &v
	}
	compatible := func(q audit.Query) audit.Query { q.Compatible, q.Limit = true, 100; return q }
	fixed := func(name string, q audit.Query) logQuery {
		return logQuery{name, func(int) audit.Query { return compatible(q) }}
	}
	numbered := func(name string, q func(i int) audit.Query) logQuery {
		return logQuery{name, func(i int) audit.Query { return compatible(q(i)) }}
	}
	return []logQuery{
		fixed("everything", audit.Query{}),
		fixed("a common type", audit.Query{Types: []string{"project.updated"}}),
		fixed("a rare type", audit.Query{Types: []string{"user.added"}}),
		fixed("several types", audit.Query{Types: []string{"project.updated", "api_key.created", "user.added", "login.failed"}}),
		fixed("the big project", audit.Query{ProjectIDs: []string{"proj_big"}}),
		numbered("a small project", func(i int) audit.Query { return audit.Query{ProjectIDs: []string{fmt.Sprint("proj_", i)}} }),
		fixed("the busy user", audit.Query{ActorIDs: []string{"user-big"}}),
		numbered("another user", func(i int) audit.Query { return audit.Query{ActorIDs: []string{fmt.Sprint("user-", i)}} }),
		numbered("a key", func(i int) audit.Query { return audit.Query{ActorIDs: []string{fmt.Sprint("key_", i)}} }),
		numbered("several actors", func(i int) audit.Query {
			return audit.Query{ActorIDs: []string{"user-big", fmt.Sprint("key_", i), fmt.Sprint("user-", i)}}
		}),
		numbered("an address", func(i int) audit.Query {
			return audit.Query{ActorEmails: []string{fmt.Sprintf("user-%d@example.com", i)}}
		}),
		numbered("a resource", func(i int) audit.Query {
			return audit.Query{ResourceIDs: []string{fmt.Sprint("r", i), fmt.Sprint("r", i+100), fmt.Sprint("r", i+200)}}
		}),
		fixed("the last hour", audit.Query{EffectiveGT: at(0.9964)}),
		fixed("until the middle", audit.Query{EffectiveLT: at(0.5)}),
		fixed("a day long ago", audit.Query{EffectiveGTE: at(0.1), EffectiveLT: at(0.1864)}),
		fixed("a type on a day long ago", audit.Query{Types: []string{"project.updated"}, EffectiveGTE: at(0.1), EffectiveLT: at(0.1864)}),
		fixed("a rare type in the big project", audit.Query{ProjectIDs: []string{"proj_big"}, Types: []string{"user.added"}}),
		numbered("a type in a small project", func(i int) audit.Query {
			return audit.Query{ProjectIDs: []string{fmt.Sprint("proj_", i)}, Types: []string{"project.updated"}}
		}),
		numbered("a user in the big project", func(i int) audit.Query {
			return audit.Query{ProjectIDs: []string{"proj_big"}, ActorIDs: []string{fmt.Sprint("key_", i)}, Types: []string{"project.updated"}}
		}),
	}
}

package main

import (
	"context"
	"math/rand/v2"
	"time"

	"weir/internal/gateway"
	"weir/internal/id"
	"weir/internal/usage"
)

// demoDays is how many days of traffic the demo starts with.
const demoDays = 14

// seedTraffic puts requests of the last days into the usage events, as the
// gateway would have left them: more by day than by night, fewer at weekends.
func (n *node) seedTraffic(ctx context.Context, organizationID, connectionID string, projects []demoProject, now time.Time) error {
	rng := rand.New(rand.NewPCG(1, 2)) // the same traffic in every demo
	models := []struct {
		asked, resolved string
		kind            usage.Kind
		path            string
		input, output   int64
	}{
		{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", usage.Completions, "/v1/chat/completions", 1200, 300},
		{"gpt-4o", "gpt-4o-2024-08-06", usage.Completions, "/v1/chat/completions", 2400, 500},
		{"gpt-5-mini", "gpt-5-mini-2025-08-07", usage.Completions, "/v1/responses", 1800, 900},
		{"text-embedding-3-small", "text-embedding-3-small", usage.Embeddings, "/v1/embeddings", 4000, 0},
	}
	var events []usage.Positioned
	start := now.UTC().Truncate(time.Hour).AddDate(0, 0, -demoDays)
	for hour := start; hour.Before(now.Add(-time.Hour)); hour = hour.Add(time.Hour) {
		count := 2 + rng.IntN(4)
		if h := hour.Hour(); h >= 8 && h < 19 {
			count += 6 + rng.IntN(8)
		}
		if d := hour.Weekday(); d == time.Saturday || d == time.Sunday {
			count /= 3
		}
		for range count {
			project := projects[rng.IntN(len(projects))]
			m := models[rng.IntN(len(models))]
			received := hour.Add(time.Duration(rng.Int64N(int64(time.Hour))))
			took := 300*time.Millisecond + time.Duration(rng.Int64N(int64(3*time.Second)))
			cached := int64(0)
			if m.output > 0 && rng.IntN(3) == 0 {
				cached = 1024
			}
			e := usage.Event{
				ID: id.Request(), OrganizationID: organizationID, ProjectID: project.ID, APIKeyID: project.KeyID,
				Kind: m.kind, Method: "POST", Path: m.path, ConnectionID: connectionID, ModelAsked: m.asked, Model: m.resolved,
				ServiceTier: "default", Received: received, FirstByte: received.Add(took / 3), Done: received.Add(took),
				Status: 200, Outcome: usage.OutcomeCompleted, Source: usage.SourceProvider,
				Attempts: []usage.Attempt{{ConnectionID: connectionID, Model: m.asked, Status: 200, DurationMicros: took.Microseconds()}},
				Quantities: usage.Quantities{
					InputText: m.input/2 + rng.Int64N(m.input), CachedText: cached, OutputText: m.output/2 + rng.Int64N(m.output+1),
				},
			}
			gateway.Price(n.book, "", &e)
			events = append(events, usage.Positioned{Position: uint64(len(events) + 1), Event: e})
		}
	}
	const batch = 512
	for len(events) > 0 {
		some := min(batch, len(events))
		if err := n.events.Apply(ctx, "demo", events[:some]); err != nil {
			return err
		}
		events = events[some:]
	}
	return nil
}

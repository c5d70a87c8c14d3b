package adminapi_test

import (
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

// seedUsage stores, for each kind, two requests of yesterday and one of today,
// by two projects, of which the second is a service account's.
func (w *world) seedUsage() (first, second usage.Event) {
	w.t.Helper()
	yesterday := time.Date(2026, 11, 23, 10, 5, 30, 0, time.UTC)
	base := usage.Event{ProjectID: "proj_one", APIKeyID: "key_one", UserID: "user-one", ConnectionID: "conn_1", Received: yesterday}
	var all []usage.Event
	for _, kind := range []usage.Kind{
		usage.Completions, usage.Embeddings, usage.Moderations, usage.Images, usage.AudioSpeeches,
		usage.AudioTranscriptions, usage.VectorStores, usage.CodeInterpreterSessions, usage.FileSearchCalls, usage.WebSearchCalls,
		usage.Decisions,
	} {
		one, two := base, base
		one.Kind, two.Kind = kind, kind
		one.Model, two.Model = "gpt-4o-2024-08-06", "gpt-4o-mini-2024-07-18"
		one.ServiceTier, two.ServiceTier, two.Batch = "default", "flex", true
		one.Size, two.Size = "1024x1024", "512x512"
		one.ImageSource, two.ImageSource = "image.generation", "image.edit"
		one.ContextLevel, two.ContextLevel = "low", "high"
		one.VectorStoreID, two.VectorStoreID = "vs_1", "vs_2"
		one.Quantities, two.Quantities = quantities(1), quantities(10)
		two.ProjectID, two.APIKeyID, two.UserID, two.ServiceAccount = "proj_two", "key_two", "", "svc_acct_two"
		three := one
		three.Received = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
		if kind == usage.Completions {
			first, second = one, two
			price, line := mustUSD("0.0125"), mustUSD("0.01")
			rest := mustUSD("0.0025")
			one.Cost, three.Cost = &price, &price
			one.Lines = []usage.CostLine{
				{LineItem: "gpt-4o-2024-08-06, input", Meter: "input", Quantity: 4000, Unit: "tokens", Amount: &line},
				{LineItem: "gpt-4o-2024-08-06, output", Meter: "output", Quantity: 250, Unit: "tokens", Amount: &rest},
			}
			three.Lines = one.Lines
			two.Unpriced = true
			two.Lines = []usage.CostLine{{LineItem: "mystery, input", Meter: "input", Quantity: 70, Unit: "tokens"}}
		}
		all = append(all, one, two, three)
	}
	w.use(all...)
	return first, second
}

// quantities has a different number everywhere, times n.
func quantities(n int64) usage.Quantities {
	return usage.Quantities{
		InputText: 1 * n, InputAudio: 2 * n, InputImage: 4 * n, CachedText: 8 * n, CachedAudio: 16 * n, CachedImage: 32 * n,
		CacheWrite: 64 * n, OutputText: 128 * n, OutputAudio: 256 * n, OutputImage: 512 * n,
		Images: 3 * n, Characters: 5 * n, Millis: 7600 * n, Bytes: 11 * n, Sessions: 13 * n, ToolCalls: 17 * n,
	}
}

func mustUSD(s string) money.USD {
	v, err := money.Parse(s)
	if err != nil {
		panic(err)
	}
	return v
}

package pricing

import (
	"testing"

	"weir/internal/usage"
)

func BenchmarkPriceChat(b *testing.B) {
	book := builtin(b)
	r := Request{
		At: day(b, "2026-10-01"), Provider: "openai", Kind: usage.Completions,
		Model: "gpt-4o-2024-08-06", ModelAsked: "gpt-4o", ServiceTier: "default",
		Q: usage.Quantities{InputText: 1_000, CachedText: 500, OutputText: 200},
	}
	b.ReportAllocs()
	for b.Loop() {
		if book.Price(r).Cost == nil {
			b.Fatal("unpriced")
		}
	}
}

// With an overlay, as an organization with a contract has it.
func BenchmarkPriceChatOverlay(b *testing.B) {
	book := builtin(b).With([]Row{
		custom(b, ContractBook, Family, "gpt-4o", Input, "0.000002"),
		custom(b, CustomBook, Regex, "^llama-", Input, "0"),
	})
	r := Request{
		At: day(b, "2026-10-01"), Model: "gpt-4o-2024-08-06",
		Q: usage.Quantities{InputText: 1_000, CachedText: 500, OutputText: 200},
	}
	b.ReportAllocs()
	for b.Loop() {
		if book.Price(r).Cost == nil {
			b.Fatal("unpriced")
		}
	}
}

func BenchmarkBuiltin(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		builtin(b)
	}
}

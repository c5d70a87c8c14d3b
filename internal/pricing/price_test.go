package pricing

import (
	"slices"
	"testing"
	"time"

	"weir/internal/money"
	"weir/internal/usage"
)

func builtin(t testing.TB) *Book {
	t.Helper()
	b, err := Builtin()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func usd(t testing.TB, s string) money.USD {
	t.Helper()
	u, err := money.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func day(t testing.TB, s string) time.Time {
	t.Helper()
	d, err := time.Parse(time.DateOnly, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// priced is what a case expects: line items with quantity and amount, "-" for an
// amount that is unknown.
type priced struct {
	lines []line
	cost  string // "-" for none
	flags string // of derived, stale, unpriced
}

type line struct {
	item     string
	quantity int64
	unit     string
	amount   string
}

func TestPriceByHand(t *testing.T) {
	book := builtin(t)
	cases := []struct {
		name string
		at   string // default 2026-10-01
		r    Request
		want priced
	}{
		{
			name: "chat, standard, part cached",
			r:    Request{Model: "gpt-4o-2024-08-06", ServiceTier: "default", Q: usage.Quantities{InputText: 1000, CachedText: 500, OutputText: 200, Reasoning: 150}},
			want: priced{cost: "0.005125", lines: []line{
				{"gpt-4o-2024-08-06, input", 1000, "tokens", "0.0025"},
				{"gpt-4o-2024-08-06, cached input", 500, "tokens", "0.000625"},
				{"gpt-4o-2024-08-06, output", 200, "tokens", "0.002"},
			}},
		},
		{
			name: "batch wins over the tier; cached has no batch row and is derived",
			r:    Request{Model: "gpt-4o-2024-08-06", ServiceTier: "default", Batch: true, Q: usage.Quantities{InputText: 1000, CachedText: 500, OutputText: 200}},
			want: priced{cost: "0.0025625", flags: "derived", lines: []line{
				{"batch | gpt-4o-2024-08-06, input", 1000, "tokens", "0.00125"},
				{"batch | gpt-4o-2024-08-06, cached input", 500, "tokens", "0.0003125"},
				{"batch | gpt-4o-2024-08-06, output", 200, "tokens", "0.001"},
			}},
		},
		{
			name: "a snapshot takes its priority price, which is not twice the standard one, from its family",
			r:    Request{Model: "gpt-4o-2024-08-06", ServiceTier: "priority", Q: usage.Quantities{InputText: 1000, OutputText: 200}},
			want: priced{cost: "0.00765", lines: []line{
				{"priority | gpt-4o-2024-08-06, input", 1000, "tokens", "0.00425"},
				{"priority | gpt-4o-2024-08-06, output", 200, "tokens", "0.0034"},
			}},
		},
		{
			name: "images in a text model are text on the bill",
			r:    Request{Model: "gpt-4o", ServiceTier: "scale", Q: usage.Quantities{InputText: 100, InputImage: 900, CachedImage: 128}},
			want: priced{cost: "0.00266", lines: []line{
				{"gpt-4o, input", 1000, "tokens", "0.0025"},
				{"gpt-4o, cached input", 128, "tokens", "0.00016"},
			}},
		},
		{
			name: "gpt-5, cached",
			r:    Request{Model: "gpt-5-2025-08-07", Q: usage.Quantities{InputText: 10_000, CachedText: 8_000, OutputText: 1_500}},
			want: priced{cost: "0.0285", lines: []line{
				{"gpt-5-2025-08-07, input", 10_000, "tokens", "0.0125"},
				{"gpt-5-2025-08-07, cached input", 8_000, "tokens", "0.001"},
				{"gpt-5-2025-08-07, output", 1_500, "tokens", "0.015"},
			}},
		},
		{
			name: "a tier without rows is derived",
			r:    Request{Model: "gpt-5-2025-08-07", Batch: true, Q: usage.Quantities{InputText: 10_000, OutputText: 1_500}},
			want: priced{cost: "0.01375", flags: "derived", lines: []line{
				{"batch | gpt-5-2025-08-07, input", 10_000, "tokens", "0.00625"},
				{"batch | gpt-5-2025-08-07, output", 1_500, "tokens", "0.0075"},
			}},
		},
		{
			name: "the last token of the short context",
			r:    Request{Model: "gpt-5.4-2026-03-05", Q: usage.Quantities{InputText: 200_000, CachedText: 72_000, OutputText: 1_000}},
			want: priced{cost: "0.533", lines: []line{
				{"gpt-5.4-2026-03-05, input", 200_000, "tokens", "0.5"},
				{"gpt-5.4-2026-03-05, cached input", 72_000, "tokens", "0.018"},
				{"gpt-5.4-2026-03-05, output", 1_000, "tokens", "0.015"},
			}},
		},
		{
			name: "one token more is long context in every bucket",
			r:    Request{Model: "gpt-5.4-2026-03-05", Q: usage.Quantities{InputText: 200_000, CachedText: 72_001, OutputText: 1_000}},
			want: priced{cost: "1.0585005", lines: []line{
				{"gpt-5.4-2026-03-05, input, long context", 200_000, "tokens", "1"},
				{"gpt-5.4-2026-03-05, cached input, long context", 72_001, "tokens", "0.0360005"},
				{"gpt-5.4-2026-03-05, output, long context", 1_000, "tokens", "0.0225"},
			}},
		},
		{
			name: "long context in a batch is half the long price",
			r:    Request{Model: "gpt-5.4", Batch: true, Q: usage.Quantities{InputText: 272_001}},
			want: priced{cost: "0.6800025", flags: "derived", lines: []line{
				{"batch | gpt-5.4, input, long context", 272_001, "tokens", "0.6800025"},
			}},
		},
		{
			name: "cache writes, before the price of the model fell",
			at:   "2026-07-29",
			r:    Request{Model: "gpt-5.6-luna", Q: usage.Quantities{InputText: 1_000, CacheWrite: 2_000}},
			want: priced{cost: "0.0035", lines: []line{
				{"gpt-5.6-luna, input", 1_000, "tokens", "0.001"},
				{"gpt-5.6-luna, cache writes", 2_000, "tokens", "0.0025"},
			}},
		},
		{
			name: "cache writes, from the first moment of the new price",
			at:   "2026-07-30",
			r:    Request{Model: "gpt-5.6-luna", Q: usage.Quantities{InputText: 1_000, CacheWrite: 2_000}},
			want: priced{cost: "0.0007", lines: []line{
				{"gpt-5.6-luna, input", 1_000, "tokens", "0.0002"},
				{"gpt-5.6-luna, cache writes", 2_000, "tokens", "0.0005"},
			}},
		},
		{
			name: "a flex row that the standard price left behind is used, and flagged",
			r:    Request{Model: "gpt-5.6-luna", ServiceTier: "flex", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "0.0005", flags: "stale", lines: []line{
				{"flex | gpt-5.6-luna, input", 1_000, "tokens", "0.0005"},
			}},
		},
		{
			name: "the same row was not stale before",
			at:   "2026-07-29",
			r:    Request{Model: "gpt-5.6-luna", ServiceTier: "flex", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "0.0005", lines: []line{
				{"flex | gpt-5.6-luna, input", 1_000, "tokens", "0.0005"},
			}},
		},
		{
			name: "no cached row: the full price",
			r:    Request{Model: "gpt-4-0613", Q: usage.Quantities{InputText: 10, CachedText: 90, OutputText: 10}},
			want: priced{cost: "0.0036", lines: []line{
				{"gpt-4-0613, input", 10, "tokens", "0.0003"},
				{"gpt-4-0613, cached input", 90, "tokens", "0.0027"},
				{"gpt-4-0613, output", 10, "tokens", "0.0006"},
			}},
		},
		{
			name: "audio tokens, cached at the full audio price",
			r: Request{Model: "gpt-audio-mini-2025-12-15", Q: usage.Quantities{
				InputText: 100, InputAudio: 1_000, CachedAudio: 10, OutputText: 50, OutputAudio: 300}},
			want: priced{cost: "0.01628", lines: []line{
				{"gpt-audio-mini-2025-12-15 text, input", 100, "tokens", "0.00006"},
				{"gpt-audio-mini-2025-12-15 audio, input", 1_000, "tokens", "0.01"},
				{"gpt-audio-mini-2025-12-15 audio, cached input", 10, "tokens", "0.0001"},
				{"gpt-audio-mini-2025-12-15 text, output", 50, "tokens", "0.00012"},
				{"gpt-audio-mini-2025-12-15 audio, output", 300, "tokens", "0.006"},
			}},
		},
		{
			name: "audio in a text model has no price",
			r:    Request{Model: "gpt-4o", Q: usage.Quantities{InputText: 1_000, InputAudio: 10}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{
				{"gpt-4o, input", 1_000, "tokens", "0.0025"},
				{"gpt-4o audio, input", 10, "tokens", "-"},
			}},
		},
		{
			name: "image tokens decide over the picture; output without detail is the picture",
			r: Request{Model: "gpt-image-1", Kind: usage.Images, Size: "1024x1024", Quality: "low", Q: usage.Quantities{
				InputText: 50, InputImage: 323, OutputText: 272, Images: 1}},
			want: priced{cost: "0.01436", lines: []line{
				{"gpt-image-1 text, input", 50, "tokens", "0.00025"},
				{"gpt-image-1 image, input", 323, "tokens", "0.00323"},
				{"gpt-image-1 image, output", 272, "tokens", "0.01088"},
			}},
		},
		{
			name: "pictures by quality and size",
			r:    Request{Model: "gpt-image-1", Kind: usage.Images, Size: "1536x1024", Quality: "medium", Q: usage.Quantities{Images: 2}},
			want: priced{cost: "0.126", lines: []line{{"gpt-image-1", 2, "images", "0.126"}}},
		},
		{
			name: "a picture whose prompt tokens are known but not sold",
			r:    Request{Model: "dall-e-3", Kind: usage.Images, Quality: "hd", Q: usage.Quantities{Images: 1, InputText: 12}},
			want: priced{cost: "0.08", lines: []line{{"dall-e-3", 1, "images", "0.08"}}},
		},
		{
			name: "a picture of unknown quality has no price",
			r:    Request{Model: "gpt-image-1", Kind: usage.Images, Quality: "auto", Q: usage.Quantities{Images: 1}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{{"gpt-image-1", 1, "images", "-"}}},
		},
		{
			name: "embedding",
			r:    Request{Model: "text-embedding-3-small", Kind: usage.Embeddings, Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "0.00002", lines: []line{{"text-embedding-3-small, input", 1_000, "tokens", "0.00002"}}},
		},
		{
			name: "moderation is free",
			r:    Request{Model: "omni-moderation-latest", Kind: usage.Moderations, Q: usage.Quantities{InputText: 40}},
			want: priced{cost: "0", lines: []line{{"omni-moderation-latest, input", 40, "tokens", "0"}}},
		},
		{
			name: "an unknown moderation model is not",
			r:    Request{Model: "my-moderation", Kind: usage.Moderations, Q: usage.Quantities{InputText: 40}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{{"my-moderation, input", 40, "tokens", "-"}}},
		},
		{
			name: "the model asked for prices a resolved name the book does not know",
			r:    Request{Model: "prod-gpt", ModelAsked: "gpt-4o", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "0.0025", lines: []line{{"prod-gpt, input", 1_000, "tokens", "0.0025"}}},
		},
		{
			name: "a snapshot without rows is of its family",
			r:    Request{Model: "gpt-4o-2031-01-02", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "0.0025", lines: []line{{"gpt-4o-2031-01-02, input", 1_000, "tokens", "0.0025"}}},
		},
		{
			name: "four digits are no date",
			r:    Request{Model: "gpt-4o-0806", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{{"gpt-4o-0806, input", 1_000, "tokens", "-"}}},
		},
		{
			name: "fine-tuned",
			r:    Request{Model: "ft:gpt-4o-2024-08-06:acme:support:abc123", Q: usage.Quantities{InputText: 1_000, OutputText: 100}},
			want: priced{cost: "0.00525", lines: []line{
				{"ft-gpt-4o-2024-08-06, input", 1_000, "tokens", "0.00375"},
				{"ft-gpt-4o-2024-08-06, output", 100, "tokens", "0.0015"},
			}},
		},
		{
			name: "fine-tuned from a model without tuned prices",
			r:    Request{Model: "ft:gpt-5-2025-08-07:acme::x", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{{"ft-gpt-5-2025-08-07, input", 1_000, "tokens", "-"}}},
		},
		{
			name: "speech by the character",
			r:    Request{Model: "tts-1", Kind: usage.AudioSpeeches, Q: usage.Quantities{Characters: 200, Millis: 9_000}},
			want: priced{cost: "0.003", lines: []line{{"tts-1", 200, "characters", "0.003"}}},
		},
		{
			name: "transcription by the second",
			r:    Request{Model: "whisper-1", Kind: usage.AudioTranscriptions, Q: usage.Quantities{Millis: 12_600}},
			want: priced{cost: "0.00126", lines: []line{{"whisper", 13, "duration_seconds", "0.00126"}}},
		},
		{
			name: "transcription by the minute",
			r:    Request{Model: "gpt-transcribe", Kind: usage.AudioTranscriptions, Q: usage.Quantities{Millis: 20_000}},
			want: priced{cost: "0.0015", lines: []line{{"gpt-transcribe", 20, "duration_seconds", "0.0015"}}},
		},
		{
			name: "video by the second and size",
			r:    Request{Model: "sora-2-pro", Size: "1792x1024", Q: usage.Quantities{Millis: 4_000}},
			want: priced{cost: "2", lines: []line{{"sora-2-pro", 4, "duration_seconds", "2"}}},
		},
		{
			name: "web searches cost the same in every tier",
			r:    Request{Model: "gpt-5", Kind: usage.WebSearchCalls, ServiceTier: "flex", Q: usage.Quantities{ToolCalls: 3}},
			want: priced{cost: "0.03", lines: []line{{"web search tool calls", 3, "calls", "0.03"}}},
		},
		{
			name: "a model that sells its own web searches",
			r: Request{Model: "gpt-4o-search-preview-2025-03-11", Kind: usage.Completions, ContextLevel: "high", Q: usage.Quantities{
				InputText: 1_000, ToolCalls: 1}},
			want: priced{cost: "0.0525", lines: []line{
				{"gpt-4o-search-preview-2025-03-11, input", 1_000, "tokens", "0.0025"},
				{"web search tool calls", 1, "calls", "0.05"},
			}},
		},
		{
			name: "file searches",
			r:    Request{Model: "gpt-5", Kind: usage.FileSearchCalls, Q: usage.Quantities{ToolCalls: 2}},
			want: priced{cost: "0.005", lines: []line{{"file search tool calls", 2, "calls", "0.005"}}},
		},
		{
			name: "code interpreter sessions",
			r:    Request{Kind: usage.CodeInterpreterSessions, Size: "4g", Q: usage.Quantities{Sessions: 2}},
			want: priced{cost: "0.24", lines: []line{{"code interpreter sessions", 2, "sessions", "0.24"}}},
		},
		{
			name: "vector store storage",
			r:    Request{Kind: usage.VectorStores, Q: usage.Quantities{Bytes: 1 << 29}},
			want: priced{cost: "0.05", lines: []line{{"vector store storage", 1 << 29, "bytes", "0.05"}}},
		},
		{
			name: "an unknown tier has no price",
			r:    Request{Model: "gpt-4o", ServiceTier: "express", Q: usage.Quantities{InputText: 1_000}},
			want: priced{cost: "-", flags: "unpriced", lines: []line{{"express | gpt-4o, input", 1_000, "tokens", "-"}}},
		},
		{
			name: "nothing consumed",
			r:    Request{Model: "gpt-4o"},
			want: priced{cost: "-"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if c.at == "" {
				c.at = "2026-10-01"
			}
			c.r.At, c.r.Provider = day(t, c.at), "openai"
			got := book.Price(c.r)
			if g := describe(got); !slices.Equal(g.lines, c.want.lines) || g.cost != c.want.cost || g.flags != c.want.flags {
				t.Errorf("got  %+v\nwant %+v", g, c.want)
			}
		})
	}
}

func describe(p Priced) priced {
	amount := func(u *money.USD) string {
		if u == nil {
			return "-"
		}
		return u.String()
	}
	d := priced{cost: amount(p.Cost)}
	for _, l := range p.Lines {
		d.lines = append(d.lines, line{l.LineItem, l.Quantity, l.Unit, amount(l.Amount)})
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{p.Derived, "derived"}, {p.Stale, "stale"}, {p.Unpriced, "unpriced"}} {
		if f.set {
			d.flags += f.name
		}
	}
	return d
}

func TestTierWords(t *testing.T) {
	for _, c := range []struct {
		word  string
		batch bool
		want  Tier
	}{
		{"", false, Standard}, {"auto", false, Standard}, {"default", false, Standard}, {"standard", false, Standard},
		{"scale", false, Standard}, {"flex", false, Flex}, {"priority", false, Priority}, {"batch", false, Batch}, {"priority", true, Batch},
	} {
		if got := TierOf(c.word, c.batch); got != c.want {
			t.Errorf("TierOf(%q, %v) = %s; want %s", c.word, c.batch, got, c.want)
		}
	}
}

func TestAmountsBeyondMoneyAreUnpriced(t *testing.T) {
	book := builtin(t)
	for _, q := range []int64{1 << 62, 1<<63 - 1} {
		p := book.Price(Request{Model: "o1-pro", Q: usage.Quantities{OutputText: q}})
		if p.Cost != nil || !p.Unpriced {
			t.Errorf("%d tokens: %+v", q, p)
		}
	}
}

// The largest unit a row may have, of the meter with the largest divisor, in a
// tier whose price is derived: a wrapped divisor would give a wrong amount.
func TestLargestUnitKeepsTheArithmeticExact(t *testing.T) {
	row := custom(t, CustomBook, Exact, vectorStorage, GBDay, "1000000000")
	row.UnitSize = maxUnitSize
	if err := row.Validate(); err != nil {
		t.Fatal(err)
	}
	book := builtin(t).With([]Row{row})
	p := book.Price(Request{Kind: usage.VectorStores, Q: usage.Quantities{Bytes: gibibyte}})
	if p.Cost == nil || p.Cost.String() != "1" {
		t.Errorf("a gibibyte at a billion dollars per billion gibibytes: %+v", p)
	}
	seconds := custom(t, CustomBook, Exact, "hearing", AudioSecond, "1000000000")
	seconds.UnitSize = maxUnitSize
	p = book.With([]Row{seconds}).Price(Request{Model: "hearing", Batch: true, Q: usage.Quantities{Millis: 1000}})
	if p.Cost == nil || p.Cost.String() != "0.5" {
		t.Errorf("a second at half a dollar: %+v", p)
	}
}

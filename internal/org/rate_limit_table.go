package org

// RateLimitField is one thing that a rate limit bounds, by the name OpenAI's API
// gives it.
type RateLimitField string

// What rate limits bound. Requests and tokens in a minute are bounded for every
// model, the others for models they mean something for.
const (
	RequestsPerMinute       RateLimitField = "max_requests_per_1_minute"
	TokensPerMinute         RateLimitField = "max_tokens_per_1_minute"
	ImagesPerMinute         RateLimitField = "max_images_per_1_minute"
	AudioMegabytesPerMinute RateLimitField = "max_audio_megabytes_per_1_minute"
	RequestsPerDay          RateLimitField = "max_requests_per_1_day"
	BatchInputTokensPerDay  RateLimitField = "batch_1_day_max_input_tokens"
)

// rateLimitFields in the order in which mistakes are looked for.
var rateLimitFields = []RateLimitField{
	RequestsPerMinute, TokensPerMinute, ImagesPerMinute, AudioMegabytesPerMinute, RequestsPerDay, BatchInputTokensPerDay,
}

// Rates are limits by what they bound. What is not in it is not bounded, or is
// left as it is. 0 lets nothing through.
type Rates map[RateLimitField]int64

// rateDefaults are the limits of a kind of model that nobody has set any for.
type rateDefaults struct {
	modes []string // as pricing.ModelLimits has them; none: every other model
	// named are parts of the names of models of the kind, by which those are told
	// of which the price book knows no mode.
	named []string
	rates Rates
}

// defaultRates are the limits that models start with, by their kind; the fields
// of a kind are the ones its models can be limited by. The numbers are weir's own
// and high on purpose: an install that has set no limit should meet its
// provider's before weir's. A day's requests are a minute's, all day long.
var defaultRates = []rateDefaults{
	{
		modes: []string{"embedding"}, named: []string{"embed"},
		rates: Rates{RequestsPerMinute: 10_000, TokensPerMinute: 10_000_000, BatchInputTokensPerDay: 4_000_000_000},
	},
	{
		modes: []string{"moderation"}, named: []string{"moderation"},
		rates: Rates{RequestsPerMinute: 10_000, TokensPerMinute: 10_000_000},
	},
	{
		modes: []string{"image_generation"}, named: []string{"image", "dall-e"},
		rates: Rates{RequestsPerMinute: 10_000, TokensPerMinute: 8_000_000, ImagesPerMinute: 10_000},
	},
	{
		modes: []string{"audio_transcription", "audio_speech"}, named: []string{"whisper", "transcribe", "tts"},
		rates: Rates{RequestsPerMinute: 10_000, TokensPerMinute: 8_000_000, AudioMegabytesPerMinute: 10_000},
	},
	{
		modes: []string{"realtime"}, named: []string{"realtime"},
		rates: Rates{RequestsPerMinute: 20_000, TokensPerMinute: 15_000_000, RequestsPerDay: 28_800_000},
	},
	{
		modes: []string{"video_generation"}, named: []string{"sora"},
		rates: Rates{RequestsPerMinute: 1_000, TokensPerMinute: 8_000_000, RequestsPerDay: 1_440_000},
	},
	{
		rates: Rates{
			RequestsPerMinute: 30_000, TokensPerMinute: 200_000_000,
			RequestsPerDay: 43_200_000, BatchInputTokensPerDay: 15_000_000_000,
		},
	},
}

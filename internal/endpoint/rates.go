package endpoint

import (
	"weir/internal/optional"
	"weir/internal/org"
)

// Rates are a model's limits as both APIs show them. A field that means nothing
// for the model is left out.
type Rates struct {
	RequestsPerMinute       int64  `json:"max_requests_per_1_minute"`
	TokensPerMinute         int64  `json:"max_tokens_per_1_minute"`
	ImagesPerMinute         *int64 `json:"max_images_per_1_minute,omitempty"`
	AudioMegabytesPerMinute *int64 `json:"max_audio_megabytes_per_1_minute,omitempty"`
	RequestsPerDay          *int64 `json:"max_requests_per_1_day,omitempty"`
	BatchInputTokensPerDay  *int64 `json:"batch_1_day_max_input_tokens,omitempty"`
}

// ShowRates shows rates.
func ShowRates(rates org.Rates) Rates {
	shown := func(field org.RateLimitField) *int64 {
		if n, ok := rates[field]; ok {
			return &n
		}
		return nil
	}
	return Rates{
		RequestsPerMinute: rates[org.RequestsPerMinute], TokensPerMinute: rates[org.TokensPerMinute],
		ImagesPerMinute: shown(org.ImagesPerMinute), AudioMegabytesPerMinute: shown(org.AudioMegabytesPerMinute),
		RequestsPerDay: shown(org.RequestsPerDay), BatchInputTokensPerDay: shown(org.BatchInputTokensPerDay),
	}
}

// RatesChange is a body that changes some of a model's limits.
type RatesChange struct {
	RequestsPerMinute       optional.Value[int64] `json:"max_requests_per_1_minute"`
	TokensPerMinute         optional.Value[int64] `json:"max_tokens_per_1_minute"`
	ImagesPerMinute         optional.Value[int64] `json:"max_images_per_1_minute"`
	AudioMegabytesPerMinute optional.Value[int64] `json:"max_audio_megabytes_per_1_minute"`
	RequestsPerDay          optional.Value[int64] `json:"max_requests_per_1_day"`
	BatchInputTokensPerDay  optional.Value[int64] `json:"batch_1_day_max_input_tokens"`
}

// Rates returns what was sent; null is a field left out.
func (in RatesChange) Rates() org.Rates {
	rates := org.Rates{}
	for field, v := range map[org.RateLimitField]optional.Value[int64]{
		org.RequestsPerMinute: in.RequestsPerMinute, org.TokensPerMinute: in.TokensPerMinute,
		org.ImagesPerMinute: in.ImagesPerMinute, org.AudioMegabytesPerMinute: in.AudioMegabytesPerMinute,
		org.RequestsPerDay: in.RequestsPerDay, org.BatchInputTokensPerDay: in.BatchInputTokensPerDay,
	} {
		if v.Given() {
			rates[field] = v.V
		}
	}
	return rates
}

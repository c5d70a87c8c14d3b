// Package usage is what a request consumed: the event, the durable recorder
// that writes it before the last byte is answered, and the reports read from
// its roll-ups.
package usage

import (
	"time"

	"weir/internal/money"
)

// Kind says which report a request counts in. The values are the last path
// segments of /v1/organization/usage/{kind}.
type Kind string

// The eleven reports, and the two kinds that appear in no report but in the
// request log.
const (
	Completions             Kind = "completions"
	Decisions               Kind = "decisions"
	Embeddings              Kind = "embeddings"
	Moderations             Kind = "moderations"
	Images                  Kind = "images"
	AudioSpeeches           Kind = "audio_speeches"
	AudioTranscriptions     Kind = "audio_transcriptions"
	VectorStores            Kind = "vector_stores"
	CodeInterpreterSessions Kind = "code_interpreter_sessions"
	FileSearchCalls         Kind = "file_search_calls"
	WebSearchCalls          Kind = "web_search_calls"
	Unmetered               Kind = "unmetered" // relayed, but weir cannot read its usage yet
	None                    Kind = "none"      // nothing to meter: a list, a lookup, a refusal
)

// Outcome is how a request ended.
type Outcome string

// The outcomes a request can end with.
const (
	OutcomeOpen        Outcome = "open"        // admitted, not settled yet
	OutcomeCompleted   Outcome = "completed"   // answered whole
	OutcomeFailed      Outcome = "failed"      // refused by weir or the provider, or unreachable
	OutcomeTruncated   Outcome = "truncated"   // the stream broke off, or was cut since its caller may no longer call
	OutcomeClientGone  Outcome = "client_gone" // the caller hung up
	OutcomeInterrupted Outcome = "interrupted" // weir died while it ran
)

// Source says where a token count came from.
type Source string

// Where counts come from.
const (
	SourceProvider  Source = "provider"
	SourceEstimated Source = "estimated"
	SourceUnknown   Source = "unknown"
)

// Quantities are what one request consumed, in disjoint buckets: the input
// buckets add up to the provider's input total, the output buckets to its
// output total. Reasoning tokens are part of OutputText.
type Quantities struct {
	InputText   int64 `json:"input_text,omitempty"`   // tokens, uncached text
	InputAudio  int64 `json:"input_audio,omitempty"`  // tokens, uncached audio
	InputImage  int64 `json:"input_image,omitempty"`  // tokens, uncached image
	CachedText  int64 `json:"cached_text,omitempty"`  // tokens read from the provider's cache
	CachedAudio int64 `json:"cached_audio,omitempty"` // tokens read from the provider's cache
	CachedImage int64 `json:"cached_image,omitempty"` // tokens read from the provider's cache
	CacheWrite  int64 `json:"cache_write,omitempty"`  // tokens written to the provider's cache
	OutputText  int64 `json:"output_text,omitempty"`  // tokens
	OutputAudio int64 `json:"output_audio,omitempty"` // tokens
	OutputImage int64 `json:"output_image,omitempty"` // tokens

	Images     int64 `json:"images,omitempty"`     // pictures made
	Characters int64 `json:"characters,omitempty"` // of speech input
	Millis     int64 `json:"millis,omitempty"`     // of audio or video, thousandths of a second
	Bytes      int64 `json:"bytes,omitempty"`      // stored in vector stores
	Sessions   int64 `json:"sessions,omitempty"`   // code interpreter sessions
	ToolCalls  int64 `json:"tool_calls,omitempty"` // web or file searches made
	Reasoning  int64 `json:"reasoning,omitempty"`  // tokens, already inside OutputText; informative
	Choices    int64 `json:"choices,omitempty"`    // answers the output was spread over; informative
}

// Input is the provider's input total: cached, cache-write and uncached, over
// text, audio and image.
func (q Quantities) Input() int64 {
	return q.InputText + q.InputAudio + q.InputImage + q.Cached() + q.CacheWrite
}

// Cached is the input read from the provider's cache.
func (q Quantities) Cached() int64 { return q.CachedText + q.CachedAudio + q.CachedImage }

// Output is the provider's output total.
func (q Quantities) Output() int64 { return q.OutputText + q.OutputAudio + q.OutputImage }

// CostLine is one line of a priced request, named as the provider's bill names
// it ("gpt-4o-2024-08-06, cached input"). Amount is nil when no price is known:
// unknown is not $0.
type CostLine struct {
	LineItem string     `json:"line_item"`
	Meter    string     `json:"meter"` // as in a price row: input, cached_input, output, …
	Quantity int64      `json:"quantity"`
	Unit     string     `json:"unit"` // tokens, images, characters, duration_seconds, calls, sessions
	Amount   *money.USD `json:"amount,omitempty"`
}

// Attempt is one exchange with one upstream.
type Attempt struct {
	ConnectionID      string `json:"connection_id"`
	Model             string `json:"model"`
	Status            int    `json:"status"` // 0: no answer
	Error             string `json:"error,omitempty"`
	UpstreamRequestID string `json:"upstream_request_id,omitempty"`
	StartMicros       int64  `json:"start_us,omitempty"` // after the request was received
	DurationMicros    int64  `json:"duration_us"`        // until the answer began, or failed to
}

// Event is the record of one request. Its ID is the x-request-id the caller
// was given. Every event belongs to one organization.
type Event struct {
	ID             string `json:"id"`
	OrganizationID string `json:"org"`
	ProjectID      string `json:"project"`
	WorkspaceID    string `json:"workspace,omitempty"`
	APIKeyID       string `json:"api_key"`
	UserID         string `json:"user,omitempty"`            // the key's owner; empty for a service account
	ServiceAccount string `json:"service_account,omitempty"` // the key's owner; empty for a user

	Kind            Kind   `json:"kind"`
	Method          string `json:"method"`
	Path            string `json:"path"` // as the caller sent it, without query
	ModelEndpointID string `json:"model_endpoint,omitempty"`
	ConnectionID    string `json:"connection,omitempty"` // that answered
	ModelAsked      string `json:"model_asked,omitempty"`
	Model           string `json:"model,omitempty"`        // as the provider resolved it, else as sent
	ServiceTier     string `json:"service_tier,omitempty"` // as the provider reported it: default, flex, priority, scale
	Batch           bool   `json:"batch,omitempty"`
	Stream          bool   `json:"stream,omitempty"`
	Size            string `json:"size,omitempty"`          // images: 1024x1024
	Quality         string `json:"quality,omitempty"`       // images: low, hd
	ImageSource     string `json:"image_source,omitempty"`  // images: image.generation, image.edit, image.variation
	ContextLevel    string `json:"context_level,omitempty"` // web search: low, medium, high
	VectorStoreID   string `json:"vector_store,omitempty"`

	Received  time.Time `json:"received"`
	FirstByte time.Time `json:"first_byte,omitzero"`
	Done      time.Time `json:"done,omitzero"`

	Status    int       `json:"status,omitempty"` // answered to the caller; 0 while open
	ErrorCode string    `json:"error_code,omitempty"`
	Outcome   Outcome   `json:"outcome"`
	Attempts  []Attempt `json:"attempts,omitempty"`

	Quantities Quantities `json:"quantities"`
	Source     Source     `json:"source"`             // of Quantities
	Cost       *money.USD `json:"cost,omitempty"`     // nil: nothing to price, or a part has no price
	Unpriced   bool       `json:"unpriced,omitempty"` // something was consumed that no price row covers
	Lines      []CostLine `json:"lines,omitempty"`

	RequestBytes  int64 `json:"request_bytes,omitempty"`
	ResponseBytes int64 `json:"response_bytes,omitempty"`

	Objects []Object `json:"objects,omitempty"` // at ConnectionID, that are the project's by this request
}

// Counts reports whether the event belongs in usage reports: it reached a
// provider and consumed something, or may have.
func (e *Event) Counts() bool {
	return e.Kind != None && e.Kind != Unmetered && e.Source != ""
}

package adminapi

import (
	"slices"

	"weir/internal/usage"
)

// The dimensions and filters that reports share.
var (
	projectGroups = []usage.Dimension{usage.ByProject}
	callerGroups  = []usage.Dimension{usage.ByProject, usage.ByUser, usage.ByAPIKey}
	modelGroups   = []usage.Dimension{usage.ByProject, usage.ByUser, usage.ByAPIKey, usage.ByModel}

	projectFilters = []filter{{param: "project_ids", by: usage.ByProject}}
	callerFilters  = []filter{
		{param: "project_ids", by: usage.ByProject}, {param: "user_ids", by: usage.ByUser},
		{param: "api_key_ids", by: usage.ByAPIKey},
	}
	modelFilters = []filter{
		{param: "project_ids", by: usage.ByProject}, {param: "user_ids", by: usage.ByUser},
		{param: "api_key_ids", by: usage.ByAPIKey}, {param: "models", by: usage.ByModel},
	}

	tokenGroups = []usage.Dimension{
		usage.ByProject, usage.ByUser, usage.ByAPIKey, usage.ByModel, usage.ByBatch, usage.ByServiceTier, byAPISource,
	}
	tokenFilters = []filter{
		{param: "project_ids", by: usage.ByProject}, {param: "user_ids", by: usage.ByUser},
		{param: "api_key_ids", by: usage.ByAPIKey}, {param: "models", by: usage.ByModel}, {param: "batch", by: usage.ByBatch},
	}
)

func inputTokens(r *usage.Result) int64 { return r.Input() }
func requests(r *usage.Result) int64    { return r.Requests }
func toolCalls(r *usage.Result) int64   { return r.ToolCalls }
func cacheWrites(r *usage.Result) int64 { return r.CacheWrite }

// tokenMetrics are the numbers of reports of tokens. They follow OpenAI's
// arithmetic: input_tokens is all of the input, input_uncached_tokens what was
// neither read from the cache nor written to it, and input_text_tokens, _audio_
// and _image_ are its parts.
var tokenMetrics = []metric{
	{"input_tokens", inputTokens},
	{"output_tokens", func(r *usage.Result) int64 { return r.Output() }},
	{"num_model_requests", requests},
	{"input_cached_tokens", func(r *usage.Result) int64 { return r.Cached() }},
	{"input_cache_write_tokens", cacheWrites},
	{"input_uncached_tokens", func(r *usage.Result) int64 { return r.InputText + r.InputAudio + r.InputImage }},
	{"input_text_tokens", func(r *usage.Result) int64 { return r.InputText }},
	{"output_text_tokens", func(r *usage.Result) int64 { return r.OutputText }},
	{"input_cached_text_tokens", func(r *usage.Result) int64 { return r.CachedText }},
	{"input_audio_tokens", func(r *usage.Result) int64 { return r.InputAudio }},
	{"input_cached_audio_tokens", func(r *usage.Result) int64 { return r.CachedAudio }},
	{"output_audio_tokens", func(r *usage.Result) int64 { return r.OutputAudio }},
	{"input_image_tokens", func(r *usage.Result) int64 { return r.InputImage }},
	{"input_cached_image_tokens", func(r *usage.Result) int64 { return r.CachedImage }},
	{"output_image_tokens", func(r *usage.Result) int64 { return r.OutputImage }},
}

// reports are the eleven usage reports.
var reports = []report{
	{
		kind: usage.Completions, object: "organization.usage.completions.result",
		metrics: tokenMetrics,
		groups:  tokenGroups, filters: tokenFilters,
	},
	{
		kind: usage.Decisions, object: "organization.usage.decisions.result", // newer than OpenAI's API description 2.3.0
		metrics: tokenMetrics,
		parts:   []metric{{"input_cache_write_30m_tokens", cacheWrites}, {"input_cache_write_12h_tokens", cacheWrites}},
		groups:  tokenGroups, filters: tokenFilters,
	},
	{
		kind: usage.Embeddings, object: "organization.usage.embeddings.result",
		metrics: []metric{{"input_tokens", inputTokens}, {"num_model_requests", requests}},
		groups:  modelGroups, filters: modelFilters,
	},
	{
		kind: usage.Moderations, object: "organization.usage.moderations.result",
		metrics: []metric{{"input_tokens", inputTokens}, {"num_model_requests", requests}},
		groups:  modelGroups, filters: modelFilters,
	},
	{
		kind: usage.Images, object: "organization.usage.images.result",
		metrics: []metric{
			{"images", func(r *usage.Result) int64 { return r.Images }},
			{"num_model_requests", requests},
		},
		groups: slices.Concat(modelGroups, []usage.Dimension{usage.BySize, usage.BySource}),
		filters: slices.Concat(modelFilters, []filter{
			{param: "sources", by: usage.BySource, among: []string{"image.generation", "image.edit", "image.variation"}},
			{param: "sizes", by: usage.BySize, among: []string{"256x256", "512x512", "1024x1024", "1792x1792", "1024x1792"}},
		}),
	},
	{
		kind: usage.AudioSpeeches, object: "organization.usage.audio_speeches.result",
		metrics: []metric{
			{"characters", func(r *usage.Result) int64 { return r.Characters }},
			{"num_model_requests", requests},
		},
		groups: modelGroups, filters: modelFilters,
	},
	{
		kind: usage.AudioTranscriptions, object: "organization.usage.audio_transcriptions.result",
		metrics: []metric{
			{"seconds", func(r *usage.Result) int64 { return (r.Millis + 500) / 1000 }},
			{"num_model_requests", requests},
		},
		groups: modelGroups, filters: modelFilters,
	},
	{
		kind: usage.VectorStores, object: "organization.usage.vector_stores.result",
		metrics: []metric{{"usage_bytes", func(r *usage.Result) int64 { return r.Bytes }}},
		groups:  projectGroups, filters: projectFilters,
	},
	{
		kind: usage.CodeInterpreterSessions, object: "organization.usage.code_interpreter_sessions.result",
		metrics: []metric{{"num_sessions", func(r *usage.Result) int64 { return r.Sessions }}},
		groups:  projectGroups, filters: projectFilters,
	},
	{
		kind: usage.FileSearchCalls, object: "organization.usage.file_searches.result", // not file_search_calls
		metrics: []metric{{"num_requests", toolCalls}},
		groups:  slices.Concat(callerGroups, []usage.Dimension{usage.ByVectorStore}),
		filters: slices.Concat(callerFilters, []filter{{param: "vector_store_ids", by: usage.ByVectorStore}}),
	},
	{
		kind: usage.WebSearchCalls, object: "organization.usage.web_searches.result", // not web_search_calls
		metrics: []metric{{"num_model_requests", requests}, {"num_requests", toolCalls}},
		groups:  slices.Concat(modelGroups, []usage.Dimension{usage.ByContextLevel, byAPISource}),
		filters: slices.Concat(modelFilters, []filter{
			{param: "context_levels", by: usage.ByContextLevel, among: []string{"low", "medium", "high"}},
		}),
	},
}

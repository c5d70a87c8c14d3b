package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
)

// serve runs a provider on loopback and returns the official client for it.
func serve(t *testing.T, opts Options) (*Provider, *httptest.Server, openai.Client) {
	t.Helper()
	p := New(opts)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server, openai.NewClient(option.WithBaseURL(server.URL+"/v1"), option.WithAPIKey("sk-test"), option.WithMaxRetries(0))
}

func chatParams(model string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("Where does the water go?")},
	}
}

func TestChat(t *testing.T) {
	p, _, client := serve(t, Options{})
	got, err := client.Chat.Completions.New(t.Context(), chatParams("gpt-4o"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != "gpt-4o-2024-08-06" || got.ServiceTier != "default" || got.SystemFingerprint != "fp_sandbox" {
		t.Errorf("model %q, tier %q, fingerprint %q", got.Model, got.ServiceTier, got.SystemFingerprint)
	}
	text := got.Choices[0].Message.Content
	if !strings.HasPrefix(text, "[sandbox] ") || got.Choices[0].FinishReason != "stop" {
		t.Errorf("text %q, finish reason %q", text, got.Choices[0].FinishReason)
	}
	if u := got.Usage; u.CompletionTokens != int64(len(strings.Fields(text))) || u.TotalTokens != u.PromptTokens+u.CompletionTokens || u.PromptTokens == 0 {
		t.Errorf("usage %+v for %q", u, text)
	}
	again, err := client.Chat.Completions.New(t.Context(), chatParams("gpt-4o"))
	if err != nil {
		t.Fatal(err)
	}
	if again.Choices[0].Message.Content != text || again.ID == got.ID {
		t.Errorf("the same request: text %q, want %q; ids %q and %q", again.Choices[0].Message.Content, text, again.ID, got.ID)
	}
	if l := p.Ledger(); l.Completed != 2 || l.OutputTokens != 2*got.Usage.CompletionTokens || l.Exchanges[0].ID != got.ID {
		t.Errorf("ledger %+v", l)
	}
}

func TestChatStream(t *testing.T) {
	for _, includeUsage := range []bool{false, true} {
		p, _, client := serve(t, Options{})
		params := chatParams("gpt-4o-mini+chunks=7")
		params.N = param.NewOpt[int64](2)
		if includeUsage {
			params.StreamOptions.IncludeUsage = param.NewOpt(true)
		}
		stream := client.Chat.Completions.NewStreaming(t.Context(), params)
		var acc openai.ChatCompletionAccumulator
		usageChunks := 0
		for stream.Next() {
			chunk := stream.Current()
			if !acc.AddChunk(chunk) {
				t.Fatalf("the accumulator refuses %s", chunk.RawJSON())
			}
			if len(chunk.Choices) == 0 {
				usageChunks++
			}
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		if len(acc.Choices) != 2 || acc.Choices[1].FinishReason != "stop" || len(strings.Fields(acc.Choices[1].Message.Content)) != 7 {
			t.Errorf("accumulated %+v", acc.Choices)
		}
		want := int64(0)
		if includeUsage {
			want = 14
		}
		if acc.Usage.CompletionTokens != want || (usageChunks == 1) != includeUsage {
			t.Errorf("include_usage %t: usage %+v in %d chunks", includeUsage, acc.Usage, usageChunks)
		}
		if l := p.Ledger(); l.Completed != 1 || l.OutputTokens != 14 {
			t.Errorf("ledger %+v", l)
		}
	}
}

func TestChatHonoursTheTokenLimit(t *testing.T) {
	_, _, client := serve(t, Options{})
	for model, reasons := range map[string]bool{"gpt-4o": false, "gpt-5-mini": true} {
		params := chatParams(model)
		params.MaxCompletionTokens = param.NewOpt[int64](5)
		got, err := client.Chat.Completions.New(t.Context(), params)
		if err != nil {
			t.Fatal(err)
		}
		if got.Usage.CompletionTokens != 5 || got.Choices[0].FinishReason != "length" {
			t.Errorf("%s: %d tokens, finish reason %q", model, got.Usage.CompletionTokens, got.Choices[0].FinishReason)
		}
		if (got.Usage.CompletionTokensDetails.ReasoningTokens > 0) != reasons {
			t.Errorf("%s: reasoning %d", model, got.Usage.CompletionTokensDetails.ReasoningTokens)
		}
	}
}

func TestLongPromptsAreCachedInPart(t *testing.T) {
	_, _, client := serve(t, Options{})
	params := chatParams("gpt-4o")
	params.Messages[0] = openai.UserMessage(strings.Repeat("water ", 2000))
	got, err := client.Chat.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	cached := got.Usage.PromptTokensDetails.CachedTokens
	if cached == 0 || cached%128 != 0 || cached >= got.Usage.PromptTokens {
		t.Errorf("%d of %d tokens cached", cached, got.Usage.PromptTokens)
	}
}

func TestResponses(t *testing.T) {
	_, _, client := serve(t, Options{})
	params := responses.ResponseNewParams{Model: "gpt-5-mini", Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("Hello")}}
	got, err := client.Responses.New(t.Context(), params, option.WithJSONSet("service_tier", "flex"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != "gpt-5-mini-2025-08-07" || got.Status != "completed" || got.ServiceTier != "flex" || !strings.HasPrefix(got.OutputText(), "[sandbox] ") {
		t.Errorf("answered %s", got.RawJSON())
	}
	u := got.Usage
	if u.OutputTokensDetails.ReasoningTokens == 0 || u.OutputTokens != u.OutputTokensDetails.ReasoningTokens+int64(len(strings.Fields(got.OutputText()))) {
		t.Errorf("usage %+v", u)
	}
	if _, err := client.Responses.Get(t.Context(), got.ID, responses.ResponseGetParams{}); !isStatus(err, 404) {
		t.Errorf("get of a response that is not stored: %v", err)
	}
}

func TestResponsesStream(t *testing.T) {
	_, _, client := serve(t, Options{})
	for limit, last := range map[int64]string{0: "response.completed", 20: "response.incomplete"} {
		params := responses.ResponseNewParams{Model: "gpt-4.1+chunks=30", Input: responses.ResponseNewParamsInputUnion{OfString: param.NewOpt("Hello")}}
		tokens := int64(30)
		if limit > 0 {
			params.MaxOutputTokens, tokens = param.NewOpt(limit), limit
		}
		stream := client.Responses.NewStreaming(t.Context(), params)
		var kinds []string
		var text strings.Builder
		var end responses.Response
		for stream.Next() {
			e := stream.Current()
			if e.SequenceNumber != int64(len(kinds)) {
				t.Errorf("event %d has the sequence number %d", len(kinds), e.SequenceNumber)
			}
			kinds = append(kinds, e.Type)
			if e.Type == "response.output_text.delta" {
				text.WriteString(e.Delta)
			}
			end = e.Response
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		want := []string{"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"}
		for range tokens {
			want = append(want, "response.output_text.delta")
		}
		want = append(want, "response.output_text.done", "response.content_part.done", "response.output_item.done", last)
		if strings.Join(kinds, " ") != strings.Join(want, " ") {
			t.Errorf("events\n%v\nwant\n%v", kinds, want)
		}
		if end.OutputText() != text.String() || end.Usage.OutputTokens != tokens {
			t.Errorf("the deltas say %q, the end %q with %d tokens", text.String(), end.OutputText(), end.Usage.OutputTokens)
		}
	}
}

func TestCompletions(t *testing.T) {
	_, _, client := serve(t, Options{})
	params := openai.CompletionNewParams{Model: "gpt-3.5-turbo-instruct", Prompt: openai.CompletionNewParamsPromptUnion{OfString: param.NewOpt("Once")}}
	got, err := client.Completions.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got.Usage.CompletionTokens != 16 || got.Choices[0].FinishReason != "length" || !strings.HasPrefix(got.Choices[0].Text, "[sandbox] ") {
		t.Errorf("answered %s", got.RawJSON())
	}
	stream := client.Completions.NewStreaming(t.Context(), params)
	var text string
	for stream.Next() {
		text += stream.Current().Choices[0].Text
	}
	if stream.Err() != nil || len(strings.Fields(text)) != 16 {
		t.Errorf("streamed %q, %v", text, stream.Err())
	}
}

func TestEmbeddings(t *testing.T) {
	_, _, client := serve(t, Options{})
	params := openai.EmbeddingNewParams{Model: "text-embedding-3-small", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"water", "stone", "water"}}}
	got, err := client.Embeddings.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Data) != 3 || len(got.Data[0].Embedding) != 1536 || got.Usage.PromptTokens == 0 {
		t.Fatalf("%d vectors, usage %+v", len(got.Data), got.Usage)
	}
	if dot(got.Data[0].Embedding, got.Data[2].Embedding) < 0.999 || dot(got.Data[0].Embedding, got.Data[1].Embedding) > 0.5 {
		t.Error("the same text should give the same vector, another text another")
	}
	params.Dimensions, params.Model = param.NewOpt[int64](256), "text-embedding-3-large"
	if got, err = client.Embeddings.New(t.Context(), params); err != nil || len(got.Data[1].Embedding) != 256 {
		t.Errorf("256 dimensions: %v", err)
	}
	params.EncodingFormat = "base64"
	var raw struct {
		Data []struct{ Embedding []byte }
	}
	if err := client.Post(t.Context(), "embeddings", params, &raw); err != nil || len(raw.Data[0].Embedding) != 4*256 {
		t.Errorf("base64: %v, %d vectors", err, len(raw.Data))
	}
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return math.Abs(sum)
}

func TestModerations(t *testing.T) {
	_, _, client := serve(t, Options{})
	params := openai.ModerationNewParams{Input: openai.ModerationNewParamsInputUnion{OfStringArray: []string{"calm", "sandbox-flag:hate/threatening"}}}
	got, err := client.Moderations.New(t.Context(), params)
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != "omni-moderation-2024-09-26" || len(got.Results) != 2 {
		t.Fatalf("answered %s", got.RawJSON())
	}
	calm, flagged := got.Results[0], got.Results[1]
	if calm.Flagged || !flagged.Flagged || !flagged.Categories.HateThreatening || flagged.Categories.Hate {
		t.Errorf("answered %s", got.RawJSON())
	}
}

func TestModels(t *testing.T) {
	_, _, client := serve(t, Options{})
	page, err := client.Models.List(t.Context())
	if err != nil || len(page.Data) < 40 {
		t.Fatalf("%d models, %v", len(page.Data), err)
	}
	if m, err := client.Models.Get(t.Context(), "gpt-4o-2024-08-06"); err != nil || m.ID != "gpt-4o-2024-08-06" {
		t.Errorf("get: %+v, %v", m, err)
	}
	if _, err := client.Models.Get(t.Context(), "gpt-9"); !isStatus(err, 404) {
		t.Errorf("an unknown model: %v", err)
	}
}

func isStatus(err error, status int) bool {
	var api *openai.Error
	return errors.As(err, &api) && api.StatusCode == status
}

// post sends one chat request as it is.
func post(ctx context.Context, t *testing.T, url, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer sk-test")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func read(t *testing.T, resp *http.Response) string {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func decode[T any](t *testing.T, body string) (v T) {
	t.Helper()
	if err := json.Unmarshal([]byte(body), &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

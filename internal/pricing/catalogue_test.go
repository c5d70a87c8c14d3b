package pricing

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	book := builtin(t)
	for model, want := range map[string]ModelLimits{
		"gpt-4o":                           {MaxInputTokens: 128000, MaxOutputTokens: 16384, Mode: "chat"},
		"gpt-4o-2024-05-13":                {MaxInputTokens: 128000, MaxOutputTokens: 4096, Mode: "chat"},
		"gpt-4o-2031-01-02":                {MaxInputTokens: 128000, MaxOutputTokens: 16384, Mode: "chat"},
		"ft:gpt-4o-2024-08-06:acme:x:1":    {MaxInputTokens: 128000, MaxOutputTokens: 16384, Mode: "chat"},
		"ft:gpt-5-mini-2025-08-07:acme::2": {MaxInputTokens: 272000, MaxOutputTokens: 128000, Mode: "chat", Endpoints: []string{"batch", "chat/completions", "responses"}},
		"text-embedding-3-small":           {MaxInputTokens: 8191, VectorSize: 1536, Mode: "embedding"},
	} {
		got, ok := book.Limits(model)
		if len(got.Endpoints) == 0 {
			got.Endpoints = nil
		}
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v", model, got, ok)
		}
	}
	if _, ok := book.Limits("unheard-of"); ok {
		t.Error("limits of an unknown model")
	}
}

func TestModels(t *testing.T) {
	models := builtin(t).Models()
	if !slices.IsSortedFunc(models, func(a, b ModelInfo) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("not sorted")
	}
	has := map[string]bool{}
	for _, m := range models {
		if has[m.ID] {
			t.Errorf("%s twice", m.ID)
		}
		has[m.ID] = true
		if strings.ContainsAny(m.ID, " /(") {
			t.Errorf("%q is no model", m.ID)
		}
	}
	for id, want := range map[string]bool{"gpt-4o": true, "gpt-6-sol": true, "whisper-1": true, "container": false, "web_search": false, "vector_store_storage": false} {
		if has[id] != want {
			t.Errorf("%s is listed: %v", id, has[id])
		}
	}
}

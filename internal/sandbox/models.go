package sandbox

import (
	"strconv"
	"strings"

	"weir/internal/fault"
)

// mode is which endpoints a model serves.
type mode uint8

const (
	modeChat       mode = 1 << iota // chat/completions and responses
	modeResponses                   // responses alone
	modeCompletion                  // completions
	modeEmbedding
	modeModeration
	modeImage      // images/generations
	modeTranscribe // audio/transcriptions and translations
	modeSpeech     // audio/speech
)

// model is one that the sandbox knows.
type model struct {
	name      string // as asked
	resolved  string // as answered
	mode      mode
	reasons   bool // spends reasoning tokens before it answers
	vector    int  // embeddings: default dimensions
	maxOutput int  // tokens
}

// catalogue is what OpenAI serves under these names: alias, the snapshot it
// stands for, how it is called.
var catalogue = []model{
	{"gpt-3.5-turbo", "gpt-3.5-turbo-0125", modeChat, false, 0, 4096},
	{"gpt-4", "gpt-4-0613", modeChat, false, 0, 4096},
	{"gpt-4-turbo", "gpt-4-turbo-2024-04-09", modeChat, false, 0, 4096},
	{"gpt-4o", "gpt-4o-2024-08-06", modeChat, false, 0, 16384},
	{"gpt-4o-2024-11-20", "gpt-4o-2024-11-20", modeChat, false, 0, 16384},
	{"gpt-4o-mini", "gpt-4o-mini-2024-07-18", modeChat, false, 0, 16384},
	{"gpt-4.1", "gpt-4.1-2025-04-14", modeChat, false, 0, 32768},
	{"gpt-4.1-mini", "gpt-4.1-mini-2025-04-14", modeChat, false, 0, 32768},
	{"gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", modeChat, false, 0, 32768},
	{"o1", "o1-2024-12-17", modeChat, true, 0, 100000},
	{"o1-pro", "o1-pro-2025-03-19", modeResponses, true, 0, 100000},
	{"o3", "o3-2025-04-16", modeChat, true, 0, 100000},
	{"o3-mini", "o3-mini-2025-01-31", modeChat, true, 0, 100000},
	{"o4-mini", "o4-mini-2025-04-16", modeChat, true, 0, 100000},
	{"gpt-5", "gpt-5-2025-08-07", modeChat, true, 0, 128000},
	{"gpt-5-mini", "gpt-5-mini-2025-08-07", modeChat, true, 0, 128000},
	{"gpt-5-nano", "gpt-5-nano-2025-08-07", modeChat, true, 0, 128000},
	{"gpt-5-chat-latest", "gpt-5-chat-latest", modeChat, false, 0, 16384},
	{"gpt-5-codex", "gpt-5-codex", modeResponses, true, 0, 128000},
	{"gpt-5-pro", "gpt-5-pro-2025-10-06", modeResponses, true, 0, 128000},
	{"gpt-5.1", "gpt-5.1-2025-11-13", modeChat, true, 0, 128000},
	{"gpt-5.2", "gpt-5.2-2025-12-11", modeChat, true, 0, 128000},
	{"gpt-5.4", "gpt-5.4-2026-03-05", modeChat, true, 0, 128000},
	{"gpt-5.4-mini", "gpt-5.4-mini-2026-03-17", modeChat, true, 0, 128000},
	{"gpt-5.4-nano", "gpt-5.4-nano-2026-03-17", modeChat, true, 0, 128000},
	{"gpt-5.5", "gpt-5.5-2026-04-23", modeChat, true, 0, 128000},
	{"gpt-5.6-terra", "gpt-5.6-terra", modeChat, true, 0, 128000},
	{"gpt-3.5-turbo-instruct", "gpt-3.5-turbo-instruct", modeCompletion, false, 0, 4096},
	{"davinci-002", "davinci-002", modeCompletion, false, 0, 4096},
	{"babbage-002", "babbage-002", modeCompletion, false, 0, 4096},
	{"text-embedding-3-small", "text-embedding-3-small", modeEmbedding, false, 1536, 0},
	{"text-embedding-3-large", "text-embedding-3-large", modeEmbedding, false, 3072, 0},
	{"text-embedding-ada-002", "text-embedding-ada-002-v2", modeEmbedding, false, 1536, 0},
	{"omni-moderation-latest", "omni-moderation-2024-09-26", modeModeration, false, 0, 0},
	{"text-moderation-latest", "text-moderation-007", modeModeration, false, 0, 0},
	{"text-moderation-stable", "text-moderation-007", modeModeration, false, 0, 0},
	{"gpt-image-1", "gpt-image-1", modeImage, false, 0, 0},
	{"gpt-image-1-mini", "gpt-image-1-mini", modeImage, false, 0, 0},
	{"dall-e-3", "dall-e-3", modeImage, false, 0, 0},
	{"whisper-1", "whisper-1", modeTranscribe, false, 0, 2000},
	{"gpt-4o-transcribe", "gpt-4o-transcribe", modeTranscribe, false, 0, 2000},
	{"gpt-4o-mini-transcribe", "gpt-4o-mini-transcribe", modeTranscribe, false, 0, 2000},
	{"tts-1", "tts-1", modeSpeech, false, 0, 0},
	{"gpt-4o-mini-tts", "gpt-4o-mini-tts", modeSpeech, false, 0, 0},
}

// modelNamed finds a model by alias, snapshot or as a fine-tune of either
// (ft:gpt-4o-2024-08-06:acme::id), which keeps its own name.
func modelNamed(name string) (model, error) {
	base, tuned := name, false
	if rest, ok := strings.CutPrefix(name, "ft:"); ok {
		base, _, tuned = strings.Cut(rest, ":")
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		base = "" // no model has such a name, and none goes into an answer
	}
	for _, m := range catalogue {
		if m.name == base || m.resolved == base {
			m.name = name
			if tuned {
				m.resolved = name
			}
			return m, nil
		}
	}
	return model{}, fault.New(fault.NotFound, "model_not_found", "", "The model `%s` does not exist or you do not have access to it.", name)
}

// serves refuses a model that the endpoint cannot call.
func (m model) serves(modes mode, path string) error {
	if m.mode&modes != 0 {
		return nil
	}
	return fault.New(fault.NotFound, "", "model", "The model `%s` is not supported in %s.", m.name, strings.TrimPrefix(path, "/"))
}

// modelsSince is the creation time of every model in the list.
const modelsSince = 1_735_689_600 // 2025-01-01

func (m model) json() string {
	return `{"id":` + strconv.Quote(m.name) + `,"object":"model","created":` + strconv.Itoa(modelsSince) + `,"owned_by":"weir-sandbox"}`
}

func (x *exchange) listModels() error {
	rows := make([]string, 0, 2*len(catalogue))
	listed := map[string]bool{}
	for _, m := range catalogue {
		for _, name := range [...]string{m.name, m.resolved} {
			if !listed[name] {
				listed[name] = true
				m.name = name
				rows = append(rows, m.json())
			}
		}
	}
	return x.sendJSON([]byte(`{"object":"list","data":[` + strings.Join(rows, ",") + `]}`))
}

func (x *exchange) getModel(name string) error {
	m, err := modelNamed(name)
	if err != nil {
		return err
	}
	return x.sendJSON([]byte(m.json()))
}

package openaiwire

import "bytes"

// PaidTools is a set of the provider's own tools that are billed apart from the
// model's tokens.
type PaidTools uint8

// The tools that are billed apart.
const (
	ToolWebSearch       PaidTools = 1 << iota // by the call
	ToolFileSearch                            // by the call
	ToolContainer                             // by the session: code interpreter and shell
	ToolImageGeneration                       // by another model's prices
)

// Has reports whether t is in the set.
func (s PaidTools) Has(t PaidTools) bool { return s&t != 0 }

// paidTool reads the type of a tool.
func paidTool(kind []byte) PaidTools {
	switch string(kind) {
	case "file_search":
		return ToolFileSearch
	case "code_interpreter", "container_auto", "container_reference":
		return ToolContainer
	case "image_generation":
		return ToolImageGeneration
	}
	if bytes.HasPrefix(kind, webSearch) && !bytes.HasSuffix(kind, toolCall) { // it has dated names
		return ToolWebSearch
	}
	return 0
}

// BoundInput is a number of input tokens that a request cannot exceed: no token
// is shorter than a byte. ok is false when the body's size bounds nothing,
// because it refers to pictures, files, audio, earlier turns or hosted tools;
// then only the model's context window does.
func BoundInput(h Head, bodyBytes int64) (tokens int64, ok bool) {
	return bodyBytes + tokensPerMessage*h.Messages + tokensPerRequest, !h.ByReference
}

// BoundOutput is a number of output tokens that an answer to h cannot exceed:
// what the request allows, else modelMost, for each answer. ok is false when
// neither says; modelMost 0 is unknown.
func BoundOutput(h Head, modelMost int64) (tokens int64, ok bool) {
	each := h.MaxOutputTokens
	if each == 0 {
		each = modelMost
	}
	for _, times := range [...]int64{h.N, max(h.Prompts, 1)} {
		if each > maxCount/times { // beyond what anybody generates
			return 0, false
		}
		each *= times
	}
	return each, each > 0
}

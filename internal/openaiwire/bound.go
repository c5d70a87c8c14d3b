package openaiwire

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

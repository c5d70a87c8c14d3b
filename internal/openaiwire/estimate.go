package openaiwire

// Estimates are arithmetic on byte counts: a tokenizer in the path would cost
// more than everything else weir does to a request.
const (
	// bytesPerToken is how many bytes of English text or code one token covers
	// on average, by OpenAI's own rule of thumb. Other scripts have more bytes
	// to a character and about as many to a token.
	bytesPerToken = 4
	// tokensPerMessage covers the role and the separators the provider wraps
	// around a message. OpenAI's cookbook counts 3 or 4, and 3 more for the
	// reply's start.
	tokensPerMessage = 8
	// tokensPerRequest covers what a provider adds once, such as the date.
	tokensPerRequest = 64
)

// EstimateInput is a likely number of input tokens for a request body, for a
// request that ended before the provider reported any. The body's JSON around
// the text is counted as text, which makes up for what wraps each message.
func EstimateInput(bodyBytes int64) int64 { return (bodyBytes + bytesPerToken - 1) / bytesPerToken }

// EstimateOutput is a likely number of output tokens for so many bytes of
// answered text.
func EstimateOutput(textBytes int64) int64 { return (textBytes + bytesPerToken - 1) / bytesPerToken }

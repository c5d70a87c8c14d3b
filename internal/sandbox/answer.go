package sandbox

import (
	"github.com/tidwall/gjson"
)

// answer is the text the sandbox makes up: choices answers of tokens each, one
// word to a token.
type answer struct {
	seed      uint64
	choices   int
	tokens    int  // of text, in each choice
	reasoning int  // tokens, in each choice
	truncated bool // the token limit cut it short
}

// Bounds of what is made up.
const (
	leastTokens      = 24
	spreadTokens     = 48
	reasoningStep    = 64 // OpenAI reports reasoning in multiples of 64
	maxChoices       = 128
	cacheableTokens  = 1024 // shorter prompts are never cached
	cacheGranularity = 128
	messageTokens    = 4  // around each message
	replyTokens      = 3  // before the reply
	pictureTokens    = 85 // a picture in low detail
	bytesPerToken    = 4
)

var words = [...]string{
	"water", "flows", "over", "the", "weir", "and", "every", "drop", "is", "counted", "once", "while", "gates", "open",
	"slowly", "under", "a", "calm", "sky", "where", "herons", "wait", "for", "fish", "between", "stones", "that", "held",
	"back", "many", "floods", "before", "this", "one", "came", "down", "from", "hills", "with", "leaves", "on", "its",
	"surface", "turning", "in", "small", "circles", "until", "they", "reach", "quiet", "pools", "below", "mill", "wheels",
	"that", "grind", "grain", "by", "night", "as", "lamps", "burn", "low",
}

// mark begins every text.
const mark = "[sandbox]"

// compose settles how long the answer is and what it used.
func (x *exchange) compose() answer {
	a := answer{seed: x.seed, choices: int(min(x.head.N, maxChoices)), tokens: leastTokens + int(x.seed%spreadTokens)}
	if x.how.chunks > 0 {
		a.tokens = x.how.chunks
	}
	if x.model.reasons {
		a.reasoning = reasoningStep * (1 + int(x.seed>>32%4))
	}
	limit := x.model.maxOutput
	if x.head.MaxOutputTokens > 0 {
		limit = int(min(x.head.MaxOutputTokens, int64(limit)))
	}
	if a.reasoning+a.tokens > limit {
		a.truncated = true
		a.reasoning = min(a.reasoning, limit-1)
		a.tokens = limit - a.reasoning
	}
	x.used.reasoning = int64(a.choices * a.reasoning)
	x.used.output = x.used.reasoning + int64(a.choices*a.tokens)
	return a
}

// appendToken appends one token of one choice. Nothing in it needs escaping in
// JSON.
func (a answer) appendToken(dst []byte, choice, n int) []byte {
	if n == 0 {
		return append(dst, mark...)
	}
	dst = append(dst, ' ')
	return append(dst, words[mix(a.seed^uint64(choice)<<32^uint64(n))%uint64(len(words))]...)
}

// appendText appends the whole text of a choice.
func (a answer) appendText(dst []byte, choice int) []byte {
	for n := range a.tokens {
		dst = a.appendToken(dst, choice, n)
	}
	return dst
}

// prompt counts input of so many tokens. Half of a long prompt is taken to be
// cached.
func (x *exchange) prompt(tokens int64) {
	x.used.input = tokens
	if tokens >= cacheableTokens {
		x.used.cached = tokens / 2 / cacheGranularity * cacheGranularity
	}
}

// tokensOf is how many tokens a piece of input has: text by its bytes, token
// arrays by their length, messages and parts by what they hold.
func tokensOf(v gjson.Result) (n int64) {
	switch {
	case v.Type == gjson.String:
		return (int64(len(v.Str)) + bytesPerToken - 1) / bytesPerToken
	case v.Type == gjson.Number:
		return 1
	case v.IsArray():
		v.ForEach(func(_, item gjson.Result) bool {
			n += tokensOf(item)
			return true
		})
	case v.IsObject():
		v.ForEach(func(key, value gjson.Result) bool {
			switch key.Str {
			case "role":
				n += messageTokens
			case "content", "text", "output", "arguments":
				n += tokensOf(value)
			case "image_url":
				n += pictureTokens
			}
			return true
		})
	}
	return n
}

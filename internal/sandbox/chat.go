package sandbox

import (
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// chat is POST /v1/chat/completions.
func (x *exchange) chat() error {
	if err := x.begin("chatcmpl-", modeChat); err != nil {
		return err
	}
	messages := gjson.GetBytes(x.body, "messages")
	if !messages.IsArray() {
		return fault.MissingParam("messages")
	}
	x.prompt(replyTokens + tokensOf(messages) + int64(len(gjson.GetBytes(x.body, "tools").Raw))/bytesPerToken)
	a := x.compose()
	if c := x.asksFor(messages, "tool"); c != nil {
		return x.chatCall(c)
	}
	if x.head.Stream {
		return x.streamChunks(a, chatChunks)
	}
	body := x.appendHead(nil, "chat.completion")
	body = append(body, `"choices":[`...)
	for c := range a.choices {
		if c > 0 {
			body = append(body, ',')
		}
		body = fmt.Appendf(body, `{"index":%d,"message":{"role":"assistant","content":"`, c)
		body = a.appendText(body, c)
		body = fmt.Appendf(body, `","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":%q}`, a.finishReason())
	}
	body = append(body, ']')
	if !x.how.noUsage {
		body = append(body, ',')
		body = x.appendUsage(body)
	}
	return x.sendJSON(append(body, '}'))
}

// completions is POST /v1/completions.
func (x *exchange) completions() error {
	if err := x.begin("cmpl-", modeCompletion); err != nil {
		return err
	}
	x.prompt(tokensOf(gjson.GetBytes(x.body, "prompt")))
	a := x.compose()
	if x.head.MaxOutputTokens == 0 && x.how.chunks == 0 {
		a.tokens, a.truncated = 16, true // the endpoint's own default limit
		x.used.output = int64(a.choices * a.tokens)
	}
	if x.head.Stream {
		return x.streamChunks(a, completionChunks)
	}
	body := x.appendHead(nil, "text_completion")
	body = append(body, `"choices":[`...)
	for c := range a.choices {
		if c > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"text":"`...)
		body = a.appendText(body, c)
		body = fmt.Appendf(body, `","index":%d,"logprobs":null,"finish_reason":%q}`, c, a.finishReason())
	}
	body = append(body, ']')
	if !x.how.noUsage {
		body = append(body, ',')
		body = x.appendUsage(body)
	}
	return x.sendJSON(append(body, '}'))
}

func (a answer) finishReason() string {
	if a.truncated {
		return "length"
	}
	return "stop"
}

// appendHead appends what every completion object and chunk begins with.
func (x *exchange) appendHead(dst []byte, object string) []byte {
	return fmt.Appendf(dst, `{"id":%q,"object":%q,"created":%d,"model":%q,"service_tier":%q,"system_fingerprint":"fp_sandbox",`,
		x.id, object, x.began.Unix(), x.model.resolved, x.tier)
}

// appendUsage appends the usage member of chat and completions.
func (x *exchange) appendUsage(dst []byte) []byte {
	u := x.used
	return fmt.Appendf(dst, `"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,`+
		`"prompt_tokens_details":{"cached_tokens":%d,"audio_tokens":0},`+
		`"completion_tokens_details":{"reasoning_tokens":%d,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`,
		u.input, u.output, u.input+u.output, u.cached, u.reasoning)
}

// chunkForm is how the chunks of an endpoint differ.
type chunkForm struct {
	object string
	opens  string // a choice's first chunk, after its index; "" when there is none
	before string // before a token
	after  string // after it
	closes string // a choice's last chunk, up to the finish reason
}

var (
	chatChunks = chunkForm{
		object: "chat.completion.chunk",
		opens:  `,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]`,
		before: `,"delta":{"content":"`,
		after:  `"},"logprobs":null,"finish_reason":null}]`,
		closes: `,"delta":{},"logprobs":null,"finish_reason":`,
	}
	completionChunks = chunkForm{
		object: "text_completion",
		before: `,"text":"`,
		after:  `","logprobs":null,"finish_reason":null}]`,
		closes: `,"text":"","logprobs":null,"finish_reason":`,
	}
)

// streamChunks answers a chat or completions stream. A chunk is put together
// from parts made once: the bytes around its token.
func (x *exchange) streamChunks(a answer, form chunkForm) error {
	s, err := x.startStream()
	if err != nil {
		return err
	}
	usage := x.head.IncludeUsage && !x.how.noUsage
	head := append(x.appendHead([]byte("data: "), form.object), `"choices":[`...)
	tail := "}\n\n"
	if usage {
		tail = `,"usage":null}` + "\n\n"
	}
	var buf []byte
	begin := func(c int) { buf = strconv.AppendInt(append(append(buf, head...), `{"index":`...), int64(c), 10) }

	if form.opens != "" {
		for c := range a.choices {
			begin(c)
			buf = append(append(buf, form.opens...), tail...)
		}
		if err := s.write(buf); err != nil {
			return err
		}
	}
	for n := range a.tokens {
		for c := range a.choices {
			buf = buf[:0]
			begin(c)
			buf = append(a.appendToken(append(buf, form.before...), c, n), form.after...)
			if err := s.chunk(append(buf, tail...)); err != nil {
				return err
			}
		}
	}
	buf = buf[:0]
	for c := range a.choices {
		begin(c)
		buf = append(append(append(buf, form.closes...), strconv.Quote(a.finishReason())...), "}]"...)
		buf = append(buf, tail...)
	}
	if usage {
		buf = append(append(buf, head...), "],"...)
		buf = append(x.appendUsage(buf), "}\n\n"...)
	}
	return s.last(append(buf, "data: [DONE]\n\n"...))
}

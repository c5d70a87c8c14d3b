package sandbox

import (
	"fmt"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// responses is POST /v1/responses.
func (x *exchange) responses() error {
	if err := x.begin("resp_", modeChat|modeResponses); err != nil {
		return err
	}
	in := gjson.GetManyBytes(x.body, "input", "instructions", "tools")
	if !in[0].Exists() && x.head.Messages == 0 {
		return fault.MissingParam("input")
	}
	x.prompt(replyTokens + messageTokens + tokensOf(in[0]) + tokensOf(in[1]) + int64(len(in[2].Raw))/bytesPerToken)
	x.head.N = 1
	a := x.compose()
	r := response{x: x, answer: a}
	if r.call = x.asksFor(in[0], "function_call_output"); r.call != nil {
		x.calls(r.call)
		if x.head.Stream {
			return r.streamCall()
		}
		return x.sendJSON(r.append(nil, "completed", true))
	}
	if x.head.Stream {
		return r.stream()
	}
	return x.sendJSON(r.append(nil, a.status(), true))
}

// response is one response of the Responses API and the parts of its stream.
type response struct {
	x        *exchange
	answer   answer
	sequence int
	text     []byte // of the message, once it is made
	call     *call  // in place of a message; nil: none
}

// status is how the response ends.
func (a answer) status() string {
	if a.truncated {
		return "incomplete"
	}
	return "completed"
}

func (r *response) messageID() string   { return "msg_" + r.x.id[len("resp_"):] }
func (r *response) reasoningID() string { return "rs_" + r.x.id[len("resp_"):] }

// messageIndex is where the message stands in the output.
func (r *response) messageIndex() int {
	if r.answer.reasoning > 0 {
		return 1
	}
	return 0
}

func (r *response) reasoningItem() string {
	return fmt.Sprintf(`{"id":%q,"type":"reasoning","summary":[]}`, r.reasoningID())
}

// part is the message's one content part.
func (r *response) part(text []byte) string {
	return `{"type":"output_text","annotations":[],"logprobs":[],"text":"` + string(text) + `"}`
}

func (r *response) message(status string, content string) string {
	return fmt.Sprintf(`{"id":%q,"type":"message","status":%q,"content":[%s],"role":"assistant"}`, r.messageID(), status, content)
}

// append appends the response object. Only one that is done has output and
// usage.
func (r *response) append(dst []byte, status string, done bool) []byte {
	x := r.x
	incomplete, output, usage := "null", "", "null"
	if done {
		output = r.output(status)
		if !x.how.noUsage {
			u := x.used
			usage = fmt.Sprintf(`{"input_tokens":%d,"input_tokens_details":{"cached_tokens":%d,"cache_write_tokens":0},"output_tokens":%d,`+
				`"output_tokens_details":{"reasoning_tokens":%d},"total_tokens":%d}`, u.input, u.cached, u.output, u.reasoning, u.input+u.output)
		}
		if status == "incomplete" {
			incomplete = `{"reason":"max_output_tokens"}`
		}
	}
	limit := "null"
	if x.head.MaxOutputTokens > 0 {
		limit = fmt.Sprint(x.head.MaxOutputTokens)
	}
	store := x.head.Store == nil || *x.head.Store
	return fmt.Appendf(dst, `{"id":%q,"object":"response","created_at":%d,"status":%q,"background":false,"error":null,"incomplete_details":%s,`+
		`"instructions":null,"max_output_tokens":%s,"model":%q,"output":[%s],"parallel_tool_calls":true,"previous_response_id":null,`+
		`"reasoning":{"effort":null,"summary":null},"service_tier":%q,"store":%t,"system_fingerprint":"fp_sandbox","temperature":1.0,`+
		`"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1.0,"truncation":"disabled","usage":%s,"user":null,"metadata":{}}`,
		x.id, x.began.Unix(), status, incomplete, limit, x.model.resolved, output, x.tier, store, usage)
}

// output are the items of a response that is done.
func (r *response) output(status string) string {
	if r.call != nil {
		return r.functionCall(status, r.call.arguments)
	}
	if r.text == nil {
		r.text = r.answer.appendText(nil, 0)
	}
	items := r.message(status, r.part(r.text))
	if r.answer.reasoning > 0 {
		items = r.reasoningItem() + "," + items
	}
	return items
}

// event appends one event; members are what it has besides type and sequence
// number.
func (r *response) event(dst []byte, name, members string) []byte {
	dst = fmt.Appendf(dst, "event: %s\ndata: {\"type\":%q,\"sequence_number\":%d,%s}\n\n", name, name, r.sequence, members)
	r.sequence++
	return dst
}

// stream answers the events of a streamed response.
func (r *response) stream() error {
	s, err := r.x.startStream()
	if err != nil {
		return err
	}
	begun := `"response":` + string(r.append(nil, "in_progress", false))
	buf := r.event(nil, "response.created", begun)
	buf = r.event(buf, "response.in_progress", begun)
	if r.answer.reasoning > 0 {
		item := `"output_index":0,"item":` + r.reasoningItem()
		buf = r.event(buf, "response.output_item.added", item)
		buf = r.event(buf, "response.output_item.done", item)
	}
	index := fmt.Sprintf(`"output_index":%d`, r.messageIndex())
	at := fmt.Sprintf(`"item_id":%q,%s,"content_index":0`, r.messageID(), index)
	buf = r.event(buf, "response.output_item.added", index+`,"item":`+r.message("in_progress", ""))
	buf = r.event(buf, "response.content_part.added", at+`,"part":`+r.part(nil))
	if err := s.write(buf); err != nil {
		return err
	}

	const delta = "response.output_text.delta"
	for n := range r.answer.tokens {
		start := len(r.text)
		r.text = r.answer.appendToken(r.text, 0, n)
		buf = fmt.Appendf(buf[:0], "event: "+delta+"\ndata: {\"type\":\""+delta+"\",\"sequence_number\":%d,%s,\"delta\":\"%s\",\"logprobs\":[]}\n\n",
			r.sequence, at, r.text[start:])
		r.sequence++
		if err := s.chunk(buf); err != nil {
			return err
		}
	}

	status := r.answer.status()
	buf = r.event(buf[:0], "response.output_text.done", at+`,"text":"`+string(r.text)+`","logprobs":[]`)
	buf = r.event(buf, "response.content_part.done", at+`,"part":`+r.part(r.text))
	buf = r.event(buf, "response.output_item.done", index+`,"item":`+r.message(status, r.part(r.text)))
	buf = r.event(buf, "response."+status, `"response":`+string(r.append(nil, status, true)))
	return s.last(buf)
}

package sandbox

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// call is the function that an answer calls in place of text.
type call struct {
	name      string
	arguments string // JSON, made up by the function's schema
}

// asksFor returns the call that answers a request with functions: of the one its
// tool_choice names, else of the first. Once the conversation ends with a result,
// the answer is text, so that a loop of calls comes to its end. answered is the
// role or type of the item that holds a result.
func (x *exchange) asksFor(conversation gjson.Result, answered string) *call {
	choice := gjson.GetBytes(x.body, "tool_choice")
	items := conversation.Array()
	if choice.Str == "none" || len(items) > 0 && is(items[len(items)-1], answered) {
		return nil
	}
	wanted := first(choice.Get("function.name"), choice.Get("name")).Str
	for _, tool := range gjson.GetBytes(x.body, "tools").Array() {
		if tool.Get("type").Str != "function" {
			continue
		}
		name := first(tool.Get("function.name"), tool.Get("name")).Str
		if name == "" || wanted != "" && name != wanted {
			continue
		}
		schema := first(tool.Get("function.parameters"), tool.Get("parameters"))
		return &call{name: name, arguments: string(appendSample(nil, schema, 0))}
	}
	return nil
}

func is(item gjson.Result, answered string) bool {
	return item.Get("role").Str == answered || item.Get("type").Str == answered
}

func first(of ...gjson.Result) gjson.Result {
	for _, v := range of {
		if v.Exists() {
			return v
		}
	}
	return gjson.Result{}
}

// deepest is how far into a schema values are made up.
const deepest = 8

// appendSample appends a value that fits a JSON schema, as far as schemas of
// functions go: types, enums, properties.
func appendSample(dst []byte, schema gjson.Result, depth int) []byte {
	if values := schema.Get("enum").Array(); len(values) > 0 {
		return append(dst, values[0].Raw...)
	}
	kind := schema.Get("type")
	if kind.IsArray() {
		kind = kind.Get("0")
	}
	switch kind.Str {
	case "string":
		return append(dst, `"weir"`...)
	case "integer", "number":
		if least := schema.Get("minimum"); least.Exists() {
			return append(dst, least.Raw...)
		}
		return append(dst, '1')
	case "boolean":
		return append(dst, "true"...)
	case "null":
		return append(dst, "null"...)
	case "array":
		if items := schema.Get("items"); items.Exists() && depth < deepest {
			return append(appendSample(append(dst, '['), items, depth+1), ']')
		}
		return append(dst, "[]"...)
	}
	dst = append(dst, '{')
	if depth < deepest {
		members := 0
		schema.Get("properties").ForEach(func(name, property gjson.Result) bool {
			if members++; members > 1 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, name.Raw...), ':')
			dst = appendSample(dst, property, depth+1)
			return true
		})
	}
	return append(dst, '}')
}

// calls settles what an answer that calls used.
func (x *exchange) calls(c *call) {
	x.used.reasoning = 0
	x.used.output = tokensOf(gjson.Result{Type: gjson.String, Str: c.name + c.arguments})
}

// callID is what the result of the call is to name.
func (x *exchange) callID() string { return "call_" + x.requestID }

// chatCall answers a chat completion that calls.
func (x *exchange) chatCall(c *call) error {
	x.calls(c)
	if x.head.Stream {
		return x.streamChatCall(c)
	}
	body := x.appendHead(nil, "chat.completion")
	body = fmt.Appendf(body, `"choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null,"annotations":[],"tool_calls":[`+
		`{"id":%q,"type":"function","function":{"name":%q,"arguments":%s}}]},"logprobs":null,"finish_reason":"tool_calls"}]`,
		x.callID(), c.name, quoted(c.arguments))
	if !x.how.noUsage {
		body = x.appendUsage(append(body, ','))
	}
	return x.sendJSON(append(body, '}'))
}

func (x *exchange) streamChatCall(c *call) error {
	s, err := x.startStream()
	if err != nil {
		return err
	}
	usage := x.head.IncludeUsage && !x.how.noUsage
	event := func(choices string) []byte {
		buf := append(x.appendHead([]byte("data: "), chatChunks.object), `"choices":[`+choices+`]`...)
		if usage {
			buf = append(buf, `,"usage":null`...)
		}
		return append(buf, "}\n\n"...)
	}
	delta := `{"index":0,"delta":%s,"logprobs":null,"finish_reason":null}`
	begin := fmt.Sprintf(`{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"index":0,"id":%q,"type":"function","function":{"name":%q,"arguments":""}}]}`,
		x.callID(), c.name)
	if err := s.chunk(event(fmt.Sprintf(delta, begin))); err != nil {
		return err
	}
	for _, piece := range pieces(c.arguments) {
		if err := s.chunk(event(fmt.Sprintf(delta, `{"tool_calls":[{"index":0,"function":{"arguments":`+quoted(piece)+`}}]}`))); err != nil {
			return err
		}
	}
	buf := event(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}`)
	if usage {
		buf = append(x.appendHead(append(buf, "data: "...), chatChunks.object), `"choices":[],`...)
		buf = append(x.appendUsage(buf), "}\n\n"...)
	}
	return s.last(append(buf, "data: [DONE]\n\n"...))
}

// pieces are the parts that arguments stream in.
func pieces(arguments string) []string {
	const size = 16
	var parts []string
	for len(arguments) > size {
		cut := size
		for cut < len(arguments) && !utf8.RuneStart(arguments[cut]) {
			cut++
		}
		parts, arguments = append(parts, arguments[:cut]), arguments[cut:]
	}
	return append(parts, arguments)
}

// quoted is text as a JSON string.
func quoted(text string) string { return string(gjson.AppendJSONString(nil, text)) }

// functionCall is the output item of a response that calls.
func (r *response) functionCall(status, arguments string) string {
	return fmt.Sprintf(`{"id":%q,"type":"function_call","status":%q,"arguments":%s,"call_id":%q,"name":%q}`,
		"fc_"+r.x.id[len("resp_"):], status, quoted(arguments), r.x.callID(), r.call.name)
}

// streamCall answers the events of a streamed response that calls.
func (r *response) streamCall() error {
	s, err := r.x.startStream()
	if err != nil {
		return err
	}
	begun := `"response":` + string(r.append(nil, "in_progress", false))
	buf := r.event(nil, "response.created", begun)
	buf = r.event(buf, "response.in_progress", begun)
	at := `"item_id":` + strconv.Quote("fc_"+r.x.id[len("resp_"):]) + `,"output_index":0`
	buf = r.event(buf, "response.output_item.added", `"output_index":0,"item":`+r.functionCall("in_progress", ""))
	if err := s.write(buf); err != nil {
		return err
	}
	for _, piece := range pieces(r.call.arguments) {
		if err := s.chunk(r.event(buf[:0], "response.function_call_arguments.delta", at+`,"delta":`+quoted(piece))); err != nil {
			return err
		}
	}
	buf = r.event(buf[:0], "response.function_call_arguments.done", at+`,"name":`+strconv.Quote(r.call.name)+`,"arguments":`+quoted(r.call.arguments))
	buf = r.event(buf, "response.output_item.done", `"output_index":0,"item":`+r.functionCall("completed", r.call.arguments))
	return s.last(r.event(buf, "response.completed", `"response":`+string(r.append(nil, "completed", true))))
}

package sandbox

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// categories of moderation, in OpenAI's order.
var categories = [...]string{
	"harassment", "harassment/threatening", "sexual", "hate", "hate/threatening", "illicit", "illicit/violent",
	"self-harm/intent", "self-harm/instructions", "self-harm", "sexual/minors", "violence", "violence/graphic",
}

// moderations is POST /v1/moderations. Only a text that names a category after
// "sandbox-flag:" is flagged, and for that: the sandbox judges nothing.
func (x *exchange) moderations() error {
	if err := x.begin("modr-", modeModeration); err != nil {
		return err
	}
	input := gjson.GetBytes(x.body, "input")
	inputs, err := inputsOf(input)
	if err != nil {
		return err
	}
	if inputs[0].IsObject() {
		inputs = []gjson.Result{input} // parts of one input
	}
	body := []byte(`{"id":"` + x.id + `","model":"` + x.model.resolved + `","results":[`)
	for i, input := range inputs {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendVerdict(body, input.Raw, mix(x.seed+uint64(i)))
	}
	return x.sendJSON(append(body, "]}"...))
}

// appendVerdict appends the result for one input.
func appendVerdict(dst []byte, input string, seed uint64) []byte {
	_, named, flagged := strings.Cut(input, "sandbox-flag:")
	is := func(c string) bool {
		return flagged && strings.HasPrefix(named, c) && !strings.HasPrefix(named, c+"/")
	}
	dst = strconv.AppendBool(append(dst, `{"flagged":`...), flagged)
	section := func(name string, value func(c string) string) {
		dst = append(dst, `,"`+name+`":{`...)
		for i, c := range categories {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, `"`+c+`":`+value(c)...)
		}
		dst = append(dst, '}')
	}
	section("categories", func(c string) string { return strconv.FormatBool(is(c)) })
	section("category_scores", func(c string) string {
		if is(c) {
			return "0.98"
		}
		return strconv.FormatFloat(float64(mix(seed^uint64(len(c)))%1000)/1e7, 'f', 7, 64)
	})
	section("category_applied_input_types", func(string) string { return `["text"]` })
	return append(dst, '}')
}

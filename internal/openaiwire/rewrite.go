package openaiwire

import (
	"slices"

	"github.com/tidwall/gjson"
)

// Edits are the changes weir may make to a request body.
type Edits struct {
	Model        string // replaces the model name; "" keeps it
	IncludeUsage bool   // sets stream_options.include_usage to true
	Store        *bool  // sets store
	ServiceTier  string // sets service_tier; "" keeps it
}

// Rewrite returns body with the edits spliced in and every other byte as it
// was. h must have been read from this very body: its spans are offsets into
// it, so two edits go into one call, never one after the other. body is not
// changed; with nothing to do it is returned itself. Of a form only the model
// can be edited: the endpoints that take one know none of the others.
func Rewrite(body []byte, h Head, e Edits) []byte {
	if h.form != "" {
		return rewriteForm(body, h, e)
	}
	var cuts []splice
	if e.Model != "" {
		cuts = append(cuts, h.member(h.ModelSpan, "model", gjson.AppendJSONString(nil, e.Model)))
	}
	if e.IncludeUsage && !h.IncludeUsage {
		cuts = append(cuts, h.includeUsage(body))
	}
	if e.Store != nil {
		cuts = append(cuts, h.member(h.storeSpan, "store", []byte(boolLiteral(*e.Store))))
	}
	if e.ServiceTier != "" {
		cuts = append(cuts, h.member(h.tierSpan, "service_tier", gjson.AppendJSONString(nil, e.ServiceTier)))
	}
	if len(cuts) == 0 {
		return body
	}
	return apply(body, h, cuts)
}

// rewriteForm is Rewrite for a body that ReadForm has read.
func rewriteForm(body []byte, h Head, e Edits) []byte {
	if e.Model == "" {
		return body
	}
	from, to, text := FormModel(h, e.Model)
	return slices.Concat(body[:from], text, body[to:])
}

// FormModel is how the model of a form is set: text goes in the place of the
// bytes from..to. h is what ReadForm read.
func FormModel(h Head, model string) (from, to int, text []byte) {
	if h.HasModel {
		return h.ModelSpan[0], h.ModelSpan[1], []byte(model)
	}
	return 0, 0, formField(h.form, "model", model)
}

// splice puts text in the place of body[from:to]. added tells that it is a new
// member at the front of the object.
type splice struct {
	from, to int
	text     []byte
	added    bool
}

// member sets a top-level member whose raw value is at span.
func (h Head) member(span [2]int, key string, value []byte) splice {
	if span != ([2]int{}) {
		return splice{from: span[0], to: span[1], text: value}
	}
	text := append([]byte(`"`+key+`":`), value...)
	return splice{from: h.inside, to: h.inside, text: text, added: true}
}

func (h Head) includeUsage(body []byte) splice {
	if span := h.includeUsageSpan; span != ([2]int{}) {
		return splice{from: span[0], to: span[1], text: []byte("true")}
	}
	at := h.StreamOptionsSpan
	if at == ([2]int{}) || body[at[0]] != '{' {
		return h.member(at, "stream_options", []byte(`{"include_usage":true}`))
	}
	s := scanner{data: body[at[0]:at[1]]}
	text := `"include_usage":true`
	if s.open('}') {
		text += ","
	}
	return splice{from: at[0] + 1, to: at[0] + 1, text: []byte(text)}
}

func apply(body []byte, h Head, cuts []splice) []byte {
	size, last := len(body), -1
	slices.SortStableFunc(cuts, func(a, b splice) int { return a.from - b.from })
	for i, c := range cuts {
		size += len(c.text) + 1
		if c.added {
			last = i
		}
	}
	out := make([]byte, 0, size)
	done := 0
	for i, c := range cuts {
		out = append(out, body[done:c.from]...)
		out = append(out, c.text...)
		if c.added && (i < last || !h.empty) {
			out = append(out, ',')
		}
		done = c.to
	}
	return append(out, body[done:]...)
}

func boolLiteral(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

package openaiwire

import (
	"math"
	"slices"

	"github.com/tidwall/gjson"

	"weir/internal/usage"
)

// maxCount is the greatest count taken at its word. No request consumes a
// trillion of anything; what says so is a broken report, and one such number
// would take the sums of whole days beyond what they can hold.
const maxCount = 1_000_000_000_000

// Reading is what a provider's answer says about what it consumed.
type Reading struct {
	Found       bool   // Q holds the provider's own numbers
	Model       string // as the provider resolved it
	ServiceTier string // as the provider served it
	ID          string // of the response or completion
	Status      string // responses: completed, failed, in_progress, queued, incomplete, cancelled
	Size        string // images: as made, where it was left to the provider
	Quality     string // images: as made
	Q           usage.Quantities

	WebSearchCalls  int64 // responses: searches among the output items
	FileSearchCalls int64 // responses
	CodeSessions    int64 // responses: distinct containers of code interpreter calls

	Containers []string // responses: their ids
}

// ReadUnary reads the usage of one complete response body. A body that is not
// JSON, reports nothing, or reports a number that cannot be (negative,
// fractional, beyond a trillion) is not Found; what else it says is still read.
func ReadUnary(kind usage.Kind, body []byte) Reading {
	var r Reading
	s := scanner{data: body}
	if s.peek() != '{' {
		return r
	}
	var counts, duration []byte
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		opens := s.peek()
		switch {
		case opens == '[' && string(key) == "output":
			r.outputItems(&s)
			continue
		case opens == '[' && string(key) == "data" && kind == usage.Images:
			r.Q.Images = s.elements()
			continue
		case opens == '[' && string(key) == "choices":
			r.Q.Choices = s.elements()
			continue
		}
		value := s.value()
		if s.failed {
			break
		}
		switch string(key) {
		case "id":
			r.ID = text(value)
		case "model":
			r.Model = text(value)
		case "service_tier":
			r.ServiceTier = text(value)
		case "status":
			r.Status = text(value)
		case "size":
			r.Size = text(value)
		case "quality":
			r.Quality = text(value)
		case "usage":
			counts = value
		case "duration":
			duration = value
		}
	}
	if !s.whole() {
		return Reading{}
	}
	r.Found = readCounts(kind, counts, &r.Q)
	switch {
	case kind == usage.Images && r.Q.Images > 0:
		r.Found = true // older models are billed by the picture and report no tokens
	case kind == usage.AudioTranscriptions && !r.Found && duration != nil:
		r.Q.Millis, r.Found = thousandths(gjson.ParseBytes(duration))
	}
	return r
}

// outputItems counts the hosted tool calls among a response's output.
func (r *Reading) outputItems(s *scanner) {
	for more := s.open(']'); more; more = s.more(']') {
		item := s.value()
		if s.failed {
			return
		}
		switch fields := gjson.GetManyBytes(item, "type", "container_id", "action.type"); fields[0].Str {
		case "web_search_call":
			// Opening a page or finding in it is part of a search already
			// counted; calls without an action are from before there were any.
			if a := fields[2].Str; a == "" || a == "search" {
				r.WebSearchCalls++
			}
		case "file_search_call":
			r.FileSearchCalls++
		case "code_interpreter_call":
			if id := fields[1].Str; !slices.Contains(r.Containers, id) {
				r.Containers = append(r.Containers, id)
			}
		}
	}
	r.CodeSessions = int64(len(r.Containers))
}

// readCounts reads a usage object into disjoint buckets and reports whether it
// held counts, all of them possible. Otherwise q stays as it was.
func readCounts(kind usage.Kind, object []byte, q *usage.Quantities) bool {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	c := counts{object: gjson.ParseBytes(object)}
	if c.object.Get("type").Str == "duration" {
		millis, ok := thousandths(c.object.Get("seconds"))
		if ok {
			q.Millis = millis
		}
		return ok
	}
	input, hasInput := c.total("prompt_tokens", "input_tokens")
	output, hasOutput := c.total("completion_tokens", "output_tokens")
	got := *q
	c.input(kind, input, &got)
	c.output(kind, output, &got)
	if c.impossible || !hasInput && !hasOutput {
		return false
	}
	*q = got
	return true
}

// counts reads numbers out of one usage object.
type counts struct {
	object     gjson.Result
	impossible bool // a number that no count can be was met
}

// total is the first of the names that is there.
func (c *counts) total(names ...string) (n int64, found bool) {
	for _, name := range names {
		if v := c.object.Get(name); v.Exists() && v.Type != gjson.Null {
			return c.number(v), true
		}
	}
	return 0, false
}

// details is the first of the named breakdowns that is an object.
func (c *counts) details(names ...string) gjson.Result {
	for _, name := range names {
		if v := c.object.Get(name); v.IsObject() {
			return v
		}
	}
	return gjson.Result{}
}

func (c *counts) number(v gjson.Result) int64 {
	if !v.Exists() || v.Type == gjson.Null {
		return 0
	}
	if v.Type != gjson.Number || v.Num < 0 || v.Num > maxCount || v.Num != math.Trunc(v.Num) {
		c.impossible = true
		return 0
	}
	return int64(v.Num)
}

// input splits the input total. What the provider does not break down is text,
// but for transcriptions, whose input is audio.
func (c *counts) input(kind usage.Kind, total int64, q *usage.Quantities) {
	d := c.details("prompt_tokens_details", "input_tokens_details", "input_token_details")
	audio := d.Get("audio_tokens")
	rest := total
	if kind == usage.AudioTranscriptions && !audio.Exists() {
		q.InputAudio = take(&rest, total-min(total, c.number(d.Get("text_tokens"))))
	} else {
		q.InputAudio = take(&rest, c.number(audio))
	}
	q.InputImage = take(&rest, c.number(d.Get("image_tokens")))
	q.InputText = rest

	cached := min(total, c.number(d.Get("cached_tokens")))
	by := d.Get("cached_tokens_details")
	move(&q.InputAudio, &q.CachedAudio, &cached, c.number(by.Get("audio_tokens")))
	move(&q.InputImage, &q.CachedImage, &cached, c.number(by.Get("image_tokens")))
	// Without a breakdown of its own, what is cached is text as far as it goes.
	move(&q.InputText, &q.CachedText, &cached, cached)
	move(&q.InputImage, &q.CachedImage, &cached, cached)
	move(&q.InputAudio, &q.CachedAudio, &cached, cached)

	written := c.number(d.Get("cache_write_tokens"))
	for _, from := range [...]*int64{&q.InputText, &q.InputImage, &q.InputAudio} {
		move(from, &q.CacheWrite, &written, written)
	}
}

// output splits the output total. What the provider does not break down is what
// the endpoint makes: pictures, speech, else text.
func (c *counts) output(kind usage.Kind, total int64, q *usage.Quantities) {
	d := c.details("completion_tokens_details", "output_tokens_details", "output_token_details")
	rest := total
	switch kind {
	case usage.Images:
		q.OutputText = take(&rest, c.number(d.Get("text_tokens")))
		q.OutputImage = rest
	case usage.AudioSpeeches:
		q.OutputText = take(&rest, c.number(d.Get("text_tokens")))
		q.OutputAudio = rest
	default:
		q.OutputAudio = take(&rest, c.number(d.Get("audio_tokens")))
		q.OutputImage = take(&rest, c.number(d.Get("image_tokens")))
		q.OutputText = rest
	}
	q.Reasoning = min(q.OutputText, c.number(d.Get("reasoning_tokens")))
}

// take takes up to n from rest.
func take(rest *int64, n int64) int64 {
	n = min(n, *rest)
	*rest -= n
	return n
}

// move moves up to n from one bucket to another, and no more than budget.
func move(from, to, budget *int64, n int64) {
	n = min(n, *from, *budget)
	*from -= n
	*to += n
	*budget -= n
}

// thousandths reads seconds, a number or a number in a string, as milliseconds.
func thousandths(v gjson.Result) (millis int64, ok bool) {
	seconds := v.Float()
	if !v.Exists() || !(seconds >= 0 && seconds < maxCount/1000) {
		return 0, false
	}
	return int64(math.Round(seconds * 1000)), true
}

package openaiwire

import (
	"bytes"
	"cmp"

	"weir/internal/usage"
)

// Shape is how an endpoint's stream tells its usage and its end.
type Shape uint8

// The shapes of streams.
const (
	ShapeChat      Shape = iota // chat/completions and completions: chunks, then [DONE]
	ShapeResponses              // responses: named events, the last with the whole response
	ShapeMedia                  // images and audio: *.completed or *.done ends it
)

// Event is one event of a stream, or a part of one that is too large to be
// read.
type Event struct {
	Raw       []byte // exactly the bytes that came; valid until the callback returns
	Terminal  bool   // the stream's proper end: nothing after it is part of the answer
	UsageOnly bool   // a chunk with usage and no choices, there only because include_usage asked for it
	Error     bool   // the provider reports that it failed
	Part      bool   // part of an event beyond the limit, passed through unread
}

// StreamTap reads a stream of server-sent events as it passes: feed it what was
// read, write on what it hands out. It never changes a byte. Not for use by
// several goroutines.
type StreamTap struct {
	// Limit is how many bytes one event may have and still be read; 0 for
	// DefaultEventLimit, or MediaEventLimit where events carry pictures.
	Limit int

	kind     usage.Kind
	shape    Shape
	scanner  Scanner
	reading  Reading
	complete bool
	failed   bool
	output   int64
	sequence int64
	oversize bool // the event passing in parts is the terminal one
	scratch  []byte
}

// MediaEventLimit is DefaultEventLimit for streams whose events carry a picture
// or sound in base64: 64 MiB.
const MediaEventLimit = 64 << 20

// NewStreamTap returns a tap for the stream of an endpoint of this kind.
func NewStreamTap(kind usage.Kind, shape Shape) *StreamTap {
	return &StreamTap{kind: kind, shape: shape, sequence: -1}
}

// Feed takes the next bytes of the stream and calls each for every event they
// complete, in order. The Raw of all events and Rest, put end to end, are what
// was fed. An error of each ends it and is returned.
func (t *StreamTap) Feed(chunk []byte, each func(Event) error) error {
	if t.scanner.Limit == 0 {
		switch t.scanner.Limit = t.Limit; {
		case t.Limit == 0 && t.shape == ShapeMedia:
			t.scanner.Limit = MediaEventLimit
		case t.Limit == 0:
			t.scanner.Limit = DefaultEventLimit
		}
	}
	return t.scanner.Feed(chunk, func(p Piece) error { return each(t.read(p)) })
}

// Rest is the unfinished event at the end of what was fed. When the stream ends
// with one, these bytes have still to be passed on.
func (t *StreamTap) Rest() []byte { return t.scanner.Rest() }

// Complete reports whether the stream's terminal event was seen. A stream that
// ends without it was cut, unless it Failed: then the provider has said so.
func (t *StreamTap) Complete() bool { return t.complete }

// Failed reports whether the provider said in the stream that it failed.
func (t *StreamTap) Failed() bool { return t.failed }

// Reading is what the stream has told so far.
func (t *StreamTap) Reading() Reading { return t.reading }

// OutputBytes is how much answered text has passed: the basis of an estimate
// for a stream that ends before its usage.
func (t *StreamTap) OutputBytes() int64 { return t.output }

// NextSequence is the sequence_number that the next event of a responses stream
// would have.
func (t *StreamTap) NextSequence() int64 { return t.sequence + 1 }

// End takes note that the stream has ended and returns what was left, to be
// passed on like any event. Servers that leave out the last blank line still
// end properly: the terminal event is known without it.
func (t *StreamTap) End() Event {
	e := t.read(Piece{Raw: t.scanner.Rest(), First: true, Last: true})
	t.scanner.buf = nil
	return e
}

// read looks at one event.
func (t *StreamTap) read(p Piece) Event {
	e := Event{Raw: p.Raw, Part: p.Part}
	if p.Part {
		t.readPart(p, &e)
	} else {
		var name, data []byte
		name, data, t.scratch = fields(p.Raw, t.scratch)
		switch data = bytes.TrimSpace(data); {
		case len(data) == 0:
		case string(data) == "[DONE]":
			e.Terminal = true
		case t.shape == ShapeChat:
			t.readChunk(data, &e)
		default:
			t.readNamed(name, data, &e)
		}
	}
	t.complete = t.complete || e.Terminal
	t.failed = t.failed || e.Error
	return e
}

// readPart tells the end of a terminal event that is too large to be read. Its
// usage is lost.
func (t *StreamTap) readPart(p Piece, e *Event) {
	if p.First && t.shape != ShapeChat {
		name, data, _ := fields(p.Raw[:min(len(p.Raw), 512)], nil)
		if len(name) == 0 {
			name = leadingType(data)
		}
		t.oversize = terminal(name)
	}
	if p.Last {
		e.Terminal, t.oversize = t.oversize, false
	}
}

// readChunk reads the data of a chat or completions event.
func (t *StreamTap) readChunk(data []byte, e *Event) {
	s := scanner{data: data}
	if s.peek() != '{' {
		return
	}
	var counts []byte
	empty := false // choices is there and empty
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		if string(key) == "choices" && s.peek() == '[' {
			empty = true
			for more := s.open(']'); more; more = s.more(']') {
				empty = false
				t.readChoice(&s)
			}
			continue
		}
		value := s.value()
		if s.failed {
			return
		}
		switch string(key) {
		case "usage":
			counts = value
		case "error":
			e.Error = value[0] != 'n'
		case "id":
			keepFirst(&t.reading.ID, value)
		case "model":
			keepFirst(&t.reading.Model, value)
		case "service_tier":
			keepFirst(&t.reading.ServiceTier, value)
		}
	}
	if !s.whole() || len(counts) == 0 || counts[0] != '{' {
		return
	}
	// Some providers report running totals on every chunk: the last one counts.
	if readCounts(t.kind, counts, &t.reading.Q) {
		t.reading.Found = true
	}
	e.UsageOnly = empty
}

// readChoice reads one element of a chunk's choices.
func (t *StreamTap) readChoice(s *scanner) {
	if s.peek() != '{' {
		s.value()
		return
	}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		if string(key) != "index" {
			t.output += s.answered(key)
			continue
		}
		if n := small(s.value()); n >= 0 {
			t.reading.Q.Choices = max(t.reading.Q.Choices, n+1)
		}
	}
}

// readNamed reads an event that says its type, in its name, its data or both.
func (t *StreamTap) readNamed(name, data []byte, e *Event) {
	s := scanner{data: data}
	if s.peek() != '{' {
		return
	}
	body := data
	if t.shape == ShapeResponses {
		body = nil
	}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		switch string(key) {
		case "type":
			if value := s.value(); len(name) == 0 && len(value) > 2 {
				name = value[1 : len(value)-1]
			}
		case "sequence_number":
			t.sequence = max(t.sequence, small(s.value()))
		case "response":
			if value := s.value(); t.shape == ShapeResponses {
				body = value
			}
		case "delta":
			t.output += s.answered(key)
		default:
			s.value()
		}
	}
	if !s.whole() {
		return
	}
	switch e.Terminal = terminal(name); {
	case string(name) == "error":
		e.Error = true // response.failed may still come
	case e.Terminal:
		e.Error = string(name) == "response.failed"
		t.readBody(name, body)
	case string(name) == "response.created":
		t.readBody(name, body)
	}
}

// readBody reads the whole answer that an event carries.
func (t *StreamTap) readBody(name, body []byte) {
	r, before := ReadUnary(t.kind, body), t.reading
	if t.shape == ShapeMedia && bytes.HasSuffix(name, completed) {
		// A picture each; with several, each event reports its own tokens.
		add(&r.Q, before.Q)
		r.Q.Images++
		r.Found = true
	}
	r.Model = cmp.Or(r.Model, before.Model)
	r.ID = cmp.Or(r.ID, before.ID)
	r.ServiceTier = cmp.Or(r.ServiceTier, before.ServiceTier)
	t.reading = r
}

var completed = []byte(".completed")

// add adds what earlier pictures of the same stream took.
func add(q *usage.Quantities, more usage.Quantities) {
	q.InputText += more.InputText
	q.InputImage += more.InputImage
	q.CachedText += more.CachedText
	q.CachedImage += more.CachedImage
	q.OutputText += more.OutputText
	q.OutputImage += more.OutputImage
	q.Images += more.Images
}

// keepFirst sets a string that is still empty.
func keepFirst(to *string, value []byte) {
	if *to == "" {
		*to = text(value)
	}
}

// small reads a whole number of up to nine digits; -1 for anything else.
func small(value []byte) (n int64) {
	if len(value) == 0 || len(value) > 9 {
		return -1
	}
	for _, c := range value {
		if c-'0' > 9 {
			return -1
		}
		n = 10*n + int64(c-'0')
	}
	return n
}

// terminal reports whether an event of this name ends a stream.
func terminal(name []byte) bool {
	switch string(name) {
	case "response.completed", "response.failed", "response.incomplete",
		"image_generation.completed", "image_edit.completed",
		"transcript.text.done", "speech.audio.done":
		return true
	}
	return false
}

// leadingType is the "type" of a JSON object, read from its start as far as
// that is whole.
func leadingType(data []byte) []byte {
	s := scanner{data: data}
	if s.peek() != '{' {
		return nil
	}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		value := s.value()
		if s.failed {
			return nil
		}
		if string(key) == "type" && value[0] == '"' {
			return value[1 : len(value)-1]
		}
	}
	return nil
}

// answered reads the value of a member called key and adds up the bytes of the
// answer in it: the strings, at any depth, that hold text or arguments.
func (s *scanner) answered(key []byte) (n int64) {
	switch s.peek() {
	case '"':
		value := s.value()
		switch string(key) {
		case "content", "text", "arguments", "refusal", "reasoning_content", "reasoning", "transcript", "delta":
			n = max(0, int64(len(value)-2))
		}
	case '{':
		for more := s.open('}'); more; more = s.more('}') {
			n += s.answered(s.key())
		}
	case '[':
		for more := s.open(']'); more; more = s.more(']') {
			n += s.answered(key)
		}
	default:
		s.value()
	}
	return n
}

package openaiwire

import (
	"bytes"

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
	started  bool // an event with data was seen
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

// read looks at one event.
func (t *StreamTap) read(p Piece) Event {
	e := Event{Raw: p.Raw, Part: p.Part}
	if p.Part {
		t.readPart(p, &e)
		return e
	}
	var name, data []byte
	name, data, t.scratch = fields(p.Raw, t.scratch)
	if len(data) == 0 {
		return e
	}
	switch t.shape {
	case ShapeChat:
		t.readChunk(data, &e)
	default:
		t.readNamed(name, data, &e)
	}
	t.started = true
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
	if p.Last && t.oversize {
		e.Terminal, t.complete, t.oversize = true, true, false
	}
}

// readChunk reads the data of a chat or completions event.
func (t *StreamTap) readChunk(data []byte, e *Event) {
	if string(data) == "[DONE]" {
		e.Terminal = true
		return
	}
	s := scanner{data: data}
	if s.peek() != '{' {
		return
	}
	var counts []byte
	none := false // choices is there and empty
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		if string(key) == "choices" && s.peek() == '[' {
			none = true
			for more := s.open(']'); more; more = s.more(']') {
				none = false
				t.output += s.outputText(false)
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
			if t.reading.ID == "" {
				t.reading.ID = text(value)
			}
		case "model":
			if t.reading.Model == "" {
				t.reading.Model = text(value)
			}
		case "service_tier":
			if t.reading.ServiceTier == "" {
				t.reading.ServiceTier = text(value)
			}
		}
	}
	if !s.whole() || len(counts) == 0 || counts[0] != '{' {
		return
	}
	// Some providers report running totals on every chunk: the last one counts.
	if readCounts(t.kind, counts, &t.reading.Q) {
		t.reading.Found = true
	}
	e.UsageOnly = none
}

// readNamed reads an event that says its type: in its name, its data or both.
func (t *StreamTap) readNamed(name, data []byte, e *Event) {
	if string(data) == "[DONE]" {
		e.Terminal = true
		return
	}
	if len(name) == 0 {
		name = leadingType(data)
	}
	switch {
	case string(name) == "error":
		e.Error = true // response.failed may still come
	case bytes.HasSuffix(name, []byte(".delta")):
		t.readDelta(data)
	case terminal(name):
		t.readTerminal(name, data, e)
	case !t.started || string(name) == "response.created":
		t.readTerminal(name, data, &Event{})
	}
}

// readDelta counts the text that a delta event adds.
func (t *StreamTap) readDelta(data []byte) {
	s := scanner{data: data}
	if s.peek() == '{' {
		t.output += s.outputText(true)
	}
}

// readTerminal reads what the first and the last event tell.
func (t *StreamTap) readTerminal(name, data []byte, e *Event) {
	e.Terminal = true
	e.Error = string(name) == "response.failed"
	body := data
	if t.shape == ShapeResponses {
		body = member(data, "response")
	}
	r := ReadUnary(t.kind, body)
	if t.shape == ShapeMedia && bytes.HasSuffix(name, []byte(".completed")) {
		r.Q.Images = t.reading.Q.Images + 1
	}
	if r.Model == "" {
		r.Model = t.reading.Model
	}
	t.reading = r
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

// member is the raw value of a member of a JSON object, nil when there is none.
func member(object []byte, name string) []byte {
	s := scanner{data: object}
	if s.peek() != '{' {
		return nil
	}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		value := s.value()
		if !s.failed && string(key) == name {
			return value
		}
	}
	return nil
}

// outputText reads one value and adds up the bytes of the answer in it: the
// string members of a delta, at any depth, that hold text or arguments.
func (s *scanner) outputText(delta bool) (n int64) {
	switch s.peek() {
	case '{':
		for more := s.open('}'); more; more = s.more('}') {
			key := s.key()
			if s.peek() != '"' {
				n += s.outputText(delta)
				continue
			}
			value := s.value()
			switch string(key) {
			case "content", "text", "arguments", "refusal", "reasoning_content", "reasoning":
				n += max(0, int64(len(value)-2))
			case "delta":
				if delta {
					n += max(0, int64(len(value)-2))
				}
			}
		}
	case '[':
		for more := s.open(']'); more; more = s.more(']') {
			n += s.outputText(delta)
		}
	default:
		s.value()
	}
	return n
}

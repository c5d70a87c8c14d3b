package openaiwire

import "bytes"

// DefaultEventLimit is how large one event may be and still be read: 4 MiB.
const DefaultEventLimit = 4 << 20

// keptBuffer is how large a buffer is kept for the next event: 16 KiB.
const keptBuffer = 16 << 10

var byteOrderMark = []byte("\xef\xbb\xbf")

// Scanner splits a stream of server-sent events into the bytes of each
// (WHATWG HTML, section 9.2). It changes nothing: the events it hands out, put
// end to end with Rest, are what was fed. An event that lies in one chunk is
// handed out as part of that chunk; only what a chunk leaves unfinished is
// copied. The zero value is ready, with DefaultEventLimit.
//
// A blank line ends an event; CR, LF and CRLF all end lines. When CRLF is cut
// in two by chunks right after the CR of a blank line, the event ends with the
// CR and the LF opens the next one, where it means nothing.
type Scanner struct {
	Limit int // bytes of one event that are held; 0: DefaultEventLimit

	buf     []byte // the start of an event whose end has not come
	blank   bool   // the line so far is empty
	afterCR bool   // the last byte was a CR, so a LF belongs to it
	started bool
	over    bool // the event is beyond the limit and goes through in pieces
}

// A Piece is one event, or a part of one that is too large to be held.
type Piece struct {
	Raw   []byte // with its blank line; valid until the callback returns
	Part  bool   // not a whole event: it is beyond the limit
	Last  bool   // the event ends here; always true of whole events
	First bool   // the event begins here; always true of whole events
}

// Feed takes the next chunk and calls each for every event that it completes,
// in order. An error of each ends it and is returned; the scanner is then of no
// further use.
func (s *Scanner) Feed(chunk []byte, each func(Piece) error) error {
	if !s.started && len(chunk) > 0 {
		s.started, s.blank = true, true
	}
	for len(chunk) > 0 {
		n, ends := s.end(chunk)
		if !ends {
			return s.keep(chunk, each)
		}
		if err := s.emit(chunk[:n], each); err != nil {
			return err
		}
		chunk = chunk[n:]
	}
	return nil
}

// Rest is the start of an event whose end has not been fed, still to be handed
// out. It is valid until the next Feed.
func (s *Scanner) Rest() []byte { return s.buf }

// end returns where in chunk the current event ends.
func (s *Scanner) end(chunk []byte) (n int, ends bool) {
	i := 0
	if s.afterCR {
		s.afterCR = false
		if chunk[0] == '\n' {
			i = 1
		}
	}
	if bytes.IndexByte(chunk, '\r') < 0 {
		return s.endLF(chunk, i)
	}
	for i < len(chunk) {
		switch chunk[i] {
		case '\n', '\r':
			n = 1
			if chunk[i] == '\r' {
				if i+1 == len(chunk) {
					s.afterCR = true
				} else if chunk[i+1] == '\n' {
					n = 2
				}
			}
			i += n
			if s.blank {
				return i, true
			}
			s.blank = true
		default:
			s.blank = false
			i++
		}
	}
	return 0, false
}

// endLF is end for a chunk that has no CR, which is nearly all of them.
func (s *Scanner) endLF(chunk []byte, i int) (n int, ends bool) {
	for i < len(chunk) {
		line := bytes.IndexByte(chunk[i:], '\n')
		if line < 0 {
			s.blank = false
			return 0, false
		}
		i += line + 1
		if line == 0 && s.blank {
			return i, true
		}
		s.blank = true
	}
	return 0, false
}

// emit hands out the event that ends with tail.
func (s *Scanner) emit(tail []byte, each func(Piece) error) error {
	p := Piece{Raw: tail, First: true, Last: true}
	switch {
	case s.over:
		p.Part, p.First = true, false
		s.over = false
	case len(s.buf) > 0:
		s.buf = append(s.buf, tail...)
		p.Raw = s.buf
		if s.buf = s.buf[:0]; cap(s.buf) > keptBuffer {
			s.buf = nil // one large event is no reason to hold so much for the whole stream
		}
	}
	return each(p)
}

// keep holds the unfinished end of a chunk, or passes it on when that would be
// too much.
func (s *Scanner) keep(tail []byte, each func(Piece) error) error {
	if s.over {
		return each(Piece{Raw: tail, Part: true})
	}
	s.buf = append(s.buf, tail...)
	limit := s.Limit
	if limit == 0 {
		limit = DefaultEventLimit
	}
	if len(s.buf) <= limit {
		return nil
	}
	p := Piece{Raw: s.buf, Part: true, First: true}
	s.buf, s.over = nil, true
	return each(p)
}

// fields returns the data and the name of an event. One line of data is
// returned in place; more are joined in scratch, which is returned for use
// again.
func fields(raw, scratch []byte) (name, data, reuse []byte) {
	raw = bytes.TrimPrefix(raw, byteOrderMark)
	lines := 0
	for len(raw) > 0 {
		var line []byte
		line, raw = cutLine(raw)
		field, value, _ := bytes.Cut(line, colon)
		if len(value) > 0 && value[0] == ' ' {
			value = value[1:]
		}
		switch string(field) {
		case "event":
			name = value
		case "data":
			switch lines++; lines {
			case 1:
				data = value
			case 2:
				scratch = append(append(append(scratch[:0], data...), '\n'), value...)
			default:
				scratch = append(append(scratch, '\n'), value...)
			}
		}
	}
	if lines > 1 {
		data = scratch
	}
	return name, data, scratch
}

var colon = []byte(":")

// cutLine cuts the first line off, without its CR, LF or CRLF.
func cutLine(raw []byte) (line, rest []byte) {
	i := bytes.IndexByte(raw, '\n')
	if i < 0 {
		i = len(raw)
	}
	if cr := bytes.IndexByte(raw[:i], '\r'); cr >= 0 {
		rest = raw[cr+1:]
		if len(rest) > 0 && rest[0] == '\n' {
			rest = rest[1:]
		}
		return raw[:cr], rest
	}
	return raw[:i], raw[min(i+1, len(raw)):]
}

package sandbox

import (
	"compress/gzip"
	"io"
	"net/http"
)

// stream is an answer of server-sent events, every write flushed.
type stream struct {
	x   *exchange
	out io.Writer
	zip *gzip.Writer // nil when the answer is not compressed
	rc  *http.ResponseController
}

// startStream waits for the latency and answers the headers.
func (x *exchange) startStream() (*stream, error) {
	if err := x.head200("text/event-stream; charset=utf-8"); err != nil {
		return nil, err
	}
	x.w.Header().Set("Cache-Control", "no-cache, must-revalidate")
	s := &stream{x: x, out: x.w, rc: http.NewResponseController(x.w)}
	if x.compressed() {
		s.zip = gzip.NewWriter(x.w)
		s.out = s.zip
	}
	x.w.WriteHeader(http.StatusOK)
	return s, nil
}

// write sends events that are no content: they do not count as chunks.
func (s *stream) write(events []byte) error {
	if _, err := s.out.Write(events); err != nil {
		return errGone
	}
	if s.zip != nil {
		if err := s.zip.Flush(); err != nil {
			return errGone
		}
	}
	if err := s.rc.Flush(); err != nil {
		return errGone
	}
	return nil
}

// chunk sends the next piece of content, in its time.
func (s *stream) chunk(event []byte) error {
	if err := s.breakOff(); err != nil {
		return err
	}
	if s.x.sent > 0 {
		if err := s.x.wait(s.x.how.interval); err != nil {
			return err
		}
	}
	if err := s.write(event); err != nil {
		return err
	}
	s.x.sent++
	return nil
}

// last sends the stream's end, after the ledger has it.
func (s *stream) last(events []byte) error {
	if err := s.breakOff(); err != nil {
		return err
	}
	s.x.record(OutcomeCompleted)
	if err := s.write(events); err != nil {
		return err
	}
	if s.zip != nil && s.zip.Close() != nil {
		return errGone
	}
	return nil
}

// breakOff cuts or stalls the stream where the request asked for it.
func (s *stream) breakOff() error {
	switch s.x.sent {
	case int64(s.x.how.cut):
		return errCut
	case int64(s.x.how.stall):
		return s.x.hang()
	}
	return nil
}

package openaiwire

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"mime"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// maxPartHeader is how long the header of one part may be: 8 KiB.
const maxPartHeader = 8 << 10

// ReadForm reads the head of a multipart/form-data body, as audio, picture and
// file uploads have it, front to back and holding little of it; contentType is
// the request's header with the boundary. It reads by RFC 7578 to the letter and
// refuses, with a fault of kind Invalid, what leaves room for another reading: a
// form weir and the provider could take differently would be metered as one
// thing and answered as another. ModelSpan is of the bare value. Any uploaded
// file makes the input ByReference. Errors of body are returned as they are.
func ReadForm(contentType string, body io.Reader) (Head, error) {
	media, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || media != "multipart/form-data" || boundary == "" || len(boundary) > 70 {
		return Head{}, badForm("multipart/form-data with a boundary is expected")
	}
	f := formReader{head: Head{N: 1, form: boundary}, body: bufio.NewReaderSize(body, formBuffer), delimiter: []byte("\r\n--" + boundary)}
	if err := f.read(); err != nil {
		return Head{}, err
	}
	return f.head, nil
}

// formBuffer is how much of a form is held at a time: more than the header of a
// part.
const formBuffer = 32 << 10

// formReader is the state of one ReadForm.
type formReader struct {
	head      Head
	body      *bufio.Reader
	pos       int
	delimiter []byte
	seen      map[string]bool
}

func (f *formReader) read() error {
	f.seen = make(map[string]bool)
	begins, err := f.next(len(f.delimiter) - 2)
	if err != nil {
		return err
	}
	if !bytes.Equal(begins, f.delimiter[2:]) {
		return badForm("it does not begin with its boundary")
	}
	for {
		mark, err := f.next(2)
		switch {
		case err != nil:
			return err
		case string(mark) == "--":
			return f.end()
		case string(mark) != "\r\n":
			return badForm("a boundary is not followed by a line end")
		}
		if err := f.part(); err != nil {
			return err
		}
	}
}

// next takes the next n bytes, or what is left.
func (f *formReader) next(n int) ([]byte, error) {
	taken := make([]byte, n)
	n, err := io.ReadFull(f.body, taken)
	f.pos += n
	if err != nil && !ended(err) {
		return nil, err
	}
	return taken[:n], nil
}

// end sees to it that nothing but blanks follows.
func (f *formReader) end() error {
	for {
		c, err := f.body.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case c != ' ' && c != '\t' && c != '\r' && c != '\n':
			return badForm("something follows its end")
		}
	}
}

// until reads up to and past a delimiter, and returns how many bytes came before
// it and the first keep of them. found is false when the body ends before.
func (f *formReader) until(delimiter []byte, keep, most int) (kept []byte, size int, found bool, err error) {
	for size <= most {
		window, err := f.body.Peek(formBuffer)
		if err != nil && !ended(err) {
			return nil, 0, false, err
		}
		step := bytes.Index(window, delimiter)
		if found = step >= 0; !found {
			step = max(0, len(window)-len(delimiter)+1) // the rest may be its beginning
		}
		kept = append(kept, window[:min(step, max(0, keep-len(kept)))]...)
		size += step
		if found {
			step += len(delimiter)
		}
		f.pos += step
		if _, err := f.body.Discard(step); err != nil {
			return nil, 0, false, err
		}
		if found || len(window) < formBuffer {
			return kept, size, found, nil
		}
	}
	return kept, size, false, nil
}

func ended(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// part reads one part, from its header to behind the boundary that ends it.
func (f *formReader) part() error {
	header, long, found, err := f.until([]byte("\r\n\r\n"), maxPartHeader, maxPartHeader)
	if err != nil {
		return err
	}
	if !found || long > maxPartHeader {
		return badForm("the header of a part does not end")
	}
	name, isFile, err := disposition(string(header))
	if err != nil {
		return err
	}
	from := f.pos
	value, size, found, err := f.until(f.delimiter, maxPartHeader, math.MaxInt)
	if err != nil {
		return err
	}
	if !found {
		return badForm("it ends before its last boundary")
	}
	if isFile {
		f.head.FileBytes += int64(size)
		f.head.ByReference = true
	}
	return f.field(name, isFile, string(value), from, from+size)
}

// field takes one field of the form.
func (f *formReader) field(name string, isFile bool, value string, from, to int) (err error) {
	h := &f.head
	switch name {
	case "model":
		h.Model, h.HasModel, h.ModelSpan = value, true, [2]int{from, to}
	case "n":
		n, bad := strconv.ParseInt(value, 10, 64)
		if bad != nil || n < 1 || n > maxCount {
			err = fault.Invalidf("invalid_type", name, "Invalid type for 'n': expected a positive integer.")
		}
		h.N = n
	case "stream":
		switch strings.ToLower(value) {
		case "true", "1":
			h.Stream = true
		case "false", "0", "":
		default:
			err = fault.Invalidf("invalid_type", name, "Invalid type for 'stream': expected a boolean.")
		}
	case "size":
		h.Size = value
	case "quality":
		h.Quality = value
	case "user":
		h.User = value
	default:
		if kind, names := references[formReference(name)]; names {
			h.refersTo(kind, value, name)
			return nil
		}
		return nil
	}
	switch {
	case f.seen[name]:
		return fault.Duplicate(name)
	case isFile || to-from > maxPartHeader:
		return fault.Invalidf("invalid_type", name, "Invalid type for '%s': expected a short text.", name)
	}
	f.seen[name] = true
	return err
}

// disposition reads the header of a part: the field's name, and whether it is a
// file.
func disposition(header string) (name string, isFile bool, err error) {
	for line := range strings.SplitSeq(header, "\r\n") {
		key, value, ok := strings.Cut(line, ":")
		if !ok || strings.ContainsAny(line, "\r\n\x00") || strings.ContainsAny(key, " \t") {
			return "", false, badForm("the header of a part is not valid")
		}
		switch strings.ToLower(key) {
		case "content-disposition":
			kind, params, bad := mime.ParseMediaType(value)
			if bad != nil || kind != "form-data" || params["name"] == "" || name != "" {
				return "", false, badForm("a part has no valid name")
			}
			_, isFile = params["filename"]
			name = params["name"]
		case "content-transfer-encoding":
			switch strings.ToLower(strings.TrimSpace(value)) {
			case "binary", "8bit", "7bit":
			default:
				return "", false, badForm("a part is encoded")
			}
		}
	}
	if name == "" {
		return "", false, badForm("a part has no valid name")
	}
	return name, isFile, nil
}

// formField is a part that sets a field, for the front of a form.
func formField(boundary, name, value string) []byte {
	return []byte("--" + boundary + "\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n")
}

func badForm(why string) error {
	return fault.Invalidf("", "", "We could not parse the form in the body of your request. (Hint: %s.)", why)
}

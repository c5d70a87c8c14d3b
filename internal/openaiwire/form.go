package openaiwire

import (
	"bytes"
	"mime"
	"strconv"
	"strings"

	"weir/internal/fault"
)

// maxPartHeader is how long the header of one part may be: 8 KiB.
const maxPartHeader = 8 << 10

// ReadForm reads the head of a multipart/form-data body, as audio and picture
// uploads have it; contentType is the request's header with the boundary. It
// reads by RFC 7578 to the letter and refuses, with a fault of kind Invalid,
// what leaves room for another reading: a form weir and the provider could take
// differently would be metered as one thing and answered as another.
// ModelSpan is of the bare value. Any uploaded file makes the input ByReference.
func ReadForm(contentType string, body []byte) (Head, error) {
	media, params, err := mime.ParseMediaType(contentType)
	boundary := params["boundary"]
	if err != nil || media != "multipart/form-data" || boundary == "" || len(boundary) > 70 {
		return Head{}, badForm("multipart/form-data with a boundary is expected")
	}
	f := formReader{head: Head{N: 1, form: boundary}, body: body, delimiter: []byte("\r\n--" + boundary)}
	if err := f.read(); err != nil {
		return Head{}, err
	}
	return f.head, nil
}

// formReader is the state of one ReadForm.
type formReader struct {
	head      Head
	body      []byte
	pos       int
	delimiter []byte
	seen      map[string]bool
}

func (f *formReader) read() error {
	f.seen = make(map[string]bool)
	if !bytes.HasPrefix(f.body, f.delimiter[2:]) {
		return badForm("it does not begin with its boundary")
	}
	f.pos = len(f.delimiter) - 2
	for {
		rest := f.body[f.pos:]
		if end, ok := bytes.CutPrefix(rest, []byte("--")); ok {
			if len(bytes.TrimSpace(end)) > 0 {
				return badForm("something follows its end")
			}
			return nil
		}
		if !bytes.HasPrefix(rest, []byte("\r\n")) {
			return badForm("a boundary is not followed by a line end")
		}
		f.pos += 2
		if err := f.part(); err != nil {
			return err
		}
	}
}

// part reads one part, from its header to behind the boundary that ends it.
func (f *formReader) part() error {
	rest := f.body[f.pos:]
	n := bytes.Index(rest[:min(len(rest), maxPartHeader)], []byte("\r\n\r\n"))
	if n < 0 {
		return badForm("the header of a part does not end")
	}
	name, isFile, err := disposition(string(rest[:n]))
	if err != nil {
		return err
	}
	from := f.pos + n + len("\r\n\r\n")
	size := bytes.Index(f.body[from:], f.delimiter)
	if size < 0 {
		return badForm("it ends before its last boundary")
	}
	f.pos = from + size + len(f.delimiter)
	if isFile {
		f.head.FileBytes += int64(size)
		f.head.ByReference = true
	}
	return f.field(name, isFile, from, from+size)
}

// field takes one field of the form.
func (f *formReader) field(name string, isFile bool, from, to int) (err error) {
	h := &f.head
	value := string(f.body[from:min(to, from+maxPartHeader)])
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

package openaiwire

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"strings"
	"testing"
	"testing/iotest"

	"weir/internal/fault"
	"weir/internal/usage"
)

// form makes a form of fields, name and value in turn, and one file.
func form(t testing.TB, fields ...string) (contentType string, body []byte) {
	t.Helper()
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := w.CreateFormFile("file", "talk.mp3")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(file, "ID3\r\n--\r\n\x00\xff"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return w.FormDataContentType(), out.Bytes()
}

func TestReadForm(t *testing.T) {
	contentType, body := form(t, "model", "gpt-4o-transcribe", "stream", "true", "n", "2", "size", "auto", "quality", "high", "user", "u", "include[]", "a", "include[]", "b")
	h, err := ReadForm(contentType, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if h.Model != "gpt-4o-transcribe" || !h.HasModel || !h.Stream || h.N != 2 || h.Size != "auto" || h.Quality != "high" || h.User != "u" || !h.ByReference || h.FileBytes != 11 {
		t.Errorf("%+v", h)
	}
	if got := string(body[h.ModelSpan[0]:h.ModelSpan[1]]); got != h.Model {
		t.Errorf("the model's span holds %q", got)
	}
	want := bytes.Replace(body, []byte("gpt-4o-transcribe"), []byte("whisper-1"), 1)
	if got := Rewrite(body, h, Edits{Model: "whisper-1"}); !bytes.Equal(got, want) {
		t.Errorf("rewritten to\n%s", got)
	}
}

func TestAFormWithoutAModelGetsOne(t *testing.T) {
	contentType, body := form(t, "prompt", "x")
	h, err := ReadForm(contentType, bytes.NewReader(body))
	if err != nil || h.HasModel {
		t.Fatal(h, err)
	}
	got, err := ReadForm(contentType, bytes.NewReader(Rewrite(body, h, Edits{Model: "whisper-1"})))
	if err != nil || got.Model != "whisper-1" || got.FileBytes != h.FileBytes {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadFormRefuses(t *testing.T) {
	const contentType = "multipart/form-data; boundary=b"
	part := func(header, value string) string { return "--b\r\n" + header + "\r\n\r\n" + value + "\r\n" }
	model := part(`Content-Disposition: form-data; name="model"`, "m")
	cases := []struct{ name, contentType, body, code string }{
		{"another type", "application/json", model + "--b--", ""},
		{"no boundary", "multipart/form-data", model + "--b--", ""},
		{"nothing", contentType, "", ""},
		{"cut", contentType, model, ""},
		{"preamble", contentType, "x\r\n" + model + "--b--", ""},
		{"lines without CR", contentType, strings.ReplaceAll(model+"--b--", "\r", ""), ""},
		{"model twice", contentType, model + model + "--b--", "duplicate_parameter"},
		{"model as a file", contentType, part(`Content-Disposition: form-data; name="model"; filename="m"`, "m") + "--b--", "invalid_type"},
		{"two names", contentType, part(`Content-Disposition: form-data; name="x"; name="model"`, "m") + "--b--", ""},
		{"two dispositions", contentType, part("Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"", "m") + "--b--", ""},
		{"folded header", contentType, part("Content-Disposition: form-data;\r\n name=\"model\"", "m") + "--b--", ""},
		{"encoded", contentType, part("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64", "bQ==") + "--b--", ""},
		{"boundary that goes on", contentType, "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n1\r\n--bb\r\n" + model + "--b--", ""},
		{"a second form", contentType, model + "--b--\r\n" + model + "--b--", ""},
		{"n", contentType, part(`Content-Disposition: form-data; name="n"`, "two") + "--b--", "invalid_type"},
		{"stream", contentType, part(`Content-Disposition: form-data; name="stream"`, "maybe") + "--b--", "invalid_type"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h, err := ReadForm(c.contentType, bytes.NewReader([]byte(c.body)))
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Code != c.code {
				t.Errorf("%+v, %#v", h, err)
			}
		})
	}
}

// FuzzReadForm holds what is accepted to the standard library's reading.
// TestLargeForms: what is held at a time shows in nothing, wherever its edges
// fall in the form.
func TestLargeForms(t *testing.T) {
	for _, size := range []int{0, 1, formBuffer - 200, formBuffer - 100, formBuffer, 3*formBuffer + 7, 1 << 20} {
		for pad := range 90 {
			var out bytes.Buffer
			w := multipart.NewWriter(&out)
			file, err := w.CreateFormFile("file", "x")
			if err != nil {
				t.Fatal(err)
			}
			content := bytes.Repeat([]byte("\r\n--"), (size+pad)/4+1)[:size+pad]
			if _, err := file.Write(content); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(w.WriteField("model", "whisper-1"), w.WriteField("file_ids[]", "file-1"), w.WriteField("file_ids[]", "file-2"), w.Close()); err != nil {
				t.Fatal(err)
			}
			h, err := ReadForm(w.FormDataContentType(), iotest.HalfReader(bytes.NewReader(out.Bytes())))
			if err != nil || h.Model != "whisper-1" || h.FileBytes != int64(len(content)) || string(out.Bytes()[h.ModelSpan[0]:h.ModelSpan[1]]) != "whisper-1" {
				t.Fatalf("a file of %d: %v, %+v", size+pad, err, h)
			}
			if want := (Reference{usage.ObjectFile, "file-2", "file_ids[]"}); len(h.References) != 2 || h.References[1] != want {
				t.Fatalf("objects: %+v", h.References)
			}
			if size > formBuffer {
				break
			}
		}
	}
	broken := errors.New("the disk")
	contentType, body := form(t)
	if _, err := ReadForm(contentType, io.MultiReader(bytes.NewReader(body[:len(body)/2]), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func FuzzReadForm(f *testing.F) {
	contentType, body := form(f, "model", "m", "n", "2")
	f.Add(contentType, body)
	f.Add("multipart/form-data; boundary=b", []byte("--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nm\r\n--b--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		h, err := ReadForm(contentType, bytes.NewReader(body))
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("%v is not the caller's fault", err)
			}
			return
		}
		read, err := multipart.NewReader(bytes.NewReader(body), h.form).ReadForm(1 << 20)
		if err != nil {
			return // stricter, as with too many parts
		}
		if models := read.Value["model"]; h.HasModel != (len(models) == 1) || h.HasModel && models[0] != h.Model {
			t.Fatalf("%q has the model %q, the standard library reads %q", body, h.Model, models)
		}
		if got, err := ReadForm(contentType, bytes.NewReader(Rewrite(body, h, Edits{Model: "other"}))); err != nil || got.Model != "other" {
			t.Fatalf("rewritten: %+v, %v", got, err)
		}
	})
}

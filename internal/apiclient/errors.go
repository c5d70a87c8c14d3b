package apiclient

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is what weir refused a call with: the error envelope of OpenAI's API,
// read. Param and Code are "" where it has null.
type Error struct {
	Method, Path string
	Status       int
	Message      string
	Type         string
	Param        string
	Code         string
	RequestID    string
	RetryAfter   time.Duration // 0: not said
}

// Error says what weir said, and under which request id its log has it.
func (e *Error) Error() string {
	message := e.Message
	if message == "" {
		message = fmt.Sprintf("%s %s was answered %d %s", e.Method, e.Path, e.Status, http.StatusText(e.Status))
	}
	var about []string
	for _, part := range []struct{ name, value string }{{"code", e.Code}, {"param", e.Param}, {"request id", e.RequestID}} {
		if part.value != "" {
			about = append(about, part.name+" "+part.value)
		}
	}
	if len(about) == 0 {
		return message
	}
	return message + " (" + strings.Join(about, ", ") + ")"
}

// UnreachedError is a call that got no whole answer.
type UnreachedError struct {
	URL string
	Err error
	cut bool // an answer began

	// Unsure says that the call was to change something, and may have: it was
	// sent, and nobody said what became of it.
	Unsure bool
}

// Error names the address.
func (e *UnreachedError) Error() string {
	text := fmt.Sprintf("weir at %s cannot be reached: %v", e.URL, e.Err)
	switch {
	case e.cut:
		text = fmt.Sprintf("the answer of weir at %s broke off: %v", e.URL, e.Err)
	case e.Unsure:
		text = fmt.Sprintf("weir at %s did not answer: %v", e.URL, e.Err)
	}
	if e.Unsure {
		text += "; whether the change was made is not known, so look before doing it again"
	}
	return text
}

func (e *UnreachedError) Unwrap() error { return e.Err }

// readError reads an answer that is no success. What is not an envelope, as of a
// proxy in front of weir, is left out but for its status.
func readError(method, path string, res *http.Response, raw []byte) *Error {
	e := &Error{
		Method: method, Path: path, Status: res.StatusCode,
		RequestID: res.Header.Get("X-Request-Id"), RetryAfter: retryAfter(res.Header),
	}
	var body struct {
		Error struct {
			Message string  `json:"message"`
			Type    string  `json:"type"`
			Param   *string `json:"param"`
			Code    *string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(raw, &body) != nil {
		return e
	}
	e.Message, e.Type = body.Error.Message, body.Error.Type
	if body.Error.Param != nil {
		e.Param = *body.Error.Param
	}
	if body.Error.Code != nil {
		e.Code = *body.Error.Code
	}
	return e
}

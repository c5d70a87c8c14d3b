// Package envelope writes answers of weir's own over HTTP: JSON bodies, the
// error envelope of OpenAI's API, and the headers that every answer carries.
package envelope

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"weir/internal/openaiwire"
)

// The headers OpenAI's API sends with every answer.
const (
	HeaderRequestID    = "X-Request-Id"
	HeaderOrganization = "Openai-Organization"
	HeaderProcessing   = "Openai-Processing-Ms"
	HeaderVersion      = "Openai-Version"
)

// Version is the API version that OpenAI-Version names.
const Version = "2020-10-01"

// Begin sets the headers known when a request arrives.
func Begin(h http.Header, requestID string) {
	h[HeaderRequestID] = []string{requestID}
	h[HeaderVersion] = []string{Version}
}

// Processed sets the header that says how long the answer took.
func Processed(h http.Header, received time.Time) {
	h[HeaderProcessing] = []string{strconv.FormatInt(time.Since(received).Milliseconds(), 10)}
}

// JSON answers v with status. A v that cannot be encoded is answered as an
// internal error, before anything was sent.
func JSON(w http.ResponseWriter, status int, v any) error {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		Error(w, err)
		return err
	}
	write(w, status, body.Bytes())
	return nil
}

// Error answers err in the error envelope and returns the status sent.
func Error(w http.ResponseWriter, err error) int {
	status, body := openaiwire.Body(err)
	raw, encErr := json.Marshal(body)
	if encErr != nil { // four strings
		panic(encErr)
	}
	write(w, status, raw)
	return status
}

func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// A failed write means the client is gone; nobody is left to tell.
	_, _ = w.Write(body)
}

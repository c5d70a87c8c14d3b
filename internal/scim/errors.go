package scim

import (
	"fmt"
	"net/http"

	"weir/internal/fault"
	"weir/internal/openaiwire"
)

// The values of scimType (RFC 7644, table 9).
const (
	typeInvalidFilter = "invalidFilter"
	typeInvalidPath   = "invalidPath"
	typeInvalidSyntax = "invalidSyntax"
	typeInvalidValue  = "invalidValue"
	typeMutability    = "mutability"
	typeNoTarget      = "noTarget"
	typeTooMany       = "tooMany"
	typeUniqueness    = "uniqueness"
)

// problem is a refusal in SCIM's words.
type problem struct {
	status   int
	scimType string // "": none
	detail   string
}

func (p *problem) Error() string { return p.detail }

func bad(scimType, format string, args ...any) error {
	return &problem{http.StatusBadRequest, scimType, fmt.Sprintf(format, args...)}
}

func invalidFilter(format string, args ...any) error {
	return bad(typeInvalidFilter, "The filter cannot be read: "+format, args...)
}

func invalidPath(format string, args ...any) error {
	return bad(typeInvalidPath, "The path cannot be read: "+format, args...)
}

func invalidValue(format string, args ...any) error { return bad(typeInvalidValue, format, args...) }

func errChanged() error {
	return &problem{http.StatusPreconditionFailed, "", "The resource is no longer the version that If-Match names."}
}

// problemOf puts any error into SCIM's words. What is internal stays so.
func problemOf(err error) *problem {
	if p, ok := err.(*problem); ok { //nolint:errorlint // never wrapped: this package makes and returns them
		return p
	}
	f := fault.Of(err)
	if f == nil || f.Kind == fault.Internal {
		return &problem{http.StatusInternalServerError, "", "The server had an error while processing your request."}
	}
	p := &problem{openaiwire.StatusOf(f.Kind), "", f.Message}
	if f.Kind != fault.Invalid {
		return p
	}
	switch f.Code {
	case "email_taken", "name_taken":
		p.status, p.scimType = http.StatusConflict, typeUniqueness
	case "last_owner":
		p.scimType = typeMutability
	default:
		p.scimType = typeInvalidValue
	}
	return p
}

package adminapi

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/usage"
)

// cursorPrefix begins every cursor, as OpenAI's do.
const cursorPrefix = "page_"

// cursor is where the next page of a report begins. A client repeats all its
// parameters with it, so it holds the one thing they do not say, and the width,
// by which a cursor of another report is told.
type cursor struct {
	Next  time.Time
	Width usage.Width
}

// A cursor is written in URL-safe base64 without padding, so that clients that
// forget to escape it lose nothing: eight bytes of Unix seconds, four of width
// in seconds, and a checksum that tells a cursor from anything else.
const cursorBytes = 8 + 4 + 4

// String is the cursor as clients carry it.
func (c cursor) String() string {
	raw := make([]byte, 0, cursorBytes)
	raw = binary.BigEndian.AppendUint64(raw, uint64(c.Next.Unix()))
	raw = binary.BigEndian.AppendUint32(raw, uint32(time.Duration(c.Width)/time.Second))
	raw = binary.BigEndian.AppendUint32(raw, crc32.ChecksumIEEE(raw))
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(raw)
}

// parseCursor reads what String wrote. Anything else is a complaint about page.
func parseCursor(s string) (cursor, error) {
	encoded, ok := strings.CutPrefix(s, cursorPrefix)
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.TrimRight(encoded, "="))
	if !ok || err != nil || len(raw) != cursorBytes || strings.ContainsAny(encoded, "\r\n") ||
		crc32.ChecksumIEEE(raw[:cursorBytes-4]) != binary.BigEndian.Uint32(raw[cursorBytes-4:]) {
		return cursor{}, errCursor()
	}
	return cursor{
		Next:  time.Unix(int64(binary.BigEndian.Uint64(raw)), 0).UTC(),
		Width: usage.Width(time.Duration(binary.BigEndian.Uint32(raw[8:])) * time.Second),
	}, nil
}

// errCursor is a cursor that is garbage, or belongs to another report.
func errCursor() error {
	return fault.Invalidf("invalid_cursor", "page", "Invalid 'page': it is not a cursor of this report. Send the 'next_page' of the page before, with the same other parameters.")
}

package outbox

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"
)

type kind byte

const (
	kindOpen    kind = 1
	kindSettled kind = 2
)

const (
	// frameHeader is length (4), checksum (4), durable (8), kind (1).
	frameHeader = 17
	// maxPayload bounds what a damaged length can make the reader allocate, and
	// is far above any event: a request's headers, path included, end at 1 MiB.
	maxPayload = 16 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errBadFrame is bytes that are no frame: cut short, or not what was written.
var errBadFrame = errors.New("no valid record")

// frame is one record as it stands in a segment.
type frame struct {
	kind kind
	// durable is a position up to which the log was synced when the frame was
	// made. It tells damage from a torn tail: what a later frame calls synced
	// cannot have been torn off by a crash.
	durable uint64
	payload []byte
}

// beginFrame appends room for a header; endFrame fills it in when the payload
// stands behind it.
func beginFrame(b []byte) []byte { return append(b, make([]byte, frameHeader)...) }

func endFrame(b []byte, k kind, durable uint64) {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-frameHeader))
	binary.LittleEndian.PutUint64(b[8:], durable)
	b[16] = byte(k)
	binary.LittleEndian.PutUint32(b[4:], checksum(b[:4], b[8:]))
}

// checksum covers the length and all that follows the checksum itself.
func checksum(length, rest []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, rest)
}

// frameAt reads the frame at the start of b and returns its whole length, or
// errBadFrame. The payload stays in b.
func frameAt(b []byte) (frame, int, error) {
	if len(b) < frameHeader {
		return frame{}, 0, errBadFrame
	}
	n := int64(binary.LittleEndian.Uint32(b))
	if n > maxPayload || int64(len(b)) < frameHeader+n {
		return frame{}, 0, errBadFrame
	}
	b = b[:frameHeader+n]
	k := kind(b[16])
	if k != kindOpen && k != kindSettled || binary.LittleEndian.Uint32(b[4:]) != checksum(b[:4], b[8:]) {
		return frame{}, 0, errBadFrame
	}
	return frame{kind: k, durable: binary.LittleEndian.Uint64(b[8:]), payload: b[frameHeader:]}, len(b), nil
}

// frames reads frames one after another.
type frames struct {
	r      *bufio.Reader
	offset int64 // in the file, of the next frame
	buf    []byte
}

// framesOf reads the frames of a file between two offsets.
func framesOf(r io.ReaderAt, from, to int64) *frames {
	return &frames{r: bufio.NewReaderSize(io.NewSectionReader(r, from, max(to-from, 0)), 128<<10), offset: from}
}

// next returns the next frame, whose payload is good until the next call; io.EOF
// at the end, errBadFrame where no frame stands, or why reading failed. The
// offset moves only past valid frames.
func (f *frames) next() (frame, error) {
	header, err := f.r.Peek(frameHeader)
	if errors.Is(err, io.EOF) {
		if len(header) == 0 {
			return frame{}, io.EOF
		}
		return frame{}, errBadFrame
	}
	if err != nil {
		return frame{}, fmt.Errorf("reading a record: %w", err)
	}
	n := binary.LittleEndian.Uint32(header)
	if n > maxPayload {
		return frame{}, errBadFrame
	}
	f.buf = slices.Grow(f.buf[:0], frameHeader+int(n))[:frameHeader+int(n)]
	if _, err := io.ReadFull(f.r, f.buf); errors.Is(err, io.ErrUnexpectedEOF) {
		return frame{}, errBadFrame
	} else if err != nil {
		return frame{}, fmt.Errorf("reading a record: %w", err)
	}
	found, size, err := frameAt(f.buf)
	if err != nil {
		return frame{}, err
	}
	f.offset += int64(size)
	return found, nil
}

// knownSynced reports whether any frame in b, which begins at a bad one of this
// position, was made when that position was already synced. Then b is damage,
// not the remains of an interrupted write.
func knownSynced(b []byte, position uint64) bool {
	for len(b) >= frameHeader {
		f, n, err := frameAt(b)
		switch {
		case err != nil:
			b = b[1:]
		case f.durable >= position:
			return true
		default:
			b = b[n:]
		}
	}
	return false
}

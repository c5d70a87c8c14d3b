package outbox

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	magic = "weirlog\x01" // the last byte is the version
	// segmentHeader is magic (8), log id (16), base (8), follows (8), checksum (4).
	segmentHeader = 44
	idSize        = 16
	suffix        = ".log"
	unnamed       = ".tmp"
)

// segment is one file of the log. The counts cover what is durable.
type segment struct {
	path string
	id   [idSize]byte
	base uint64 // position of the first record
	// follows is the last position that counts in the segment before. What
	// stands behind it there was written again here.
	follows uint64

	last        uint64 // position of the last record; base-1 when there is none
	size        int64  // up to the end of the last record
	settled     int    // settled records
	lastSettled uint64 // position of the last of them; 0: none
	opens       int    // open records not settled yet
}

func segmentPath(dir string, base uint64) string {
	return filepath.Join(dir, fmt.Sprintf("%016x%s", base, suffix))
}

func (s *segment) header() []byte {
	b := append(make([]byte, 0, segmentHeader), magic...)
	b = append(b, s.id[:]...)
	b = binary.LittleEndian.AppendUint64(b, s.base)
	b = binary.LittleEndian.AppendUint64(b, s.follows)
	return binary.LittleEndian.AppendUint32(b, checksum(b, nil))
}

// create writes the segment with content as its first frames, and returns when
// all of it is durable under its name.
func (s *segment) create(fsys FS, content []byte) (_ File, err error) {
	temporary := strings.TrimSuffix(s.path, suffix) + unnamed
	f, err := fsys.Create(temporary)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close() // the file is given up
		}
	}()
	if err := writeAt(f, append(s.header(), content...), 0); err != nil {
		return nil, err
	}
	if err := f.Sync(); err != nil {
		return nil, err
	}
	if err := fsys.Rename(temporary, s.path); err != nil {
		return nil, err
	}
	if err := fsys.SyncDir(filepath.Dir(s.path)); err != nil {
		return nil, err
	}
	return f, nil
}

// writeAt writes all of b or fails; a short write is a failure.
func writeAt(f File, b []byte, offset int64) error {
	n, err := f.WriteAt(b, offset)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// openSegment reads a segment's header.
func openSegment(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	b := make([]byte, segmentHeader)
	if _, err := io.ReadFull(f, b); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	body, sum := b[:segmentHeader-4], binary.LittleEndian.Uint32(b[segmentHeader-4:])
	if string(b[:len(magic)-1]) == magic[:len(magic)-1] && b[len(magic)-1] != magic[len(magic)-1] {
		return nil, fmt.Errorf("%s is of version %d of the usage log's format, which this weir does not know", path, b[len(magic)-1])
	}
	if string(b[:len(magic)]) != magic || sum != checksum(body, nil) {
		return nil, &CorruptError{Path: path, Offset: 0, Reason: "the segment's header is damaged"}
	}
	s := &segment{
		path:    path,
		id:      [idSize]byte(b[8:24]),
		base:    binary.LittleEndian.Uint64(b[24:]),
		follows: binary.LittleEndian.Uint64(b[32:]),
		size:    segmentHeader,
	}
	s.last = s.base - 1
	if s.base == 0 || s.follows >= s.base || path != segmentPath(filepath.Dir(path), s.base) {
		return nil, &CorruptError{Path: path, Offset: 0, Reason: "the segment's name and header do not fit together"}
	}
	return s, nil
}

// listSegments reads the headers of all segments of a folder, oldest first, and
// checks that they are one log.
func listSegments(dir string) ([]*segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var all []*segment
	for _, e := range entries {
		name, isSegment := strings.CutSuffix(e.Name(), suffix)
		if !isSegment {
			continue
		}
		if _, err := strconv.ParseUint(name, 16, 64); err != nil || len(name) != 16 {
			return nil, fmt.Errorf("%s is in the usage log's folder but is no segment", e.Name())
		}
		s, err := openSegment(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *segment) int {
		if a.base < b.base {
			return -1
		}
		return 1
	})
	for i, s := range all[min(1, len(all)):] {
		before := all[i]
		if s.id != before.id {
			return nil, &CorruptError{Path: s.path, Offset: 8, Reason: "the segment is from another usage log than the one before"}
		}
		if s.follows+1 < before.base {
			return nil, &CorruptError{Path: s.path, Offset: 32, Reason: "the segment does not follow the one before"}
		}
	}
	return all, nil
}

// CorruptError is damage that no crash explains. Starting in spite of it could
// lose what a customer consumed, so the start is refused.
type CorruptError struct {
	Path   string
	Offset int64
	Reason string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the usage log is damaged: %s at byte %d: %s", e.Path, e.Offset, e.Reason)
}

// corrupt is damage right behind the last good record.
func (s *segment) corrupt(format string, args ...any) error {
	return &CorruptError{Path: s.path, Offset: s.size, Reason: fmt.Sprintf(format, args...)}
}

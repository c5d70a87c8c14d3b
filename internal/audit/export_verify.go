package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// errForm is a line that weir did not write like this.
var errForm = errors.New("the line is not in the form weir writes")

// maxExportLine bounds a line of an export, in bytes: that of a connection with
// thousands of models takes less than a tenth of it.
const maxExportLine = 16 << 20

// Section is what was found in one organization's part of an export.
type Section struct {
	OrganizationID string
	After, Last    Link // the events between them hold
	Events         int64
	// Unsigned says that the events begin behind a checkpoint whose signature was
	// not checked, for want of the master key.
	Unsigned bool
}

// VerifyExport reads an export and calls report for every section that holds. It
// stops at the first that does not, with a *BrokenError, and holds one line in
// memory at a time. signer may be nil. An error of reading r, or of report, is
// returned as it is.
func VerifyExport(r io.Reader, signer Signer, report func(Section) error) error {
	v := &exportReader{lines: bufio.NewScanner(r), signer: signer}
	v.lines.Buffer(make([]byte, 0, 64<<10), maxExportLine)
	sections := 0
	for v.next() {
		section, err := v.section()
		if err != nil {
			return err
		}
		sections++
		if err := report(section); err != nil {
			return err
		}
	}
	if err := v.readError(); err != nil {
		return err
	}
	if sections == 0 {
		return &BrokenError{"the export", "", 0, "there is nothing in it"}
	}
	return nil
}

type exportReader struct {
	lines  *bufio.Scanner
	signer Signer
	number int
}

func (v *exportReader) next() bool {
	if !v.lines.Scan() {
		return false
	}
	v.number++
	return true
}

func (v *exportReader) readError() error {
	err := v.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("line %d is longer than %d bytes: this is no export", v.number+1, maxExportLine)
	}
	return err
}

// section reads from the line that begins a section to the one that ends it.
func (v *exportReader) section() (Section, error) {
	var begin ExportBegin
	if err := strict(v.lines.Bytes(), &begin); err != nil || begin.Object != lineBegin {
		return Section{}, v.broken("", "", 0, "a section should begin here")
	}
	if begin.Version != ExportVersion {
		return Section{}, fmt.Errorf("line %d: the export has version %d, and this weir knows %d", v.number, begin.Version, ExportVersion)
	}
	unsigned, err := v.checkBeginning(begin)
	if err != nil {
		return Section{}, err
	}
	walk := NewWalk(begin.OrganizationID, begin.After)
	for v.next() {
		line := v.lines.Bytes()
		if bytes.HasPrefix(line, []byte(`{"object":"`+lineEnd+`"`)) {
			return Section{begin.OrganizationID, begin.After, walk.At(), walk.Events(), unsigned}, v.checkEnd(line, walk, begin.OrganizationID)
		}
		e, err := parseEvent(line)
		if err != nil {
			return Section{}, v.broken(begin.OrganizationID, e.ID, walk.At().Seq+1, err.Error())
		}
		if err := walk.Next(&e); err != nil {
			return Section{}, err
		}
	}
	if err := v.readError(); err != nil {
		return Section{}, err
	}
	return Section{}, v.broken(begin.OrganizationID, "", walk.At().Seq+1, "the export breaks off")
}

// checkBeginning checks the checkpoint, where the events begin behind it.
func (v *exportReader) checkBeginning(begin ExportBegin) (unsigned bool, err error) {
	c, err := begin.Checkpoint.checkpoint(begin.OrganizationID)
	if err != nil {
		return false, v.broken(begin.OrganizationID, "", begin.After.Seq, err.Error())
	}
	if begin.After.Seq == 0 && begin.After.Hash != "" {
		return false, v.broken(begin.OrganizationID, "", 1, "nothing comes before the first event")
	}
	if c == (Checkpoint{}) || c.Seq != begin.After.Seq {
		return false, nil
	}
	if c.Link != begin.After {
		return false, v.broken(begin.OrganizationID, "", c.Seq, "the events do not follow the checkpoint")
	}
	if v.signer == nil {
		return true, nil
	}
	return false, c.Check(v.signer)
}

func (v *exportReader) checkEnd(line []byte, walk *Walk, organizationID string) error {
	var end ExportEnd
	if err := strict(line, &end); err != nil || end.OrganizationID != organizationID {
		return v.broken(organizationID, "", walk.At().Seq, "the end of the section is not in the form weir writes")
	}
	if end.Events != walk.Events() || end.Last != walk.At() {
		return v.broken(organizationID, "", walk.At().Seq+1,
			fmt.Sprintf("the section ends with sequence %d, and %d events were exported, up to sequence %d", walk.At().Seq, end.Events, end.Last.Seq))
	}
	return nil
}

func (v *exportReader) broken(organizationID, eventID string, seq int64, problem string) error {
	if organizationID == "" {
		organizationID = "the export"
	}
	return &BrokenError{organizationID, eventID, seq, fmt.Sprintf("(line %d) %s", v.number, problem)}
}

// strict reads a line that is exactly what encoding into gives.
func strict[T any](line []byte, into *T) error {
	if err := json.Unmarshal(line, into); err != nil {
		return err
	}
	again, err := json.Marshal(into)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, line) {
		return errForm
	}
	return nil
}

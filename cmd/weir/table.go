package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// column is a column of a table: what it is called, and what an object of the
// API has for it, "" for nothing.
type column struct {
	head  string
	of    func(gjson.Result) string
	right bool // numbers stand at the right
}

// text is a column of what stands at the first of paths that has something.
// Numbers are shown as the API wrote them.
func text(head string, paths ...string) column {
	return column{head: head, of: func(o gjson.Result) string {
		for _, path := range paths {
			if s := written(o.Get(path)); s != "" {
				return s
			}
		}
		return ""
	}}
}

// amount is a column of numbers.
func amount(head, path string) column {
	c := text(head, path)
	c.right = true
	return c
}

// written is a value as text. An array is its values, with commas between them.
func written(v gjson.Result) string {
	switch {
	case v.Type == gjson.Null:
		return ""
	case v.Type == gjson.String:
		return v.Str
	case v.IsArray():
		parts := make([]string, 0, 4)
		for _, item := range v.Array() {
			parts = append(parts, written(item))
		}
		return strings.Join(parts, ",")
	}
	return v.Raw
}

// moment is a column of Unix seconds.
func moment(head, path string) column {
	return column{head: head, of: func(o gjson.Result) string {
		v := o.Get(path)
		if v.Type != gjson.Number {
			return ""
		}
		return stamp(v.Int())
	}}
}

// stamp is a time as every table shows it. UTC, because reports are by UTC days.
func stamp(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

// listing is a list of the API and how it is shown.
type listing struct {
	path    string
	query   url.Values
	columns []column
	id      string // what --quiet prints; "": id
	page    int    // the longest page that the list gives; 0: 100
}

// list prints a list, whole or the first limit of it (0: whole). It returns
// whether there was more.
func (r *remote) list(ctx context.Context, l listing, limit int) (more bool, err error) {
	if limit < 0 {
		return false, errLimit()
	}
	query := url.Values{}
	for name, values := range l.query {
		query[name] = values
	}
	page := l.page
	if page == 0 {
		page = 100
	}
	if limit > 0 {
		page = min(page, limit)
	}
	query.Set("limit", strconv.Itoa(page))
	out := r.table(l.columns, l.id)
	for item, err := range r.api.List(ctx, l.path, query) {
		if err != nil {
			return false, out.failed(err)
		}
		if limit > 0 && out.rows == limit {
			more = true
			break
		}
		if err := out.add(item); err != nil {
			return false, err
		}
	}
	return more, out.end()
}

func errLimit() error { return usageError{fmt.Errorf("--limit is less than 0")} }

// show prints one object; quiet is what --quiet prints of it.
func (r *remote) show(raw json.RawMessage, columns []column, quiet string) error {
	out := bufio.NewWriter(r.c.stdout)
	object := gjson.ParseBytes(raw)
	switch {
	case r.json:
		var indented bytes.Buffer
		if err := json.Indent(&indented, bytes.TrimSpace(raw), "", "  "); err != nil {
			return err
		}
		_, _ = fmt.Fprintf(out, "%s\n", indented.Bytes()) // a bufio.Writer keeps its error for Flush
	case r.quiet:
		_, _ = fmt.Fprintln(out, plain(written(object.Get(quiet))))
	default:
		width := 0
		for _, c := range columns {
			width = max(width, len(c.head))
		}
		for _, c := range columns {
			name, value := strings.ToLower(c.head), plain(c.of(object))
			if !r.c.stdoutTerminal {
				_, _ = fmt.Fprintf(out, "%s\t%s\n", name, value)
				continue
			}
			_, _ = fmt.Fprintf(out, "%-*s  %s\n", width, name, orDash(value))
		}
	}
	return out.Flush()
}

// say prints a sentence about what was done to an object; with --json the API's
// answer, with --quiet the id.
func (r *remote) say(raw json.RawMessage, id, format string, args ...any) error {
	if r.json || r.quiet {
		if r.quiet {
			_, err := fmt.Fprintln(r.c.stdout, plain(id))
			return err
		}
		return r.show(raw, nil, "")
	}
	_, err := fmt.Fprintln(r.c.stdout, plain(fmt.Sprintf(format, args...)))
	return err
}

// table prints rows as they come: as JSON, as ids, with tabs between them for
// programs, or aligned under a heading for people.
type table struct {
	r       *remote
	columns []column
	id      string
	out     *bufio.Writer
	rows    int
	waiting [][]string // for a terminal: rows not printed yet
	widths  []int      // of what was printed
	headed  bool
}

// alignedRows is how many rows are aligned at once: a table of any length takes
// no more memory than that.
const alignedRows = 500

func (r *remote) table(columns []column, id string) *table {
	if id == "" {
		id = "id"
	}
	return &table{r: r, columns: columns, id: id, out: bufio.NewWriter(r.c.stdout), widths: make([]int, len(columns))}
}

func (t *table) add(item json.RawMessage) error {
	t.rows++
	switch {
	case t.r.json:
		before := ",\n  "
		if t.rows == 1 {
			before = "[\n  "
		}
		var indented bytes.Buffer
		if err := json.Indent(&indented, item, "  ", "  "); err != nil {
			return err
		}
		_, err := t.out.WriteString(before + indented.String())
		return err
	case t.r.quiet:
		_, err := t.out.WriteString(plain(written(gjson.GetBytes(item, t.id))) + "\n")
		return err
	}
	object, cells := gjson.ParseBytes(item), make([]string, len(t.columns))
	for i, c := range t.columns {
		cells[i] = c.of(object)
	}
	return t.line(cells)
}

// line adds a row that is no object of the API.
func (t *table) line(cells []string) error {
	for i := range cells {
		cells[i] = plain(cells[i])
	}
	if !t.r.c.stdoutTerminal {
		_, err := t.out.WriteString(strings.Join(cells, "\t") + "\n")
		return err
	}
	t.waiting = append(t.waiting, cells)
	if len(t.waiting) < alignedRows {
		return nil
	}
	return t.align()
}

func (t *table) align() error {
	lines := t.waiting
	if !t.headed {
		heads := make([]string, len(t.columns))
		for i, c := range t.columns {
			heads[i] = c.head
		}
		lines, t.headed = append([][]string{heads}, lines...), true
	}
	for _, cells := range lines {
		for i, cell := range cells {
			t.widths[i] = max(t.widths[i], utf8.RuneCountInString(orDash(cell)))
		}
	}
	for _, cells := range lines {
		var line strings.Builder
		for i, cell := range cells {
			width := -t.widths[i]
			if t.columns[i].right {
				width = -width
			}
			fmt.Fprintf(&line, "%*s  ", width, orDash(cell))
		}
		if _, err := t.out.WriteString(strings.TrimRight(line.String(), " ") + "\n"); err != nil {
			return err
		}
	}
	t.waiting = t.waiting[:0]
	return nil
}

// end prints what is left. Of an empty list a terminal gets the heading.
func (t *table) end() error {
	switch {
	case t.r.json && t.rows == 0:
		_, _ = t.out.WriteString("[]\n")
	case t.r.json:
		_, _ = t.out.WriteString("\n]\n")
	case t.r.c.stdoutTerminal && !t.r.quiet:
		if err := t.align(); err != nil {
			return err
		}
	}
	return t.out.Flush()
}

// failed prints the rows that came before err. An array of JSON stays open: a
// part must not be taken for the whole.
func (t *table) failed(err error) error {
	if len(t.waiting) > 0 {
		_ = t.align()
	}
	_ = t.out.Flush() // err is what matters
	return err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// plain is text on one line, of which nothing moves a cursor, hides what stands
// beside it or ends a column: names come from whoever may name things.
func plain(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var out strings.Builder
	for _, r := range s {
		if unprintable(r) {
			out.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}

func unprintable(r rune) bool {
	return !unicode.IsGraphic(r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r)
}

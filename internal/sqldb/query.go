package sqldb

import (
	"slices"
	"strconv"
	"strings"
)

// SQL is text of this program: a constant, or an entry of a table of constants.
// What comes from outside goes in as an argument. Constants convert by
// themselves, so an explicit SQL(x) is what a reviewer looks for.
type SQL string

// Query collects the text and the arguments of a statement whose filters vary.
// Each ? in its text becomes the next $n. The zero value is empty and ready.
type Query struct {
	text     strings.Builder
	args     []any
	filtered bool
}

// NewQuery starts with text that has no WHERE yet.
func NewQuery(text SQL, args ...any) *Query {
	return new(Query).Add(text, args...)
}

// Add appends text with one argument for each ? in it.
func (q *Query) Add(text SQL, args ...any) *Query {
	rest := string(text)
	for _, a := range args {
		before, after, ok := strings.Cut(rest, "?")
		if !ok {
			panic("sqldb: more arguments than ? in " + string(text))
		}
		q.args = append(q.args, a)
		q.text.WriteString(before)
		q.text.WriteByte('$')
		q.text.WriteString(strconv.Itoa(len(q.args)))
		rest = after
	}
	if strings.Contains(rest, "?") {
		panic("sqldb: fewer arguments than ? in " + string(text))
	}
	q.text.WriteString(rest)
	return q
}

// And narrows the query: WHERE the first time, AND after that.
func (q *Query) And(column SQL, c Condition) *Query {
	if c.none {
		return q
	}
	return q.Where(column+c.text, c.args...)
}

// AndEither is And for a condition that one of two columns has to meet.
func (q *Query) AndEither(a, b SQL, c Condition) *Query {
	if c.none {
		return q
	}
	return q.Where(a+c.text+" OR "+b+c.text, slices.Concat(c.args, c.args)...)
}

// Where is And for a condition in words, which is put in parentheses.
func (q *Query) Where(text SQL, args ...any) *Query {
	if q.filtered {
		q.Add(" AND ")
	} else {
		q.Add(" WHERE ")
	}
	q.filtered = true
	return q.Add("("+text+")", args...)
}

// Text is the statement so far.
func (q *Query) Text() string { return q.text.String() }

// Args are the arguments of Text, in order.
func (q *Query) Args() []any { return q.args }

// Condition is the right-hand side of a comparison with a column.
type Condition struct {
	text SQL
	args []any
	none bool // does not filter
}

// Equal is column = v.
func Equal(v any) Condition { return Condition{text: " = ?", args: []any{v}} }

// AtLeast is column >= v.
func AtLeast(v any) Condition { return Condition{text: " >= ?", args: []any{v}} }

// Above is column > v.
func Above(v any) Condition { return Condition{text: " > ?", args: []any{v}} }

// AtMost is column <= v.
func AtMost(v any) Condition { return Condition{text: " <= ?", args: []any{v}} }

// Below is column < v.
func Below(v any) Condition { return Condition{text: " < ?", args: []any{v}} }

// In matches any of values, and nothing when there are none.
func In[T any](values []T) Condition {
	if len(values) == 0 {
		return Condition{text: " IS NULL AND 1 = 0"}
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return Condition{text: SQL(" IN (?" + strings.Repeat(", ?", len(values)-1) + ")"), args: args}
}

// AnyOf is In for optional filters: an empty list does not filter.
func AnyOf[T any](values []T) Condition {
	if len(values) == 0 {
		return Condition{none: true}
	}
	return In(values)
}

// Cursor is the place of a row in a list: its time and its id.
type Cursor struct {
	At int64
	ID string
}

// Keyset pages through a list in the order of a BIGINT time column and then a
// TEXT id column. At most one of After and Before is set.
type Keyset struct {
	At, ID        SQL // columns
	Descending    bool
	After, Before *Cursor // exclusive
	Limit         int     // at least 0
}

// Page narrows q to one page and one row beyond it, and orders it. Give the
// rows read to [PageOf].
func (q *Query) Page(k Keyset) *Query {
	descending, from := k.Descending, k.After
	if k.Before != nil { // the rows nearest to it come first; PageOf turns them round
		descending, from = !descending, k.Before
	}
	sign, direction := SQL(">"), SQL(" ASC")
	if descending {
		sign, direction = "<", " DESC"
	}
	if from != nil {
		q.Where("("+k.At+", "+k.ID+") "+sign+" (CAST(? AS BIGINT), CAST(? AS TEXT))", from.At, from.ID)
	}
	q.Add(" ORDER BY " + k.At + direction + ", " + k.ID + direction)
	return q.Add(" LIMIT ?", k.Limit+1)
}

// PageOf cuts the rows of a [Query.Page] to the limit, puts them into the list's
// order and says whether there are more in the direction of paging.
func PageOf[T any](k Keyset, rows []T) (page []T, more bool) {
	if more = len(rows) > k.Limit; more {
		rows = rows[:k.Limit]
	}
	if k.Before != nil {
		slices.Reverse(rows)
	}
	return rows, more
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// day is a day of UTC, by which costs are kept.
const day = 24 * time.Hour

// instant is a flag of a time; zero when it was not given.
type instant struct {
	at  time.Time
	now func() time.Time
}

// String implements flag.Value.
func (i *instant) String() string { return "" }

const instantForms = "want 7d, 24h or 30m ago, today, yesterday, now, a date such as 2026-11-24, or a time such as 2026-11-24T12:00:00Z"

// Set implements flag.Value. A time that is so long ago begins with its unit:
// 7d is the beginning of the day of UTC a week ago, since reports are by day.
func (i *instant) Set(s string) error {
	now := i.now().UTC()
	switch s {
	case "now":
		i.at = now
		return nil
	case "today":
		i.at = now.Truncate(day)
		return nil
	case "yesterday":
		i.at = now.Truncate(day).Add(-day)
		return nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			if t.Unix() < 0 {
				return errors.New("that is before 1970")
			}
			i.at = t.UTC()
			return nil
		}
	}
	d, err := parseDuration(s)
	if err != nil {
		return errors.New(instantForms)
	}
	unit := time.Second
	switch s[len(s)-1] {
	case 'd', 'w':
		unit = day
	case 'h':
		unit = time.Hour
	case 'm':
		unit = time.Minute
	}
	i.at = now.Add(-d).Truncate(unit)
	return nil
}

// span is the time that a report or a search of a log is about: from start to
// before end, either of which may be open.
type span struct{ start, end instant }

// flags adds the two flags under the names given.
func (s *span) flags(fs *flag.FlagSet, from, to string) {
	s.start.now, s.end.now = time.Now, time.Now
	fs.Var(&s.start, from, "from this `TIME` on: 7d, 24h, today, 2026-11-24 or a time of RFC 3339")
	fs.Var(&s.end, to, "up to this `TIME`, itself not included")
}

// check refuses a span of nothing.
func (s *span) check() error {
	if !s.start.at.IsZero() && !s.end.at.IsZero() && !s.start.at.Before(s.end.at) {
		return usageError{errors.New("the time ends before it begins")}
	}
	return nil
}

// put sets the bounds that were given, in Unix seconds.
func (s *span) put(query url.Values, from, to string) {
	for name, i := range map[string]instant{from: s.start, to: s.end} {
		if !i.at.IsZero() {
			query.Set(name, strconv.FormatInt(i.at.Unix(), 10))
		}
	}
}

// width is how long the buckets of a report are.
type width struct {
	name string
	of   time.Duration
	page int // the most buckets in a page
}

// usageWidths, the widest first. Reports are of whole buckets, so that a span
// takes the widest that it begins and ends with.
var usageWidths = []width{{"1d", day, 31}, {"1h", time.Hour, 168}, {"1m", time.Minute, 1440}}

// widest returns the widest of widths in which the span is whole buckets. An end
// that is open, or yet to come, cuts nothing.
func (s *span) widest(widths []width) (width, error) {
	for _, w := range widths {
		end := s.end.at
		if end.IsZero() || end.After(s.end.now()) {
			end = s.start.at
		}
		if s.start.at.Equal(s.start.at.Truncate(w.of)) && end.Equal(end.Truncate(w.of)) {
			return w, nil
		}
	}
	names := make([]string, len(widths))
	for i, w := range widths {
		names[i] = w.name
	}
	return width{}, usageError{fmt.Errorf("the time has to begin and end with a bucket of UTC (%s): give dates, or times cut to that", strings.Join(names, ", "))}
}

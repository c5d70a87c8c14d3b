package adminapi

import (
	"slices"
	"time"

	"weir/internal/endpoint"
	"weir/internal/fault"
	"weir/internal/usage"
)

// page is the envelope of usage and costs.
type page struct {
	Object   string   `json:"object"` // page
	Data     []bucket `json:"data"`
	HasMore  bool     `json:"has_more"`
	NextPage *string  `json:"next_page"`
}

// bucket is one slot of time. Its results stand there twice, since the name
// changed between editions of OpenAI's API and clients of both are about.
type bucket struct {
	Object    string `json:"object"` // bucket
	StartTime int64  `json:"start_time"`
	EndTime   int64  `json:"end_time"`
	Results   []any  `json:"results"`
	Result    []any  `json:"result"`
}

// width is a bucket_width and how many buckets a page of it has.
type width struct {
	name     string
	usage    usage.Width
	fallback int // limit when none is asked for
	limit    int // the largest
}

// usageWidths are those of usage reports, costWidths those of costs.
var (
	usageWidths = []width{
		{name: "1d", usage: usage.Day, fallback: 7, limit: 31},
		{name: "1h", usage: usage.Hour, fallback: 24, limit: 168},
		{name: "1m", usage: usage.Minute, fallback: 60, limit: 1440},
	}
	costWidths = []width{{name: "1d", usage: usage.Day, fallback: 7, limit: 180}}
)

// span is the part of a report that one page answers: whole buckets, aligned to
// UTC, of which the first may begin before the start_time asked for and the last
// end after the end_time.
type span struct {
	width      usage.Width
	start, end time.Time
	more       bool
}

// readSpan reads start_time, end_time, bucket_width, limit and page. The first
// of widths is the default.
func readSpan(q *endpoint.Query, widths []width, now time.Time) (span, error) {
	names := make([]string, len(widths))
	for i, w := range widths {
		names[i] = w.name
	}
	name := q.Enum("bucket_width", names[0], names...)
	w := widths[slices.Index(names, name)]
	limit := q.Int("limit", w.fallback, 1, w.limit)
	from, until, at := q.Seconds("start_time"), q.Seconds("end_time"), q.String("page")
	switch {
	case q.Err() != nil:
		return span{}, q.Err()
	case from == nil:
		return span{}, fault.MissingParam("start_time")
	}
	step := time.Duration(w.usage)
	start, end := time.Unix(*from, 0).UTC().Truncate(step), now.UTC()
	if until != nil {
		if end = time.Unix(*until, 0).UTC(); *until <= *from {
			return span{}, fault.Invalidf("invalid_value", "end_time", "Invalid 'end_time': it must be later than 'start_time'.")
		}
	}
	if cut := end.Truncate(step); cut.Before(end) {
		end = cut.Add(step)
	}
	if at != "" {
		c, err := parseCursor(at)
		if err != nil {
			return span{}, err
		}
		if c.Width != w.usage || !c.Next.Equal(c.Next.Truncate(step)) || c.Next.Before(start) || !c.Next.Before(end) {
			return span{}, errCursor()
		}
		start = c.Next
	}
	s := span{width: w.usage, start: start, end: end}
	if last := start.Add(time.Duration(limit) * step); last.Before(end) {
		s.end, s.more = last, true
	}
	return s, nil
}

// showPage puts a report in its envelope. A start in the future, with the end
// left to be now, has no buckets.
func showPage[R any](s span, buckets []usage.Bucket[R], show func(*R) any) page {
	out := page{Object: "page", Data: make([]bucket, len(buckets)), HasMore: s.more}
	for i, b := range buckets {
		results := make([]any, len(b.Results))
		for j := range b.Results {
			results[j] = show(&b.Results[j])
		}
		out.Data[i] = bucket{
			Object: "bucket", StartTime: b.Start.Unix(), EndTime: b.End.Unix(), Results: results, Result: results,
		}
	}
	if s.more {
		next := cursor{Next: s.end, Width: s.width}.String()
		out.NextPage = &next
	}
	return out
}

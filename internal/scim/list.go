package scim

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"weir/internal/org"
)

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// The number of resources on a page, unless count says less.
const (
	maxCount     = 200
	defaultCount = 100
)

// maxScan is how many rows one filter may be tried on. A filter that no index
// serves is refused in organizations with more.
const maxScan = 10_000

func errTooMany() error {
	return bad(typeTooMany, "The filter would have to be tried on more than %d resources. Filter with eq on userName, externalId, emails.value, displayName of groups, members.value or id.", maxScan)
}

// span is the part of a list that is asked for.
type span struct {
	start int // from 1
	count int
}

func parseSpan(c *call) (span, error) {
	s := span{1, defaultCount}
	for name, field := range map[string]*int{"startIndex": &s.start, "count": &s.count} {
		text := c.FormValue(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return s, invalidValue("'%s' is not a number.", name)
		}
		*field = n
	}
	s.start, s.count = max(s.start, 1), min(max(s.count, 0), maxCount) // RFC 7644, table 6
	return s, nil
}

func (s span) of(items int) (from, to int) {
	from = min(s.start-1, items)
	return from, min(from+s.count, items)
}

// kind is how users or groups are found and shown.
type kind[T any] struct {
	indexed map[string]bool // by eq
	find    func(ctx context.Context, f org.DirectoryFilter) (org.DirectoryRows[T], error)
	// lookUp returns the rows that meet a condition on an indexed attribute.
	lookUp func(ctx context.Context, l lookup) ([]T, error)
	id     func(T) string
	// show returns the resource. asked are the attributes that the filter or the
	// answer needs, for those that are looked up elsewhere.
	show func(ctx context.Context, row T, p projection) (resource, error)
	// tried is what the filter sees of a row.
	tried func(ctx context.Context, row T, f filter) (resource, error)
}

// list answers a list (RFC 7644, section 3.4.2). sortBy is passed over, as the
// service provider's configuration says: the order is that of creation.
func list[T any](ctx context.Context, c *call, k kind[T]) (reply, error) {
	s, err := parseSpan(c)
	if err != nil {
		return reply{}, err
	}
	shown, err := c.projection()
	if err != nil {
		return reply{}, err
	}
	page, total, err := k.page(ctx, c.FormValue("filter"), s)
	if err != nil {
		return reply{}, err
	}
	resources := make([]resource, len(page))
	for i, row := range page {
		r, err := k.show(ctx, row, shown)
		if err != nil {
			return reply{}, err
		}
		resources[i] = shown.of(r)
	}
	return reply{status: http.StatusOK, body: listed(resources, total, s.start)}, nil
}

func listed(resources []resource, total, start int) resource {
	return resource{
		"schemas": []string{listSchema}, "totalResults": total, "startIndex": start,
		"itemsPerPage": len(resources), "Resources": resources,
	}
}

func (c *call) projection() (projection, error) {
	return parseProjection(c.FormValue("attributes"), c.FormValue("excludedAttributes"))
}

// page returns the rows of a page and how many there are on all pages.
func (k *kind[T]) page(ctx context.Context, text string, s span) ([]T, int, error) {
	if strings.TrimSpace(text) == "" {
		rows, err := k.find(ctx, org.DirectoryFilter{Offset: s.start - 1, Limit: max(s.count, 1)})
		if s.count == 0 {
			rows.Items = nil
		}
		return rows.Items, rows.Total, err
	}
	f, err := parseFilter(text)
	if err != nil {
		return nil, 0, err
	}
	candidates, err := k.candidates(ctx, f)
	if err != nil {
		return nil, 0, err
	}
	var matching []T
	for _, row := range candidates {
		r, err := k.tried(ctx, row, f)
		if err != nil {
			return nil, 0, err
		}
		if f.matches(r) {
			matching = append(matching, row)
		}
	}
	from, to := s.of(len(matching))
	return matching[from:to], len(matching), nil
}

// candidates returns the rows that the filter may match: by indexes where it can
// be, or else all of a number that can be tried.
func (k *kind[T]) candidates(ctx context.Context, f filter) ([]T, error) {
	found, ok := lookups(f, k.indexed)
	if !ok {
		rows, err := k.find(ctx, org.DirectoryFilter{Limit: maxScan})
		if err == nil && rows.Total > maxScan {
			err = errTooMany()
		}
		return rows.Items, err
	}
	var out []T
	seen := map[string]bool{}
	for _, l := range found {
		rows, err := k.lookUp(ctx, l)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if rowID := k.id(row); !seen[rowID] {
				seen[rowID] = true
				out = append(out, row)
			}
		}
		if len(out) > maxScan {
			return nil, errTooMany()
		}
	}
	return out, nil
}

// version is the weak entity tag of something that changed at t.
func version(t time.Time) string { return `W/"` + strconv.FormatInt(t.UnixMicro(), 36) + `"` }

// unchanged is the condition that If-Match makes, nil for none.
func (c *call) unchanged() org.Unchanged {
	header := c.Header.Get("If-Match")
	if header == "" || header == "*" {
		return nil
	}
	return func(changedAt time.Time) error {
		if tagged(header, version(changedAt)) {
			return nil
		}
		return errChanged()
	}
}

// known reports whether the provider has this version already.
func (c *call) known(v string) bool {
	header := c.Header.Get("If-None-Match")
	return header == "*" || header != "" && tagged(header, v)
}

// tagged reports whether a list of entity tags has v. Strong and weak ones are
// compared alike: all of ours are weak.
func tagged(header, v string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		if strings.TrimPrefix(strings.TrimSpace(tag), "W/") == strings.TrimPrefix(v, "W/") {
			return true
		}
	}
	return false
}

// meta is what every resource says of itself.
func (c *call) meta(resourceType, location string, created, changed time.Time) resource {
	return resource{
		"resourceType": resourceType, "created": created.UTC().Format(time.RFC3339), "lastModified": changed.UTC().Format(time.RFC3339Nano),
		"location": location, "version": version(changed),
	}
}

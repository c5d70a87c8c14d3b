package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
	"weir/internal/usage"
)

// A provider's account may be shared by projects, and its lists have the objects
// of all of them. This file answers a list with those of one project: the
// provider's own bytes of each, over as many of the provider's pages as it takes.

const (
	// maxListing bounds one page of a provider's list: 32 MiB.
	maxListing = 32 << 20
	// listPages bounds how many of a provider's pages answer one call.
	listPages = 100
	// listPage is how many objects weir asks for at once beyond the first page.
	listPage = 100
)

// listing is one page of a provider's list.
type listing struct {
	body  []byte
	items []item
	more  bool
}

// item is one object of a page.
type item struct {
	id  string
	raw gjson.Result
}

func readListing(body []byte) (listing, bool) {
	l := listing{body: body}
	if !gjson.ValidBytes(body) {
		return l, false
	}
	fields := gjson.GetManyBytes(body, "data", "has_more")
	if !fields[0].IsArray() || fields[0].Index == 0 {
		return l, false
	}
	fields[0].ForEach(func(_, value gjson.Result) bool {
		l.items = append(l.items, item{id: value.Get("id").Str, raw: value})
		return true
	})
	l.more = fields[1].Bool()
	return l, true
}

// relayList answers a list of a resource.
func (x *exchange) relayList(response *http.Response) error {
	page, err := x.readPage(response)
	if err != nil {
		return err
	}
	answer, err := x.ownOf(page)
	if err != nil {
		return err
	}
	x.remember()
	x.event.Outcome, x.event.ErrorCode = x.outcome(true, nil)
	if err := x.settle(); err != nil {
		return errUnavailable(err)
	}
	x.w.Header().Del("Content-Length")
	x.whole(http.StatusOK, answer)
	return nil
}

// readPage reads a page of a list. One that cannot be read is not passed on:
// nobody knows whose objects are in it.
func (x *exchange) readPage(response *http.Response) (listing, error) {
	var held bytes.Buffer
	buf := make([]byte, chunk)
	var err error
	for err == nil && held.Len() <= maxListing {
		var n int
		n, err = x.read(response.Body, buf)
		held.Write(buf[:n])
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return listing{}, x.broken(err)
	}
	page, ok := readListing(held.Bytes())
	if !ok || err == nil || encoding(response) != "" {
		return listing{}, fault.New(fault.BadUpstream, "upstream_list_unreadable", "", "The provider behind connection %s answered with a list that cannot be read, so it is not known whose objects are in it (request %s).", x.hop.connection.ID, x.event.ID)
	}
	return page, nil
}

// ownOf is the answer to a list whose first page is page: as it came when all of
// it may be shown, else the same with the project's own objects.
func (x *exchange) ownOf(page listing) ([]byte, error) {
	kept, err := x.visible(page.items)
	if err != nil {
		return nil, err
	}
	x.reveal(kept)
	query := x.r.URL.Query()
	if len(kept) == len(page.items) {
		return page.body, nil
	}
	first := page
	want := len(page.items)
	if n, err := strconv.Atoi(query.Get("limit")); err == nil && n > 0 {
		want = n
	}
	// With one more than is asked for it is known whether there are more.
	for pages := 1; len(kept) <= want && page.more && len(page.items) > 0 && query.Get("before") == ""; pages++ {
		if pages == listPages {
			return nil, fault.Invalidf("list_too_long", "", "The provider's account behind connection %s has too many objects of others to find this project's among them. Retrieve them by id.", x.hop.connection.ID)
		}
		if page, err = x.nextPage(query, page.items[len(page.items)-1].id); err != nil {
			return nil, err
		}
		more, err := x.visible(page.items)
		if err != nil {
			return nil, err
		}
		x.reveal(more)
		kept = append(kept, more...)
	}
	more := len(kept) > want || query.Get("before") != "" && page.more
	return first.with(kept[:min(want, len(kept))], more), nil
}

// visible are the objects of a page that the project may see.
func (x *exchange) visible(items []item) ([]item, error) {
	ids := make([]string, 0, len(items))
	for _, i := range items {
		ids = append(ids, i.id)
	}
	known, err := x.g.Owners.find(x.r.Context(), ids, false, x.hasOwn)
	if err != nil {
		return nil, err
	}
	c := x.hop.connection
	var kept []item
	for _, i := range items {
		if i.id != "" && x.mayReach(known[i.id], c) {
			kept = append(kept, i)
		}
	}
	return kept, nil
}

// reveal takes note of the files that batches have come to have.
func (x *exchange) reveal(items []item) {
	if x.door.resource.kind != usage.ObjectBatch {
		return
	}
	for _, i := range items {
		for _, o := range objectsIn([]byte(i.raw.Raw), x.door.resource, false) {
			if o.ID != i.id && !x.knownAsOwn(o.ID) {
				x.addObject(o)
			}
		}
	}
}

// knownAsOwn reports whether this node remembers that an object is the project's.
func (x *exchange) knownAsOwn(id string) bool {
	_, missing := x.g.Owners.remembered([]string{id}, x.hasOwn)
	return len(missing) == 0
}

// nextPage asks the provider for what follows an object in its list.
func (x *exchange) nextPage(query url.Values, after string) (listing, error) {
	query.Set("after", after)
	query.Set("limit", strconv.Itoa(listPage))
	x.query = query.Encode()
	x.answer.silence.begin()
	response, err := x.attempt()
	if err != nil {
		return listing{}, x.unreachable(err)
	}
	defer response.Body.Close() // read to its end, or not to be read
	if response.StatusCode != http.StatusOK {
		return listing{}, fault.New(fault.BadUpstream, "upstream_list_unreadable", "", "The provider behind connection %s answered with status %d when asked for the next page of its list (request %s).", x.hop.connection.ID, response.StatusCode, x.event.ID)
	}
	return x.readPage(response)
}

// with is the page with other objects in it. What it says of its ends follows
// them where it says anything.
func (l listing) with(items []item, more bool) []byte {
	type edit struct {
		at   gjson.Result
		text []byte
	}
	var data bytes.Buffer
	data.WriteByte('[')
	for n, i := range items {
		if n > 0 {
			data.WriteByte(',')
		}
		data.WriteString(i.raw.Raw)
	}
	data.WriteByte(']')
	first, last := []byte("null"), []byte("null")
	if len(items) > 0 {
		first, last = gjson.AppendJSONString(nil, items[0].id), gjson.AppendJSONString(nil, items[len(items)-1].id)
	}
	fields := gjson.GetManyBytes(l.body, "data", "has_more", "first_id", "last_id")
	edits := []edit{{fields[0], data.Bytes()}, {fields[1], fmt.Append(nil, more)}, {fields[2], first}, {fields[3], last}}
	edits = slices.DeleteFunc(edits, func(e edit) bool { return !e.at.Exists() })
	slices.SortFunc(edits, func(a, b edit) int { return a.at.Index - b.at.Index })
	var out []byte
	done := 0
	for _, e := range edits {
		out = append(append(out, l.body[done:e.at.Index]...), e.text...)
		done = e.at.Index + len(e.at.Raw)
	}
	return append(out, l.body[done:]...)
}

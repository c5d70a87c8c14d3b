package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/url"
)

// List walks a list, or the buckets of a report, to its end, page by page, in
// whichever of the envelopes it comes:
//
//	{object: "list", data, last_id, has_more}  goes on with after=<last_id>
//	{object: "list", data, next, has_more}     goes on with after=<next>
//	{object: "page", data, next_page, has_more} goes on with page=<next_page>
//
// query is sent with every page; its limit is the length of one. A list that
// cannot go on though it says that there is more ends with an error, and so does
// one that repeats itself: a part must not be taken for the whole.
func (c *Client) List(ctx context.Context, path string, query url.Values) iter.Seq2[json.RawMessage, error] {
	return func(yield func(json.RawMessage, error) bool) {
		at, seen := url.Values{}, map[string]bool{}
		for {
			raw, err := c.Get(ctx, path, merged(query, at))
			if err != nil {
				yield(nil, err)
				return
			}
			page, err := readPage(raw)
			if err != nil {
				yield(nil, fmt.Errorf("%s: %w", path, err))
				return
			}
			for _, item := range page.Data {
				if !yield(item, nil) {
					return
				}
			}
			if !page.HasMore {
				return
			}
			name, cursor := page.next()
			if cursor == "" || seen[cursor] {
				yield(nil, fmt.Errorf("%s: the list says that there is more, and not where", path))
				return
			}
			seen[cursor] = true
			at = url.Values{name: {cursor}}
		}
	}
}

// Collect returns the whole of a list.
func Collect(list iter.Seq2[json.RawMessage, error]) (items []json.RawMessage, err error) {
	for item, err := range list {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return items, nil
}

type listPage struct {
	Object   string            `json:"object"`
	Data     []json.RawMessage `json:"data"`
	HasMore  bool              `json:"has_more"`
	LastID   *string           `json:"last_id"`
	Next     *string           `json:"next"`
	NextPage *string           `json:"next_page"`
}

func readPage(raw json.RawMessage) (p listPage, err error) {
	if err := json.Unmarshal(raw, &p); err != nil {
		return p, fmt.Errorf("the answer is no list: %w", err)
	}
	if p.Data == nil {
		return p, errors.New("the answer is no list")
	}
	return p, nil
}

// next is the parameter that asks for the next page, and its value; "" when the
// page does not say.
func (p listPage) next() (name, cursor string) {
	switch {
	case p.NextPage != nil:
		return "page", *p.NextPage
	case p.Next != nil:
		return "after", *p.Next
	case p.LastID != nil:
		return "after", *p.LastID
	case len(p.Data) == 0:
		return "after", ""
	}
	var last struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(p.Data[len(p.Data)-1], &last) // without an id the list cannot go on, which List says
	return "after", last.ID
}

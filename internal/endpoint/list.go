package endpoint

import (
	"cmp"
	"context"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/org"
)

// Envelope is one of the shapes in which lists are paged. A list in the wrong
// one silently stops a client's auto-paging after its first page.
type Envelope uint8

// The envelopes of lists; usage and costs have a fourth, for buckets.
const (
	// ByID: first_id and last_id, both null on an empty page; the client goes on
	// with after=<last_id>.
	ByID Envelope = iota
	// ByCursor: next, null at the end; the client goes on with after=<next>.
	ByCursor
)

type listByID[Out any] struct {
	Object  string  `json:"object"`
	Data    []Out   `json:"data"`
	FirstID *string `json:"first_id"`
	LastID  *string `json:"last_id"`
	HasMore bool    `json:"has_more"`
}

type listByCursor[Out any] struct {
	Object  string  `json:"object"`
	Data    []Out   `json:"data"`
	HasMore bool    `json:"has_more"`
	Next    *string `json:"next"`
}

// Listing describes how a list is paged and shown.
type Listing[T, Out any] struct {
	Envelope  Envelope
	Limit     int  // default page size
	Min       int  // smallest limit taken; 0 answers an empty page
	Max       int  // largest limit taken; 0: no bound of the contract's, MaxPage holds
	Ascending bool // the order without an order parameter
	Ordered   bool // takes order=asc|desc
	// Orders are the words for the order, the ascending one first, where they are
	// not asc and desc.
	Orders [2]string
	Before bool // takes before
	ID     func(T) string
	Show   func(T) Out
}

// MaxPage bounds pages whose limit the contract leaves open.
const MaxPage = 1000

// List is an operation that answers a page of a list. fn gets the page asked
// for and answers at most that many rows.
func List[T, Out any](at string, needs access.Permission, scope Scope, l Listing[T, Out], fn func(context.Context, *Call, org.Page) (org.Rows[T], error)) Endpoint {
	method, path := route(at)
	return Endpoint{Method: method, Path: path, Needs: needs, Scope: scope, run: func(ctx context.Context, c *Call) (any, error) {
		page, err := l.page(c.Query)
		if err != nil {
			return nil, err
		}
		// limit=0 asks for an empty page. It is still looked up, so that an
		// unknown scope or cursor is refused alike; a page that moves no cursor
		// must not claim that there is more.
		empty := page.Limit == 0
		page.Limit = max(page.Limit, 1)
		rows, err := fn(ctx, c, page)
		if err != nil {
			return nil, err
		}
		if empty {
			rows = org.Rows[T]{}
		}
		return l.answer(rows.Items, rows.More), nil
	}}
}

func (l Listing[T, Out]) page(q *Query) (org.Page, error) {
	limit := l.Max
	if limit == 0 {
		limit = MaxPage
	}
	p := org.Page{
		After:     q.String("after"),
		Limit:     q.Int("limit", l.Limit, l.Min, limit),
		Ascending: l.Ascending,
	}
	if l.Before {
		p.Before = q.String("before")
		if p.After != "" && p.Before != "" {
			return p, fault.Invalidf("invalid_cursor", "before", "'after' and 'before' cannot be combined.")
		}
	}
	if l.Ordered {
		up, down := cmp.Or(l.Orders[0], "asc"), cmp.Or(l.Orders[1], "desc")
		fallback := down
		if l.Ascending {
			fallback = up
		}
		p.Ascending = q.Enum("order", fallback, up, down) == up
	}
	return p, q.Err()
}

func (l Listing[T, Out]) answer(items []T, more bool) any {
	data := make([]Out, len(items))
	for i, item := range items {
		data[i] = l.Show(item)
	}
	var first, last *string
	if len(items) > 0 {
		a, z := l.ID(items[0]), l.ID(items[len(items)-1])
		first, last = &a, &z
	}
	if l.Envelope == ByCursor {
		if !more {
			last = nil
		}
		return listByCursor[Out]{Object: "list", Data: data, HasMore: more, Next: last}
	}
	return listByID[Out]{Object: "list", Data: data, FirstID: first, LastID: last, HasMore: more}
}

package gateway

import (
	"cmp"
	"time"

	"github.com/tidwall/gjson"

	"weir/internal/openaiwire"
	"weir/internal/pricing"
	"weir/internal/usage"
)

// consumed writes into the event what the provider reported, or an estimate
// that says it is one.
func (x *exchange) consumed(reading openaiwire.Reading, outputBytes int64) {
	e := &x.event
	if reading.Model != "" {
		e.Model = shorten(reading.Model)
	}
	e.ServiceTier = shorten(reading.ServiceTier)
	if !reading.Found { // an estimate is of what was asked for
		switch asked := x.head.ServiceTier; asked {
		case "flex", tierPriority:
			e.ServiceTier = cmp.Or(e.ServiceTier, asked)
		case tierFast:
			e.ServiceTier = cmp.Or(e.ServiceTier, tierPriority)
		}
	}
	switch kind := x.door.operation.kind; {
	case kind == usage.None:
		return
	case kind == usage.Unmetered:
		e.Unpriced = true // something was consumed, and nobody here knows what
		return
	case reading.Found:
		e.Quantities, e.Source = reading.Q, usage.SourceProvider
		e.Quantities.ToolCalls, e.Quantities.Sessions = 0, 0 // usage of their own kinds
		x.tools = hostedTools(reading)
		x.measured(&reading)
	case kind == usage.Completions:
		e.Quantities, e.Source = x.estimate()
		e.Quantities.OutputText = openaiwire.EstimateOutput(outputBytes)
	default:
		e.Quantities, e.Source = x.estimate()
		x.unmeasured()
	}
	if e.ServiceTier == "" {
		e.ServiceTier = "default"
	}
}

// settle ends the event: prices it and makes it durable. It happens once, on no
// client's context.
func (x *exchange) settle() error {
	if x.settled {
		return nil
	}
	e := &x.event
	e.Done = time.Now()
	x.price()
	x.settled = true
	began := time.Now()
	err := x.g.Recorder.Settle(*e)
	x.g.Metrics.UsageSynced(time.Since(began))
	return err
}

// price puts the cost into the event, when something was consumed.
func (x *exchange) price() {
	e := &x.event
	if x.priced || !e.Counts() {
		return
	}
	x.priced = true // a price that panics is not tried again
	provider := string(x.hop.connection.Provider)
	Price(x.g.Book, provider, e)
	for _, tool := range x.tools {
		addPrice(x.g.Book, provider, e, tool.kind, tool.q)
	}
}

// hosted is what the provider's own tools consumed on behalf of a model.
type hosted struct {
	kind usage.Kind
	q    usage.Quantities
}

// hostedTools are the tools an answer says were used. They are priced with the
// request that used them, by rows of their own.
func hostedTools(r openaiwire.Reading) []hosted {
	var tools []hosted
	add := func(n int64, kind usage.Kind, q usage.Quantities) {
		if n > 0 {
			tools = append(tools, hosted{kind, q})
		}
	}
	add(r.WebSearchCalls, usage.WebSearchCalls, usage.Quantities{ToolCalls: r.WebSearchCalls})
	add(r.FileSearchCalls, usage.FileSearchCalls, usage.Quantities{ToolCalls: r.FileSearchCalls})
	add(r.CodeSessions, usage.CodeInterpreterSessions, usage.Quantities{Sessions: r.CodeSessions})
	return tools
}

// Price writes into an event what it cost by the book. provider is the kind of
// the connection that answered.
func Price(book *pricing.Book, provider string, e *usage.Event) {
	e.Lines, e.Cost, e.Unpriced = nil, nil, false
	addPrice(book, provider, e, e.Kind, e.Quantities)
}

// addPrice adds what q of a kind costs to the event. One part without a price
// leaves the whole without one: what is known of it stands in the lines.
func addPrice(book *pricing.Book, provider string, e *usage.Event, kind usage.Kind, q usage.Quantities) {
	p := book.Price(pricing.Request{
		At: e.Received, Provider: provider, Model: e.Model, ModelAsked: e.ModelAsked, Kind: kind,
		ServiceTier: e.ServiceTier, Batch: e.Batch, Size: e.Size, Quality: e.Quality, ContextLevel: e.ContextLevel, Q: q,
	})
	e.Lines = append(e.Lines, p.Lines...)
	switch {
	case p.Unpriced || e.Unpriced:
		e.Cost, e.Unpriced = nil, true
	case e.Cost == nil:
		e.Cost = p.Cost
	case p.Cost != nil:
		sum := e.Cost.Add(*p.Cost)
		e.Cost = &sum
	}
}

// providerCode is the code of a provider's error, else its type.
func providerCode(body []byte) string {
	if !gjson.ValidBytes(body) {
		return "upstream_error"
	}
	for _, path := range []string{"error.code", "error.type"} {
		if v := gjson.GetBytes(body, path); v.Type == gjson.String && v.Str != "" {
			return v.Str
		}
	}
	return "upstream_error"
}

package pricing

import (
	"strings"

	"weir/internal/usage"
)

// Tools as price rows name them.
const (
	webSearch     = "web_search"
	fileSearch    = "file_search"
	container     = "container"
	vectorStorage = "vector_store_storage"
)

// tools adds the lines of tools and storage, which cost the same in every tier
// and whose line items name no model.
func (p *pricer) tools(r *Request) {
	if r.Q.ToolCalls > 0 {
		p.toolCalls(r)
	}
	if r.Q.Sessions > 0 {
		w := p.toolWant(r)
		if w.size = strings.ToLower(r.Size); w.size == "" {
			w.size = "1g"
		}
		p.addTool("code interpreter sessions", Session, unitSessions, r.Q.Sessions, 1, p.findTool(container, Session, &w))
	}
	if r.Q.Bytes > 0 && r.Kind == usage.VectorStores {
		w := p.toolWant(r)
		// One event of this kind is one day's storage.
		p.addTool("vector store storage", GBDay, unitBytes, r.Q.Bytes, gibibyte, p.findTool(vectorStorage, GBDay, &w))
	}
}

// toolCalls prices the searches a request made: by the model where its rows
// price web searches themselves, else by the tool. In a request of another kind
// than the two searches, calls count as web searches only if the model sells
// them; otherwise which tool was called is unknown, and so is the price.
func (p *pricer) toolCalls(r *Request) {
	w := p.toolWant(r)
	item, tool := "tool calls", ""
	switch {
	case r.Kind == usage.FileSearchCalls:
		item, tool = "file search tool calls", fileSearch
	case r.Kind == usage.WebSearchCalls || p.states(Call):
		item, tool = "web search tool calls", webSearch
	}
	var e *entry
	if tool == webSearch {
		if w.contextLevel = r.ContextLevel; w.contextLevel == "" {
			w.contextLevel = "medium" // the API's default
		}
		e = find(p.sheets, Call, &w)
	}
	if e == nil {
		e = p.findTool(tool, Call, &w)
	}
	p.addTool(item, Call, unitCalls, r.Q.ToolCalls, 1, e)
}

func (p *pricer) toolWant(r *Request) wanted {
	return wanted{at: r.At, provider: r.Provider, tier: Standard, input: p.want.input}
}

func (p *pricer) findTool(tool string, m Meter, w *wanted) *entry {
	var buf [8]relative
	return find(p.book.relatives(buf[:0], tool), m, w)
}

func (p *pricer) addTool(item string, m Meter, unit string, quantity, divisor int64, e *entry) {
	tier := p.want.tier
	p.want.tier = Standard
	p.add(usage.CostLine{LineItem: item, Meter: string(m), Quantity: quantity, Unit: unit}, e, quantity, divisor)
	p.want.tier = tier
}

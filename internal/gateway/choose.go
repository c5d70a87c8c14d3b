package gateway

import (
	"slices"
	"strings"
	"time"

	"weir/internal/fault"
	"weir/internal/routing"
)

// hop is one upstream that can take the request.
type hop struct {
	connection *routing.Connection
	model      string // the provider's name; "" when the request names none
	circuit    *routing.Circuit
	priority   int
	weight     int
}

// Share implements routing.Sharer.
func (h hop) Share() (priority, weight int) { return h.priority, h.weight }

// choose puts the upstreams in the order in which they will be tried.
func (x *exchange) choose() error {
	if m := x.target.endpoint; m != nil {
		x.event.ModelEndpointID = m.ID
		if r := x.in.routes[m.ID]; r != nil {
			x.plan, x.tries.budget = routing.Order(r.hops), r.budget
		}
		x.tries.left = m.Retries
	} else {
		x.plan = make([]hop, len(x.target.places))
		for i, p := range x.target.places {
			x.plan[i] = hop{connection: p.connection, model: x.event.ModelAsked, circuit: p.circuit}
		}
	}
	if len(x.plan) == 0 {
		return fault.New(fault.Unavailable, "no_upstream", "", "No connection is left that serves this model.")
	}
	x.event.Model = x.plan[0].model
	return nil
}

// route is how a model endpoint leads to its upstreams.
type route struct {
	hops   []hop // sorted
	budget *routing.Budget
}

// upstreamKey says what one circuit is of. Providers overload by model, and lock
// out by account.
type upstreamKey struct{ connectionID, model string }

// addRoutes makes the routes of the endpoints, and what is known of their
// upstreams goes over from the directory before; nil: there was none.
func (d *directory) addRoutes(before *directory) {
	d.circuits, d.routes = map[upstreamKey]*routing.Circuit{}, map[string]*route{}
	for model, places := range d.served {
		for i := range places {
			places[i].circuit = d.circuit(before, places[i].connection.ID, model)
		}
	}
	for i := range d.all {
		d.all[i].circuit = d.circuit(before, d.all[i].connection.ID, "")
	}
	for _, endpoints := range d.endpoints {
		for _, m := range endpoints {
			r := &route{}
			for _, u := range m.Upstreams {
				if c := d.connections[u.ConnectionID]; c != nil {
					r.hops = append(r.hops, hop{c, u.Model, d.circuit(before, c.ID, u.Model), u.Priority, u.Weight})
				}
			}
			routing.Sort(r.hops)
			if before != nil && before.routes[m.ID] != nil {
				r.budget = before.routes[m.ID].budget
			} else {
				r.budget = routing.NewBudget()
			}
			d.routes[m.ID] = r
		}
	}
}

// circuit is the circuit of a connection's model.
func (d *directory) circuit(before *directory, connectionID, model string) *routing.Circuit {
	key := upstreamKey{connectionID, model}
	c := d.circuits[key]
	if c == nil && before != nil {
		c = before.circuits[key]
	}
	if c == nil {
		c = &routing.Circuit{}
	}
	d.circuits[key] = c
	return c
}

// Circuits are those of a connection that are not closed at this node, by model.
func (s *Snapshot) Circuits(organizationID, connectionID string) []routing.UpstreamCircuit {
	var open []routing.UpstreamCircuit
	now := time.Now()
	if d := s.state.Load().organizations[organizationID]; d != nil {
		for key, c := range d.circuits {
			if key.connectionID != connectionID {
				continue
			}
			if r := c.Report(now); r.State != routing.CircuitClosed {
				open = append(open, routing.UpstreamCircuit{Model: key.model, CircuitReport: r})
			}
		}
	}
	slices.SortFunc(open, func(a, b routing.UpstreamCircuit) int { return strings.Compare(a.Model, b.Model) })
	return open
}

// OpenCircuits is how many circuits are not closed at this node.
func (s *Snapshot) OpenCircuits() int {
	n := 0
	for _, d := range s.state.Load().organizations {
		for _, c := range d.circuits {
			if !c.Closed() {
				n++
			}
		}
	}
	return n
}

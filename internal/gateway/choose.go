package gateway

import (
	"weir/internal/fault"
	"weir/internal/routing"
)

// hop is one upstream that can take the request.
type hop struct {
	connection *routing.Connection
	model      string // the provider's name; "" when the request names none
}

// choose puts the upstreams in the order in which they will be tried.
func (x *exchange) choose() error {
	if m := x.target.endpoint; m != nil {
		x.event.ModelEndpointID = m.ID
		for _, u := range routing.Order(m.Upstreams) {
			if c := x.in.connections[u.ConnectionID]; c != nil {
				x.plan = append(x.plan, hop{connection: c, model: u.Model})
			}
		}
	} else {
		for _, p := range x.target.places {
			x.plan = append(x.plan, hop{connection: p.connection, model: x.event.ModelAsked})
		}
	}
	if len(x.plan) == 0 {
		return fault.New(fault.Unavailable, "no_upstream", "", "No connection is left that serves this model.")
	}
	x.event.Model = x.plan[0].model
	return nil
}

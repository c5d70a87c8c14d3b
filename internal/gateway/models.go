package gateway

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"weir/internal/access"
	"weir/internal/envelope"
	"weir/internal/usage"
)

// model is an entry of GET /v1/models.
type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// models answers what the caller may use: model endpoints by name and the
// models of connections, in the workspaces of its project.
func (x *exchange) models() error {
	if x.project.Archived() {
		return x.permit()
	}
	if err := scoped(x.key, x.held, access.ModelsRead); err != nil && scoped(x.key, x.held, access.ModelsRequest) != nil {
		return err
	}
	usable := x.usable()
	var out any
	if name, one := strings.CutPrefix(x.door.sub, "/models/"); one {
		if plain, err := url.PathUnescape(name); err == nil {
			name = plain
		}
		m, ok := usable[name]
		if !ok {
			return errNoModel(name)
		}
		out = m
	} else {
		list := make([]model, 0, len(usable))
		for _, name := range slices.Sorted(maps.Keys(usable)) {
			list = append(list, usable[name])
		}
		out = map[string]any{"object": "list", "data": list}
	}
	x.event.Outcome, x.event.Status = usage.OutcomeCompleted, http.StatusOK
	x.processed()
	return envelope.JSON(x.w, http.StatusOK, out)
}

func (x *exchange) usable() map[string]model {
	usable := map[string]model{}
	for name, places := range x.in.served {
		if kept := x.admitted(places); len(kept) > 0 && x.mayCall(name) {
			c := kept[0].connection
			usable[name] = model{ID: name, Object: "model", Created: c.CreatedAt.Unix(), OwnedBy: string(c.Provider)}
		}
	}
	for name, endpoints := range x.in.endpoints {
		for _, m := range endpoints {
			if w := x.in.byID[m.WorkspaceID]; m.Enabled && w != nil && w.Admits(x.project.ID) && x.mayCallOn(m) {
				usable[name] = model{ID: name, Object: "model", Created: m.CreatedAt.Unix(), OwnedBy: "weir"}
			}
		}
	}
	return usable
}

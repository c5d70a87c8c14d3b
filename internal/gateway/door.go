package gateway

import (
	"net/http"
	"path"
	"strings"

	"weir/internal/access"
	"weir/internal/fault"
	"weir/internal/openaiwire"
	"weir/internal/usage"
)

// door is where a caller knocked: /v1, or a model endpoint's own address.
type door struct {
	workspace string // name; "" on /v1
	endpoint  string // name; "" on /v1
	sub       string // what follows /v1, as sent: "/chat/completions"
	operation operation
	known     bool // operation is one of operations
}

// route names the operation in metrics, where what callers make up must not
// appear.
func (d *door) route() string {
	if d.known {
		return d.sub
	}
	return "other"
}

// operation is one of the provider API's calls that weir can read.
type operation struct {
	kind         usage.Kind
	shape        openaiwire.Shape
	json         bool // the body is JSON with a model in it
	needs        access.Permission
	defaultModel string // where the caller may leave the model out
}

// responsesWrite is the scope OpenAI asks of a restricted key for /responses.
const responsesWrite access.Permission = "api.responses.write"

// operations by method and path. What is not here is forwarded as it is and
// shows as unmetered.
var operations = map[string]operation{
	"POST /chat/completions": {kind: usage.Completions, shape: openaiwire.ShapeChat, json: true, needs: access.ModelsRequest},
	"POST /completions":      {kind: usage.Completions, shape: openaiwire.ShapeChat, json: true, needs: access.ModelsRequest},
	"POST /responses":        {kind: usage.Completions, shape: openaiwire.ShapeResponses, json: true, needs: responsesWrite},
	"POST /embeddings":       {kind: usage.Embeddings, json: true, needs: access.ModelsRequest},
	"POST /moderations":      {kind: usage.Moderations, json: true, needs: access.ModelsRequest, defaultModel: "omni-moderation-latest"},
}

// knock reads the address of a request.
func knock(r *http.Request) (door, error) {
	sent := r.URL.EscapedPath()
	unknown := fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", r.Method, r.URL.Path)
	if path.Clean(r.URL.Path) != r.URL.Path || strings.ContainsAny(r.URL.Path, "\\\x00") {
		return door{}, unknown // "..", "//": never what an API is called by
	}
	var d door
	if rest, ok := strings.CutPrefix(sent, "/v1/"); ok {
		d.sub = "/" + rest
	} else {
		workspace, rest, _ := strings.Cut(strings.TrimPrefix(sent, "/"), "/")
		rest, ok := strings.CutPrefix(rest, "models/")
		name, sub, deeper := strings.Cut(rest, "/")
		if !ok || name == "" || !deeper {
			return door{}, unknown
		}
		d.workspace, d.endpoint, d.sub = workspace, name, "/"+strings.TrimPrefix(sub, "v1/")
	}
	if d.sub == "/" {
		return door{}, unknown
	}
	if d.operation, d.known = operations[r.Method+" "+d.sub]; d.known {
		return d, nil
	}
	if _, elsewhere := operations["POST "+d.sub]; elsewhere && !listable[d.sub] {
		return door{}, fault.New(fault.MethodNotSupported, "method_not_supported", "", "Not allowed to %s on %s .", r.Method, r.URL.Path)
	}
	d.operation = operation{kind: usage.Unmetered, needs: access.ModelsRequest}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodDelete {
		d.operation.kind = usage.None // nothing is generated
	}
	return d, nil
}

// listable are operations whose address also lists what was stored.
var listable = map[string]bool{"/chat/completions": true, "/responses": true}

// lists reports whether the call is for the models the caller may use, which
// weir answers itself.
func (d *door) lists() bool {
	return d.operation.kind == usage.None && d.endpoint == "" && (d.sub == "/models" || strings.HasPrefix(d.sub, "/models/"))
}

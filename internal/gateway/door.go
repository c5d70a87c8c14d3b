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
	// resource is what the call reads or changes, object the id of the one that
	// the address names, and tail what follows that.
	resource *resource // nil: none that belongs to somebody
	object   string
	tail     string
}

// route names the operation in metrics, where what callers make up must not
// appear.
func (d *door) route() string {
	switch {
	case d.known:
		return d.sub
	case d.resource != nil && d.object != "":
		return d.resource.path + "/{id}"
	case d.resource != nil:
		return d.resource.path
	}
	return "other"
}

// operation is one of the provider API's calls that weir can read.
type operation struct {
	kind         usage.Kind
	shape        openaiwire.Shape
	json         bool   // the body is JSON with a model in it
	form         bool   // the body is a form with a model in it, or JSON where json says so too
	imageSource  string // of images, as the usage reports call it
	needs        access.Permission
	defaultModel string           // where the caller may leave the model out
	lists        bool             // GET on the same address lists what was stored
	creates      usage.ObjectKind // what the provider keeps of the answer; "": nothing
}

// responsesWrite is the scope OpenAI asks of a restricted key for /responses.
const responsesWrite access.Permission = "api.responses.write"

// operations are POSTs, by path. What is not here is forwarded as it is and
// shows as unmetered.
var operations = map[string]operation{
	"/chat/completions": {kind: usage.Completions, shape: openaiwire.ShapeChat, json: true, needs: access.ModelsRequest, lists: true, creates: usage.ObjectStoredCompletion},
	"/completions":      {kind: usage.Completions, shape: openaiwire.ShapeChat, json: true, needs: access.ModelsRequest},
	"/responses":        {kind: usage.Completions, shape: openaiwire.ShapeResponses, json: true, needs: responsesWrite, lists: true, creates: usage.ObjectResponse},
	"/decisions":        {kind: usage.Decisions, json: true, needs: access.ModelsRequest},
	"/embeddings":       {kind: usage.Embeddings, json: true, needs: access.ModelsRequest},
	"/moderations":      {kind: usage.Moderations, json: true, needs: access.ModelsRequest, defaultModel: "omni-moderation-latest"},

	"/images/generations": {kind: usage.Images, shape: openaiwire.ShapeMedia, json: true, needs: access.ModelsRequest, defaultModel: "dall-e-2", imageSource: "image.generation"},
	"/images/edits":       {kind: usage.Images, shape: openaiwire.ShapeMedia, json: true, form: true, needs: access.ModelsRequest, defaultModel: "dall-e-2", imageSource: "image.edit"},
	"/images/variations":  {kind: usage.Images, shape: openaiwire.ShapeMedia, form: true, needs: access.ModelsRequest, defaultModel: "dall-e-2", imageSource: "image.variation"},

	"/audio/speech":         {kind: usage.AudioSpeeches, shape: openaiwire.ShapeMedia, json: true, needs: access.ModelsRequest},
	"/audio/transcriptions": {kind: usage.AudioTranscriptions, shape: openaiwire.ShapeMedia, form: true, needs: access.ModelsRequest},
	"/audio/translations":   {kind: usage.AudioTranscriptions, shape: openaiwire.ShapeMedia, form: true, needs: access.ModelsRequest},
}

// relayed are the methods that are passed on, and whether they may make a
// provider generate something. TRACE is not among them: its answer would show
// the caller our credential.
var relayed = map[string]bool{
	http.MethodGet: false, http.MethodHead: false, http.MethodDelete: false,
	http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true,
}

// notOurs are paths of the provider's API that no project's key reaches: the
// provider's own administration, and what would be a second /v1.
var notOurs = [...]string{"/organization", "/projects", "/fine_tuning/checkpoints", "/v1"}

// knock reads the address of a request.
func knock(r *http.Request) (door, error) {
	if path.Clean(r.URL.Path) != r.URL.Path || strings.ContainsAny(r.URL.Path, "\\\x00") {
		return door{}, errNoAddress(r) // "..", "//": never what an API is called by
	}
	var d door
	sent := r.URL.EscapedPath()
	if rest, ok := strings.CutPrefix(sent, "/v1/"); ok {
		d.sub = "/" + rest
	} else {
		workspace, rest, _ := strings.Cut(strings.TrimPrefix(sent, "/"), "/")
		rest, ok := strings.CutPrefix(rest, "models/")
		name, sub, deeper := strings.Cut(rest, "/")
		if !ok || name == "" || !deeper || strings.ContainsRune(workspace+name, '%') {
			return door{}, errNoAddress(r)
		}
		d.workspace, d.endpoint, d.sub = workspace, name, "/"+strings.TrimPrefix(sub, "v1/")
	}
	if err := d.recognise(r); err != nil {
		return door{}, err
	}
	return d, nil
}

// recognise finds the operation that is called.
func (d *door) recognise(r *http.Request) error {
	operation, known := operations[d.sub]
	generates, relayable := relayed[r.Method]
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case known && r.Method == http.MethodPost:
		d.operation, d.known = operation, true
		return nil
	case !relayable, known && !(operation.lists && reads):
		return errMethod(r)
	case d.lists() && !reads:
		return errMethod(r) // the models are weir's to tell, and no key's to delete
	}
	// A provider may take /chat%2Fcompletions or /Chat/Completions for what it
	// looks like; it must not be a way around the meter.
	plain := r.URL.Path
	if d.endpoint != "" { // neither name has escapes
		plain = plain[len("/"+d.workspace+"/models/"+d.endpoint):]
	}
	if rest, ok := strings.CutPrefix(plain, "/v1/"); ok {
		plain = "/" + rest
	}
	plain, _, _ = strings.Cut(strings.ToLower(plain), ";")
	if _, known := operations[plain]; known && plain != d.sub {
		return errNoAddress(r)
	}
	for _, prefix := range notOurs {
		if rest, ok := strings.CutPrefix(plain, prefix); ok && (rest == "" || rest[0] == '/') {
			return errNoAddress(r)
		}
	}
	d.operation.kind, d.operation.needs = usage.None, access.ModelsRequest
	if generates {
		d.operation.kind = usage.Unmetered
	}
	return d.recogniseResource(r, plain)
}

// lists reports whether the call is for the models the caller may use, which
// weir answers itself.
func (d *door) lists() bool {
	return d.endpoint == "" && (d.sub == "/models" || strings.HasPrefix(d.sub, "/models/"))
}

func errNoAddress(r *http.Request) error {
	return fault.New(fault.NotFound, "", "", "Invalid URL (%s %s)", shorten(r.Method), shorten(r.URL.Path))
}

func errMethod(r *http.Request) error {
	return fault.New(fault.MethodNotSupported, "method_not_supported", "", "Not allowed to %s on %s .", shorten(r.Method), shorten(r.URL.Path))
}

package openaiwire

import (
	"bytes"
	"slices"
	"strconv"
	"unicode/utf8"

	"weir/internal/fault"
	"weir/internal/usage"
)

// Head is what weir reads of a request body, JSON or a form. Spans are byte offsets
// [from, to) into the body the head was read from, {0, 0} when absent.
type Head struct {
	Model             string
	ModelSpan         [2]int // of the raw value, also when it is null
	HasModel          bool   // false when absent or null
	Stream            bool
	IncludeUsage      bool   // stream_options.include_usage is true already
	StreamOptionsSpan [2]int // of the raw value, also when it is null
	MaxOutputTokens   int64  // the greatest of max_completion_tokens, max_output_tokens, max_tokens; 0: none
	N                 int64  // answers that are generated and billed: n, or best_of where it is greater; at least 1
	ServiceTier       string // as asked: auto, default, flex, priority
	Store             *bool
	User              string
	Size              string // images
	Quality           string // images
	Background        bool   // responses: answered later, fetched by id
	InputCharacters   int64  // characters (runes) of a string `input`: what speech is billed by
	Messages          int64  // elements of a `messages` or `input` array
	ByReference       bool   // input that the body's size does not bound: pictures, files, audio, earlier responses, hosted tools
	FileBytes         int64  // forms: size of the files uploaded
	Prompts           int64  // completions: prompts of a list, each of which is answered; 0: one
	MaxToolCalls      int64  // of hosted tools; 0: as many as the model likes
	Tools             Tools  // the provider's own tools that are asked for, wherever in the body
	StoredPrompt      bool   // responses: instructions and tools come from a prompt that the provider keeps
	Conversation      bool   // responses: belongs to a conversation that the provider keeps
	// Inner are the models named below the top level, such as a tool's own, each
	// once. Metadata is not looked into. More than maxInner are not kept; then
	// InnerMore is true.
	Inner     []string
	InnerMore bool
	// References are the objects that the request names, as often as it does.
	// Metadata is not looked into.
	References []Reference

	form             string // the boundary, when the body is a form
	inside           int    // where the first member begins, or would
	empty            bool   // the object has no members
	storeSpan        [2]int // of the raw value
	tierSpan         [2]int // of the raw value of service_tier
	includeUsageSpan [2]int // of the raw value inside stream_options
}

// ReadHead reads the head of a JSON request body in one pass. It refuses, with
// a fault of kind Invalid, what is not one JSON object in UTF-8, a field it
// reads that has the wrong type, and a key given twice in the object or in its
// stream_options: two readers could take a different one of them, and be
// metered as one thing and answered as another. Keys are compared after
// unescaping. The head does not keep body.
func ReadHead(body []byte) (Head, error) {
	r := headReader{head: Head{N: 1}}
	r.scan.data = body
	r.scan.visit = r.notice
	if r.scan.peek() != '{' {
		return Head{}, unparsable("a JSON object is expected")
	}
	if err := r.read(); err != nil {
		return Head{}, err
	}
	return r.head, nil
}

// headReader is the state of one ReadHead.
type headReader struct {
	scan scanner
	head Head
}

func (r *headReader) read() error {
	s := &r.scan
	var keys keySet
	var first error
	r.head.inside = s.pos + 1
	more := s.open('}')
	r.head.empty = !more
	for ; more; more = s.more('}') {
		key := s.key()
		s.blanks()
		start := s.pos
		var err error
		switch opens := s.peek(); {
		case opens == '{' && string(key) == "stream_options":
			err = r.streamOptions()
		case opens == '[' && (string(key) == "messages" || string(key) == "input"):
			r.head.Messages = max(r.head.Messages, s.elements())
		case opens == '[' && string(key) == "prompt":
			r.prompts()
		case opens == '{' && string(key) == "metadata": // the caller's own words
			s.visit = nil
			s.value()
			s.visit = r.notice
		default:
			value := s.value()
			if !s.failed {
				err = r.field(key, value, [2]int{start, s.pos})
			}
		}
		if s.failed {
			break
		}
		if string(key) == "stream_options" {
			r.head.StreamOptionsSpan = [2]int{start, s.pos}
		}
		if err == nil && !keys.add(key) {
			err = fault.Duplicate(string(key))
		}
		// The body may still turn out not to be JSON at all, which is the
		// better thing to say.
		if first == nil {
			first = err
		}
	}
	if !s.whole() {
		return unparsable("it is not valid JSON in UTF-8")
	}
	return first
}

// streamOptions reads the object at the scanner's place.
func (r *headReader) streamOptions() error {
	s := &r.scan
	var keys keySet
	var first error
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		s.blanks()
		start := s.pos
		value := s.value()
		if s.failed {
			return nil
		}
		var err error
		if string(key) == "include_usage" {
			r.head.includeUsageSpan = [2]int{start, s.pos}
			r.head.IncludeUsage, err = boolean("stream_options.include_usage", value)
		}
		if err == nil && !keys.add(key) {
			err = fault.Duplicate("stream_options." + string(key))
		}
		if first == nil {
			first = err
		}
	}
	return first
}

// prompts counts what stands in the array at the scanner's place: texts and
// lists of tokens are a prompt each, bare tokens one together.
func (r *headReader) prompts() {
	from := r.scan.pos
	n := r.scan.elements()
	first := bytes.TrimLeft(r.scan.data[from+1:], " \t\r\n")
	if len(first) > 0 && (first[0] == '"' || first[0] == '[') {
		r.head.Prompts = max(r.head.Prompts, n)
	}
}

// field takes one top-level member.
func (r *headReader) field(key, value []byte, span [2]int) (err error) {
	h := &r.head
	switch string(key) {
	case "model":
		h.ModelSpan = span
		h.HasModel = value[0] != 'n'
		h.Model, err = str("model", value)
	case "stream":
		h.Stream, err = boolean("stream", value)
	case "stream_options":
		if value[0] != 'n' {
			err = wrongType("stream_options", "an object", value)
		}
	case "max_completion_tokens", "max_output_tokens", "max_tokens":
		var n int64
		n, err = integer(string(key), value, 0)
		h.MaxOutputTokens = max(h.MaxOutputTokens, n)
	case "max_tool_calls":
		h.MaxToolCalls, err = integer(string(key), value, 0)
	case "n", "best_of":
		var n int64
		n, err = integer(string(key), value, 1)
		h.N = max(h.N, n)
	case "service_tier":
		h.tierSpan = span
		h.ServiceTier, err = str("service_tier", value)
	case "store":
		h.storeSpan = span
		if value[0] != 'n' {
			var store bool
			store, err = boolean("store", value)
			h.Store = &store
		}
	case "background":
		h.Background, err = boolean("background", value)
	case "user":
		h.User = text(value)
	case "size":
		h.Size = text(value)
	case "quality":
		h.Quality = text(value)
	case "input":
		if value[0] == '"' {
			h.InputCharacters = characters(value)
		}
	case "previous_response_id":
		h.ByReference = h.ByReference || value[0] != 'n'
		h.refers(key, value)
	case "conversation":
		h.Conversation = value[0] != 'n'
		h.ByReference = h.ByReference || h.Conversation
		h.refers(key, value)
	case "web_search_options":
		if value[0] != 'n' {
			h.ByReference, h.Tools = true, h.Tools|ToolWebSearch
		}
	case "video": // that another one is made of
		if value[0] == '{' {
			h.refersWithin(usage.ObjectVideo, value, "video")
		}
	case "input_file_id", "training_file", "validation_file", "file_id", "file_ids", "vector_store_id", "vector_store_ids",
		"assistant_id", "thread_id":
		h.refers(key, value)
	case "prompt": // a stored prompt for responses, plain text for completions
		h.StoredPrompt = value[0] == '{'
		h.ByReference = h.ByReference || h.StoredPrompt
	}
	return err
}

// notice is told of every member below the top level. It looks for input whose
// cost does not show in the size of the body, for tools and for further models.
func (r *headReader) notice(key, value []byte) {
	switch string(key) {
	case "image_url", "file_url", "file_data", "input_audio":
		r.head.ByReference = true
	case "file_id", "file_ids", "vector_store_ids":
		r.head.ByReference = true
		r.head.refers(key, value)
	case "container":
		if string(value) != `"auto"` && value[0] == '"' { // an object asks for a new one
			r.head.refers(key, value)
		}
	case "source":
		if value[0] == '{' {
			r.head.source(value)
		}
	case "audio": // of an earlier answer
		r.head.ByReference = r.head.ByReference || value[0] == '{'
	case "model":
		r.inner(value)
	case "type":
		if value[0] != '"' {
			return
		}
		kind := unquote(value, bytes.IndexByte(value, '\\') >= 0)
		r.head.Tools |= toolOf(kind)
		switch string(kind) {
		case "item_reference", "input_image", "input_file", "file_search", "code_interpreter", "mcp", "image_generation":
			r.head.ByReference = true
		default: // both have dated names
			r.head.ByReference = r.head.ByReference || bytes.HasPrefix(kind, webSearch) || bytes.HasPrefix(kind, computerUse)
		}
	}
}

// maxInner bounds Head.Inner.
const maxInner = 16

// inner takes note of a model that is named below the top level.
func (r *headReader) inner(value []byte) {
	name := text(value)
	switch h := &r.head; {
	case name == "" || slices.Contains(h.Inner, name):
	case len(h.Inner) == maxInner:
		h.InnerMore = true
	default:
		h.Inner = append(h.Inner, name)
	}
}

var (
	webSearch   = []byte("web_search")
	computerUse = []byte("computer")
	toolCall    = []byte("_call") // ends the name of what an earlier answer did
)

// characters counts the runes of a valid string literal.
func characters(literal []byte) int64 {
	in := literal[1 : len(literal)-1]
	n := 0
	for {
		i := bytes.IndexByte(in, '\\')
		if i < 0 {
			return int64(n + utf8.RuneCount(in))
		}
		n += utf8.RuneCount(in[:i]) + 1
		e := escapeLen(in[i:])
		if e == 6 && isLowSurrogate(in[i:]) {
			n-- // counted with its high surrogate
		}
		in = in[i+e:]
	}
}

// isLowSurrogate reports whether the \u escape is \uDC00 to \uDFFF.
func isLowSurrogate(escape []byte) bool {
	return escape[2]|0x20 == 'd' && escape[3]|0x20 >= 'c'
}

// keySet is the keys of one object. Few are compared one by one; many go to a
// map, so that a body of a million keys costs no more than its size.
type keySet struct {
	few  [24][]byte
	n    int
	many map[string]struct{}
}

// add reports whether key is new.
func (k *keySet) add(key []byte) bool {
	if k.many != nil {
		before := len(k.many)
		k.many[string(key)] = struct{}{}
		return len(k.many) > before
	}
	for _, old := range k.few[:k.n] {
		if bytes.Equal(old, key) {
			return false
		}
	}
	if k.n < len(k.few) {
		k.few[k.n] = key
		k.n++
		return true
	}
	k.many = make(map[string]struct{}, 2*k.n)
	for _, old := range k.few {
		k.many[string(old)] = struct{}{}
	}
	k.many[string(key)] = struct{}{}
	return true
}

func str(param string, value []byte) (string, error) {
	switch value[0] {
	case '"':
		return text(value), nil
	case 'n':
		return "", nil
	}
	return "", wrongType(param, "a string", value)
}

func boolean(param string, value []byte) (bool, error) {
	switch value[0] {
	case 't':
		return true, nil
	case 'f', 'n':
		return false, nil
	}
	return false, wrongType(param, "a boolean", value)
}

// integer reads a whole number of at least least; null is 0.
func integer(param string, value []byte, least int64) (int64, error) {
	if value[0] == 'n' {
		return 0, nil
	}
	if kind := typeName(value); kind != "an integer" {
		return 0, wrongType(param, "an integer", value)
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	switch {
	case n < least:
		return 0, fault.BelowMin(param, least, string(value))
	case err != nil || n > maxCount:
		return 0, fault.AboveMax(param, maxCount, string(value))
	}
	return n, nil
}

func unparsable(why string) error {
	return fault.Invalidf("", "", "We could not parse the JSON body of your request. (Hint: %s.)", why)
}

func wrongType(param, want string, value []byte) error {
	return fault.WrongType(param, want, typeName(value))
}

// typeName names the type of a valid JSON value as OpenAI's messages do.
func typeName(value []byte) string {
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	if bytes.ContainsAny(value, ".eE") {
		return "a decimal number"
	}
	return "an integer"
}

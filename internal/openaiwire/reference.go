package openaiwire

import (
	"strings"

	"weir/internal/usage"
)

// Reference is an object at the provider that a request names in its body.
type Reference struct {
	Kind  usage.ObjectKind
	ID    string
	Param string // the member or field that names it
}

// references are the members that name objects, at the top level and below.
// Their values are ids, lists of ids, or objects with an id.
var references = map[string]usage.ObjectKind{
	"file_id": usage.ObjectFile, "file_ids": usage.ObjectFile, "input_file_id": usage.ObjectFile,
	"training_file": usage.ObjectFile, "validation_file": usage.ObjectFile,
	"vector_store_id": usage.ObjectVectorStore, "vector_store_ids": usage.ObjectVectorStore,
	"previous_response_id": usage.ObjectResponse, "conversation": usage.ObjectConversation, "container": usage.ObjectContainer,
	"assistant_id": usage.ObjectAssistant, "thread_id": usage.ObjectThread, "eval_id": usage.ObjectEval,
}

// refers takes note of the objects that a member names. All of a list count, and
// all of a key given twice: which of them a provider takes is not known.
func (h *Head) refers(key, value []byte) {
	kind, names := references[string(key)]
	if !names || value[0] == 'n' {
		return
	}
	param := string(key)
	switch value[0] {
	case '"':
		h.refersTo(kind, text(value), param)
	case '[':
		s := scanner{data: value}
		for more := s.open(']'); more; more = s.more(']') {
			h.refersTo(kind, text(s.value()), param)
		}
	case '{':
		h.refersWithin(kind, value, param)
	}
}

// refersWithin takes note of an object that is named as {"id": …}.
func (h *Head) refersWithin(kind usage.ObjectKind, value []byte, param string) {
	s := scanner{data: value}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		if member := s.value(); string(key) == "id" {
			h.refersTo(kind, text(member), param)
		}
	}
}

func (h *Head) refersTo(kind usage.ObjectKind, id, param string) {
	if id != "" {
		h.References = append(h.References, Reference{Kind: kind, ID: id, Param: param})
	}
}

// source takes note of {"type": "file_id", "id": …}, as evals name files.
func (h *Head) source(value []byte) {
	file := false
	s := scanner{data: value}
	for more := s.open('}'); more; more = s.more('}') {
		key := s.key()
		if member := s.value(); string(key) == "type" && text(member) == "file_id" {
			file = true
		}
	}
	if file {
		h.refersWithin(usage.ObjectFile, value, "source")
	}
}

// formReference is the member that a form's field stands for: lists come as
// file_ids[], file_ids[0] or the name again and again.
func formReference(field string) string {
	name, _, _ := strings.Cut(field, "[")
	return name
}

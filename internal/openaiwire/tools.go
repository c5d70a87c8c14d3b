package openaiwire

import (
	"bytes"
	"strings"
)

// Tools is a set of the tools that a provider runs itself.
type Tools uint8

// The tools of OpenAI's API that are billed apart from the model's tokens, or
// that can be kept from a project.
const (
	ToolWebSearch       Tools = 1 << iota // billed by the call
	ToolFileSearch                        // billed by the call
	ToolCodeInterpreter                   // billed by the session
	ToolShell                             // billed by the session
	ToolImageGeneration                   // billed by another model's prices
	ToolMCP                               // a server that the provider calls

	// ToolContainer are those that run in a container.
	ToolContainer = ToolCodeInterpreter | ToolShell
)

// Has reports whether one of t is in the set.
func (s Tools) Has(t Tools) bool { return s&t != 0 }

// First is the name of one tool in the set; "" when it has none with a name.
func (s Tools) First() string {
	for _, t := range toolNames {
		if s.Has(t.tool) {
			return t.name
		}
	}
	return ""
}

// toolNames are the types by which requests ask for tools, and the names of
// those that can be kept from a project.
var toolNames = [...]struct {
	name string
	tool Tools
}{
	{"web_search", ToolWebSearch}, {"file_search", ToolFileSearch}, {"code_interpreter", ToolCodeInterpreter},
	{"image_generation", ToolImageGeneration}, {"mcp", ToolMCP},
}

// ToolNamed returns the tool of that name; none for any other.
func ToolNamed(name string) Tools {
	for _, t := range toolNames {
		if name == t.name {
			return t.tool
		}
	}
	return 0
}

// toolOf reads the type of a tool. What a tool did in an earlier turn has a type
// of its own, such as web_search_call.
func toolOf(kind []byte) Tools {
	switch string(kind) {
	case "file_search":
		return ToolFileSearch
	case "code_interpreter":
		return ToolCodeInterpreter
	case "container_auto", "container_reference":
		return ToolShell
	case "image_generation":
		return ToolImageGeneration
	case "mcp":
		return ToolMCP
	}
	if bytes.HasPrefix(kind, webSearch) && !bytes.HasSuffix(kind, toolCall) { // it has dated names
		return ToolWebSearch
	}
	return 0
}

// ToolsOfModel are the tools that a model uses without being asked: those of
// OpenAI that search the web for every answer.
func ToolsOfModel(model string) Tools {
	if strings.Contains(model, "-search-preview") || strings.Contains(model, "-search-api") {
		return ToolWebSearch
	}
	return 0
}

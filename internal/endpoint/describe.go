package endpoint

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"github.com/goccy/go-yaml"
)

// Describe reads an API description that is written in several YAML files of the
// folder openapi, one per resource, and returns it whole, in JSON: objects are
// merged, lists put one after the other. Files that say two things about one
// name are refused, and so is a description without operations.
func Describe(files fs.FS) (json.RawMessage, error) {
	names, err := fs.Glob(files, "openapi/*.yaml")
	if err != nil {
		return nil, err
	}
	whole := map[string]any{}
	for _, name := range names {
		raw, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		var part map[string]any
		if err := yaml.Unmarshal(raw, &part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := combine(whole, part); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if whole["paths"] == nil {
		return nil, fmt.Errorf("no operations in %d files", len(names))
	}
	return json.Marshal(whole)
}

// combine adds what part says to whole.
func combine(whole, part map[string]any) error {
	for name, value := range part {
		here, taken := whole[name]
		if !taken {
			whole[name] = value
			continue
		}
		switch value := value.(type) {
		case map[string]any:
			if here, ok := here.(map[string]any); ok {
				if err := combine(here, value); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				continue
			}
		case []any:
			if here, ok := here.([]any); ok {
				whole[name] = append(here, value...)
				continue
			}
		}
		return fmt.Errorf("%s is said twice", name)
	}
	return nil
}

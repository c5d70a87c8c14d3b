package pricing

import (
	"slices"
	"strings"
)

// ModelLimits is what a model takes and gives at most; 0 is unknown.
type ModelLimits struct {
	MaxInputTokens  int64
	MaxOutputTokens int64
	VectorSize      int64    // embeddings
	Mode            string   // chat, responses, embedding, image_generation, …; empty: unknown
	Endpoints       []string // paths under /v1; empty: unknown. Not to be changed
}

// ModelInfo is one model the book knows.
type ModelInfo struct {
	ID     string
	Limits ModelLimits
	Priced bool
}

// Limits returns the limits of model, of the model a fine-tuned one was made
// from, or of a snapshot's family.
func (b *Book) Limits(model string) (ModelLimits, bool) {
	base := trained(model)
	plain := strings.TrimPrefix(base, fineTuned)
	for _, name := range [...]string{model, base, family(base), plain, family(plain)} {
		if l, ok := b.models[name]; ok {
			return l, true
		}
	}
	return ModelLimits{}, false
}

// Models returns every model with limits or a price, sorted by id. Tools and
// patterns that are no model name are not among them.
func (b *Book) Models() []ModelInfo {
	ids := map[string]struct{}{}
	for id := range b.models {
		ids[id] = struct{}{}
	}
	for _, l := range b.layers {
		for _, sheets := range []map[string]sheet{l.exact, l.families} {
			for id, s := range sheets {
				if s.sellsModel() && isName(id) {
					ids[id] = struct{}{}
				}
			}
		}
	}
	infos := make([]ModelInfo, 0, len(ids))
	for id := range ids {
		limits, _ := b.Limits(id) // none known is a ModelInfo too
		infos = append(infos, ModelInfo{ID: id, Limits: limits, Priced: b.Known(id)})
	}
	slices.SortFunc(infos, func(a, b ModelInfo) int { return strings.Compare(a.ID, b.ID) })
	return infos
}

// sellsModel reports whether a row meters a model rather than a tool.
func (s sheet) sellsModel() bool {
	for m := range s {
		if !m.ofTools() {
			return true
		}
	}
	return false
}

// isName reports whether a pattern can be a model id: catalogues also carry
// prefixes ("ft:gpt-3.5-turbo-"), remarks and ids of resellers.
func isName(pattern string) bool {
	return !strings.ContainsAny(pattern, " /()") && !strings.HasSuffix(pattern, "-")
}

package openaiwire

import "testing"

func TestBoundOutput(t *testing.T) {
	for name, c := range map[string]struct {
		head Head
		most int64
		want int64 // 0: none
	}{
		"what is asked for":          {Head{N: 1, MaxOutputTokens: 10}, 4096, 10},
		"else the model's":           {Head{N: 1}, 4096, 4096},
		"for each answer":            {Head{N: 3, MaxOutputTokens: 10}, 0, 30},
		"to each prompt":             {Head{N: 3, MaxOutputTokens: 10, Prompts: 2}, 0, 60},
		"neither says":               {Head{N: 1}, 0, 0},
		"beyond what can be counted": {Head{N: maxCount, MaxOutputTokens: maxCount, Prompts: maxCount}, 0, 0},
	} {
		if got, ok := BoundOutput(c.head, c.most); got != c.want || ok != (c.want > 0) {
			t.Errorf("%s: %d, %t", name, got, ok)
		}
	}
}

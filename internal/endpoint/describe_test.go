package endpoint

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestDescribeJoinsFiles(t *testing.T) {
	files := fstest.MapFS{
		"openapi/a.yaml":     {Data: []byte("tags: [{name: A}]\npaths: {/a: {get: {summary: one}}}\ncomponents: {schemas: {A: {type: string}}}\n")},
		"openapi/b.yaml":     {Data: []byte("openapi: 3.1.0\ntags: [{name: B}]\npaths: {/b: {get: {summary: two}}}\ncomponents: {schemas: {B: {type: string}}}\n")},
		"openapi/ignored.md": {Data: []byte("- nothing")},
	}
	got, err := Describe(files)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"components":{"schemas":{"A":{"type":"string"},"B":{"type":"string"}}},"openapi":"3.1.0",` +
		`"paths":{"/a":{"get":{"summary":"one"}},"/b":{"get":{"summary":"two"}}},"tags":[{"name":"A"},{"name":"B"}]}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestDescribeRefuses(t *testing.T) {
	for want, files := range map[string]fstest.MapFS{
		"openapi/b.yaml: paths: /a: get: summary is said twice": {
			"openapi/a.yaml": {Data: []byte("paths: {/a: {get: {summary: one}}}")},
			"openapi/b.yaml": {Data: []byte("paths: {/a: {get: {summary: two}}}")},
		},
		"no operations in 0 files": {},
		"openapi/a.yaml: ":         {"openapi/a.yaml": {Data: []byte("paths: [")}},
	} {
		if _, err := Describe(files); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

package endpoint

import (
	"reflect"
	"strings"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// checkKnown refuses members of a body that t has no field for. A misspelt
// restriction that is passed over leaves what it was to restrict wide open.
// body was decoded into t before, so it is valid and of the right shape.
func checkKnown(body []byte, t reflect.Type) error {
	return known(gjson.ParseBytes(body), t, "")
}

func known(v gjson.Result, t reflect.Type, path string) error {
	if isOptional(t) {
		t = t.Field(2).Type
	}
	var err error
	switch {
	case t.Kind() == reflect.Slice && v.IsArray():
		i := 0
		v.ForEach(func(_, item gjson.Result) bool {
			err = known(item, t.Elem(), indexed(path, i))
			i++
			return err == nil
		})
	case t.Kind() == reflect.Struct && v.IsObject():
		fields := map[string]reflect.Type{}
		collect(fields, t)
		v.ForEach(func(key, value gjson.Result) bool {
			at := join(path, key.Str)
			field, ok := fields[key.Str]
			if !ok {
				err = fault.Invalidf("unknown_parameter", at, "Unknown parameter: '%s'.", at)
				return false
			}
			err = known(value, field, at)
			return err == nil
		})
	}
	return err
}

// collect gathers the members that t takes, by name.
func collect(fields map[string]reflect.Type, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			collect(fields, f.Type)
			continue
		}
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			fields[name] = f.Type
		}
	}
}

package endpoint

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"weir/internal/fault"
)

// Decode reads a JSON body into a struct. Every mistake names the field it is
// about, dotted and indexed (projects[0].id), in the words of OpenAI's API.
//
// Fields are matched by their json tag; `required:"true"` refuses a body
// without the field or with null. Unknown fields are passed over, duplicate
// ones refused: parsers disagree on which of them counts. An empty body is an
// empty object. Fields may be strings, booleans, integers, optional.Value,
// structs, slices, maps of strings, and json.RawMessage.
func Decode[In any](body []byte) (In, error) {
	var in In
	if len(strings.TrimSpace(string(body))) == 0 {
		body = []byte("{}")
	}
	if !utf8.Valid(body) || deeperThan(maxDepth, body) || !gjson.ValidBytes(body) {
		return in, errNotJSON()
	}
	err := decode(gjson.ParseBytes(body), reflect.ValueOf(&in).Elem(), "")
	return in, err
}

// maxDepth bounds how deep a body may be nested. The deepest that any endpoint
// reads has four levels; a megabyte of opening brackets would cost a hundred of
// stack.
const maxDepth = 64

// deeperThan reports whether brackets in body nest deeper than limit. It may be
// asked about bytes that are no JSON.
func deeperThan(limit int, body []byte) bool {
	depth, quoted := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[', c == '{':
			if depth++; depth > limit {
				return true
			}
		case c == ']', c == '}':
			depth--
		}
	}
	return false
}

func errNotJSON() error {
	return fault.Invalidf("", "", "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library correctly. The body must be one valid JSON object in UTF-8.)")
}

// isOptional reports whether t is an optional.Value, which is recognised by its
// shape, so that its value gets a path of its own in errors.
func isOptional(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t.NumField() == 3 &&
		t.Field(0).Name == "Sent" && t.Field(1).Name == "Null" && t.Field(2).Name == "V"
}

func decode(v gjson.Result, dst reflect.Value, path string) error {
	switch {
	case isOptional(dst.Type()):
		dst.Field(0).SetBool(true)
		if v.Type == gjson.Null {
			dst.Field(1).SetBool(true)
			return nil
		}
		return decode(v, dst.Field(2), path)
	case dst.Type() == reflect.TypeFor[json.RawMessage]():
		dst.SetBytes([]byte(v.Raw))
		return nil
	}
	switch dst.Kind() {
	case reflect.String:
		if v.Type != gjson.String {
			return errType(path, "a string", v)
		}
		if err := checkText(path, v.Str); err != nil {
			return err
		}
		dst.SetString(v.Str)
	case reflect.Bool:
		if v.Type != gjson.True && v.Type != gjson.False {
			return errType(path, "a boolean", v)
		}
		dst.SetBool(v.Type == gjson.True)
	case reflect.Int, reflect.Int64:
		return decodeInt(v, dst, path)
	case reflect.Slice:
		if !v.IsArray() {
			return errType(path, "an array", v)
		}
		return decodeSlice(v, dst, path)
	case reflect.Map:
		if !v.IsObject() {
			return errType(path, "an object", v)
		}
		return decodeMap(v, dst, path)
	case reflect.Struct:
		if !v.IsObject() {
			return errType(path, "an object", v)
		}
		return decodeStruct(v, dst, path)
	default:
		panic(fmt.Sprintf("endpoint: a body cannot hold %s", dst.Type()))
	}
	return nil
}

func decodeInt(v gjson.Result, dst reflect.Value, path string) error {
	if v.Type != gjson.Number {
		return errType(path, "an integer", v)
	}
	whole, err := json.Number(v.Raw).Int64()
	if err != nil {
		if strings.ContainsAny(v.Raw, ".eE") {
			return errType(path, "an integer", v)
		}
		if strings.HasPrefix(v.Raw, "-") {
			return fault.Invalidf("integer_below_min_value", path, "Invalid '%s': the number is too small.", path)
		}
		return fault.Invalidf("integer_above_max_value", path, "Invalid '%s': the number is too large.", path)
	}
	dst.SetInt(whole)
	return nil
}

func decodeSlice(v gjson.Result, dst reflect.Value, path string) error {
	items := v.Array()
	out := reflect.MakeSlice(dst.Type(), len(items), len(items))
	for i, item := range items {
		if err := decode(item, out.Index(i), indexed(path, i)); err != nil {
			return err
		}
	}
	dst.Set(out)
	return nil
}

func decodeMap(v gjson.Result, dst reflect.Value, path string) error {
	out := reflect.MakeMap(dst.Type())
	err := eachField(v, path, func(key string, value gjson.Result) error {
		item := reflect.New(dst.Type().Elem()).Elem()
		if err := decode(value, item, join(path, key)); err != nil {
			return err
		}
		out.SetMapIndex(reflect.ValueOf(key), item)
		return nil
	})
	dst.Set(out)
	return err
}

func decodeStruct(v gjson.Result, dst reflect.Value, path string) error {
	given := map[string]gjson.Result{}
	if err := eachField(v, path, func(key string, value gjson.Result) error {
		given[key] = value
		return nil
	}); err != nil {
		return err
	}
	return fillStruct(given, dst, path)
}

// fillStruct sets dst's fields in their order, so that of several mistakes the
// first field's is named; embedded structs are part of the same object.
func fillStruct(given map[string]gjson.Result, dst reflect.Value, path string) error {
	t := dst.Type()
	for i := range t.NumField() {
		field := t.Field(i)
		if field.Anonymous {
			if err := fillStruct(given, dst.Field(i), path); err != nil {
				return err
			}
			continue
		}
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		value, ok := given[name]
		required := field.Tag.Get("required") == "true"
		switch {
		case name == "", name == "-", !ok && !required:
			continue
		case !ok, required && value.Type == gjson.Null:
			return fault.MissingParam(join(path, name))
		case value.Type == gjson.Null && !isOptional(field.Type):
			continue // null for a field that has no null is the field left out
		}
		if err := decode(value, dst.Field(i), join(path, name)); err != nil {
			return err
		}
	}
	return nil
}

// checkText refuses what no text of weir's may hold: bytes that are not UTF-8,
// and NUL, which PostgreSQL cannot store.
func checkText(path, s string) error {
	if utf8.ValidString(s) && !strings.Contains(s, "\x00") {
		return nil
	}
	return fault.Invalidf("invalid_value", path, "Invalid '%s': it holds bytes that are no text.", path)
}

// eachField calls fn with every member of an object, refusing a repeated key.
func eachField(object gjson.Result, path string, fn func(key string, value gjson.Result) error) error {
	seen := map[string]bool{}
	var err error
	object.ForEach(func(key, value gjson.Result) bool {
		if seen[key.Str] {
			err = fault.Duplicate(join(path, key.Str))
			return false
		}
		seen[key.Str] = true
		err = fn(key.Str, value)
		return err == nil
	})
	return err
}

func indexed(path string, i int) string { return fmt.Sprintf("%s[%d]", path, i) }

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// errType says what was expected and what came, in OpenAI's words.
func errType(path, want string, got gjson.Result) error {
	if path == "" {
		return errNotJSON()
	}
	return fault.WrongType(path, want, typeName(got))
}

func typeName(v gjson.Result) string {
	switch {
	case v.Type == gjson.String:
		return "a string"
	case v.Type == gjson.True, v.Type == gjson.False:
		return "a boolean"
	case v.Type == gjson.Null:
		return "null"
	case v.Type == gjson.Number && strings.ContainsAny(v.Raw, ".eE"):
		return "a decimal"
	case v.Type == gjson.Number:
		return "an integer"
	case v.IsArray():
		return "an array"
	}
	return "an object"
}

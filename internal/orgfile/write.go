package orgfile

import (
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// plainText is text that needs no quotes in any YAML, unless it is a word with a
// meaning. What is not surely so is quoted.
var plainText = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_@./+-]*( [A-Za-z0-9_@./+-]+)*$`)

// Write returns the file as canonical YAML: fields in the order of the shape, the
// unset ones left out, lists as they are. Reading it gives the file again.
func Write(f File) []byte {
	var out strings.Builder
	writeFields(&out, "", reflect.ValueOf(f))
	return []byte(out.String())
}

func writeFields(out *strings.Builder, indent string, v reflect.Value) {
	first := true
	for i, name := range fieldNames(v.Type()) {
		field := v.Field(i)
		if field.IsZero() || field.Kind() == reflect.Slice && field.Len() == 0 && field.Type().Elem().Kind() == reflect.Struct {
			continue
		}
		if field.Kind() == reflect.Pointer {
			field = field.Elem()
		}
		if !first {
			out.WriteString(indent)
		}
		first = false
		out.WriteString(name + ":")
		switch field.Kind() {
		case reflect.Struct:
			out.WriteString("\n" + indent + "  ")
			writeFields(out, indent+"  ", field)
		case reflect.Bool:
			fmt.Fprintf(out, " %t\n", field.Bool())
		case reflect.Slice:
			if field.Len() == 0 {
				out.WriteString(" []\n")
				continue
			}
			out.WriteByte('\n')
			for j := range field.Len() {
				out.WriteString(indent + "  - ")
				if item := field.Index(j); item.Kind() == reflect.Struct {
					writeFields(out, indent+"    ", item)
				} else {
					out.WriteString(quoted(item.String()) + "\n")
				}
			}
		case reflect.Int, reflect.Int64:
			fmt.Fprintf(out, " %d\n", field.Int())
		default:
			out.WriteString(" " + quoted(field.String()) + "\n")
		}
	}
}

// quoted is a text as it stands in YAML, on one line.
func quoted(s string) string {
	if isPlain(s) {
		return s
	}
	var out strings.Builder
	out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out.WriteByte('\\')
			out.WriteRune(r)
		case r == '\n':
			out.WriteString(`\n`)
		case r == '\t':
			out.WriteString(`\t`)
		case unicode.IsPrint(r):
			out.WriteRune(r)
		case r < 0x100:
			out.WriteString(`\x` + hex(r, 2))
		case r < 0x10000:
			out.WriteString(`\u` + hex(r, 4))
		default:
			out.WriteString(`\U` + hex(r, 8))
		}
	}
	out.WriteByte('"')
	return out.String()
}

func hex(r rune, digits int) string {
	s := strconv.FormatInt(int64(r), 16)
	return strings.Repeat("0", digits-len(s)) + s
}

package scim

import (
	"encoding/json"
	"strings"
	"time"
)

// The bounds of a filter. maxDepth counts what is nested in parentheses,
// brackets and negations; maxTerms the comparisons.
const (
	maxFilter = 8 << 10 // bytes
	maxDepth  = 20
	maxTerms  = 100
)

// parser reads filters and paths (RFC 7644, figures 1 and 7). Names and words
// are taken in letters of any case.
type parser struct {
	rest   string
	token  string // "" at the end
	isText bool   // the token is a JSON string
	depth  int
	terms  int
	refuse func(format string, args ...any) error
}

// parseFilter reads a whole filter.
func parseFilter(text string) (filter, error) {
	p := &parser{rest: text, refuse: invalidFilter}
	if len(text) > maxFilter {
		return nil, invalidFilter("The filter is longer than %d bytes.", maxFilter)
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	f, err := p.disjunction("")
	if err != nil {
		return nil, err
	}
	if p.token != "" || p.isText {
		return nil, p.unexpected()
	}
	return f, nil
}

// path is what a step of a PATCH is about: an attribute, those of its values
// that a condition holds for, a part of them.
type path struct {
	attribute
	values filter // nil: all of them
}

// parsePath reads a whole path.
func parsePath(text string) (path, error) {
	if len(text) > maxFilter {
		return path{}, invalidPath("The path is longer than %d bytes.", maxFilter)
	}
	p := &parser{rest: text, refuse: invalidPath}
	if err := p.next(); err != nil {
		return path{}, err
	}
	a, err := p.name()
	if err != nil {
		return path{}, err
	}
	out := path{attribute: a}
	if p.token == "[" && !p.isText {
		if out.values, err = p.brackets(a.name); err != nil {
			return path{}, err
		}
		if out.sub, err = p.part(); err != nil {
			return path{}, err
		}
	}
	if p.token != "" || p.isText {
		return path{}, p.unexpected()
	}
	return out, nil
}

func (p *parser) unexpected() error {
	if p.token == "" && !p.isText {
		return p.refuse("It ends too early.")
	}
	return p.refuse("'%s' is not expected there.", brief(p.token))
}

func brief(s string) string {
	if len(s) > 100 {
		s = s[:100] + "…"
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

// next reads one token: a parenthesis or bracket, a string, or a word.
func (p *parser) next() error {
	p.rest = strings.TrimLeft(p.rest, " \t")
	p.token, p.isText = "", false
	if p.rest == "" {
		return nil
	}
	switch p.rest[0] {
	case '(', ')', '[', ']':
		p.token, p.rest = p.rest[:1], p.rest[1:]
		return nil
	case '"':
		return p.text()
	}
	end := strings.IndexAny(p.rest, " \t()[]\"")
	if end < 0 {
		end = len(p.rest)
	}
	p.token, p.rest = p.rest[:end], p.rest[end:]
	return nil
}

func (p *parser) text() error {
	for i := 1; i < len(p.rest); i++ {
		switch p.rest[i] {
		case '\\':
			i++
		case '"':
			if err := json.Unmarshal([]byte(p.rest[:i+1]), &p.token); err != nil {
				return p.refuse("A string is not written as JSON writes it.")
			}
			p.rest, p.isText = p.rest[i+1:], true
			return nil
		}
	}
	return p.refuse("A string does not end.")
}

func (p *parser) is(word string) bool { return !p.isText && strings.EqualFold(p.token, word) }

func (p *parser) nest() error {
	if p.depth++; p.depth > maxDepth {
		return p.refuse("It is nested more than %d levels deep.", maxDepth)
	}
	return nil
}

func (p *parser) disjunction(within string) (filter, error) {
	f, err := p.conjunction(within)
	for err == nil && p.is("or") {
		if err = p.next(); err != nil {
			return nil, err
		}
		var other filter
		other, err = p.conjunction(within)
		f = &either{f, other}
	}
	return f, err
}

func (p *parser) conjunction(within string) (filter, error) {
	f, err := p.term(within)
	for err == nil && p.is("and") {
		if err = p.next(); err != nil {
			return nil, err
		}
		var other filter
		other, err = p.term(within)
		f = &both{f, other}
	}
	return f, err
}

func (p *parser) term(within string) (filter, error) {
	if p.is("not") {
		if err := p.next(); err != nil {
			return nil, err
		}
		if !p.is("(") {
			return nil, p.unexpected()
		}
		f, err := p.parentheses(within)
		return &negation{f}, err
	}
	if p.is("(") {
		return p.parentheses(within)
	}
	return p.comparison(within)
}

func (p *parser) parentheses(within string) (filter, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	f, err := p.disjunction(within)
	if err != nil {
		return nil, err
	}
	if !p.is(")") {
		return nil, p.unexpected()
	}
	p.depth--
	return f, p.next()
}

// brackets reads the condition on the values of an attribute.
func (p *parser) brackets(name string) (filter, error) {
	if err := p.nest(); err != nil {
		return nil, err
	}
	if err := p.next(); err != nil {
		return nil, err
	}
	f, err := p.disjunction(name)
	if err != nil {
		return nil, err
	}
	if !p.is("]") {
		return nil, p.unexpected()
	}
	p.depth--
	return f, p.next()
}

// part reads what may follow a bracket: .value
func (p *parser) part() (string, error) {
	if p.isText || !strings.HasPrefix(p.token, ".") {
		return "", nil
	}
	sub := strings.ToLower(p.token[1:])
	if !isName(sub) {
		return "", p.unexpected()
	}
	return sub, p.next()
}

func (p *parser) comparison(within string) (filter, error) {
	if p.terms++; p.terms > maxTerms {
		return nil, p.refuse("It has more than %d comparisons.", maxTerms)
	}
	a, err := p.name()
	if err != nil {
		return nil, err
	}
	if !p.is("[") {
		return p.operator(a, within)
	}
	if within != "" || a.sub != "" {
		return nil, p.unexpected()
	}
	values, err := p.brackets(a.name)
	if err != nil {
		return nil, err
	}
	// Entra ID asks for a part of the values it has chosen:
	// emails[type eq "work"].value eq "a@example.com"
	sub, err := p.part()
	if err != nil || sub == "" {
		return &someValue{a.name, values}, err
	}
	c, err := p.operator(attribute{name: sub}, a.name)
	return &someValue{a.name, &both{values, c}}, err
}

func (p *parser) operator(a attribute, within string) (filter, error) {
	op := strings.ToLower(p.token)
	if p.isText || !operators[op] {
		return nil, p.unexpected()
	}
	c := &comparison{attribute: a, within: within, op: op}
	if err := p.next(); err != nil || op == opPresent {
		return c, err
	}
	switch {
	case p.isText:
		c.value = p.token
	case p.is("true"), p.is("false"):
		c.value = p.is("true")
	case p.is("null"):
	default:
		var number float64
		if json.Unmarshal([]byte(p.token), &number) != nil {
			return nil, p.unexpected()
		}
		c.value = number
	}
	return c, p.checkValue(c)
}

// checkValue refuses comparisons that say nothing.
func (p *parser) checkValue(c *comparison) error {
	s, isString := c.value.(string)
	if c.op != opEqual && c.op != opNotEqual && !isString {
		return p.refuse("'%s' compares text and times only.", c.op)
	}
	if isString && times[c.fullName()] && c.op != opContains && c.op != opStarts && c.op != opEnds {
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			return p.refuse("'%s' is compared with a time, such as 2026-11-24T12:00:00Z.", c.fullName())
		}
	}
	return p.next()
}

// The schemas of the resources, with which a name may be prefixed.
const (
	userSchema  = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupSchema = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// name reads the name of an attribute.
func (p *parser) name() (attribute, error) {
	if p.isText || p.token == "" {
		return attribute{}, p.unexpected()
	}
	name := strings.ToLower(p.token)
	for _, schema := range []string{userSchema, groupSchema} {
		if rest, ok := strings.CutPrefix(name, strings.ToLower(schema)+":"); ok {
			name = rest
		}
	}
	if strings.HasPrefix(name, "urn:") { // of an extension, none of which weir has
		return attribute{name: name}, p.next()
	}
	head, sub, dotted := strings.Cut(name, ".")
	if !isName(head) || dotted && !isName(sub) {
		return attribute{}, p.unexpected()
	}
	return attribute{head, sub}, p.next()
}

// isName reports whether s, in lower case, can be an attribute (RFC 7643,
// section 2.1).
func isName(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_-$") == ""
}

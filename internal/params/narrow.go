package params

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Narrowed is what share contexts leave of a contract: what a caller whom they bind may send.
type Narrowed struct {
	// Schema is a JSON Schema (draft 2020-12) of the object parameter_values. Together with the formats int64 and decimal
	// and the bounds formatMinimum and formatMaximum it accepts exactly what [Contract.Bind] accepts under the same
	// contexts, for values in canonical spelling. It describes values that are given; null means one left out.
	Schema json.RawMessage

	// Params are the parameters in the order in which they are bound.
	Params []NarrowedParam

	// Satisfiable is false when the contexts leave a parameter no value: no call can succeed then.
	Satisfiable bool

	// Example is a JSON object that Bind accepts under the same contexts: the definitions' examples, and what must be given
	// beside them. It is nil when none is known, as where a pattern must match and nothing says what does.
	Example json.RawMessage
}

// NarrowedParam is one parameter as contexts leave it.
type NarrowedParam struct {
	Name     string
	Type     source.ParamType // of the value, or of an array's items
	Array    bool
	Required bool            // it must be given: by its definition, or since leaving it out would escape a context
	Pinned   json.RawMessage // the value, or array, that is taken when it is left out, and the only one; nil: not pinned
	Limited  bool            // a context says something of it
}

// Narrow returns the contract as the contexts leave it, combined by intersection. The contexts must not be changed once they have
// been passed in.
func (c *Contract) Narrow(contexts ...ShareContext) Narrowed {
	restrictions := c.restrictions(contexts)
	narrowed := Narrowed{Params: make([]NarrowedParam, 0, len(c.params)), Satisfiable: true}
	list := make([]member, 0, len(c.params))
	for i := range c.params {
		limits := c.limits(i, restrictions)
		list = append(list, limits.member())
		narrowed.Params = append(narrowed.Params, limits.describe())
		if limits.never && !limits.omittable {
			narrowed.Satisfiable = false
		}
	}
	narrowed.Example = c.example(list, narrowed.Params, contexts)
	var err error
	if narrowed.Schema, err = document(list); err != nil {
		panic(err) // it holds what compiling has marshalled before
	}
	return narrowed
}

// limits is one parameter under all restrictions.
type limits struct {
	*parameter
	rules     valueRules
	limited   bool
	never     bool             // no value is allowed
	omittable bool             // it may be left out
	pin       *source.Argument // bound when it is left out, and the only value allowed
	allowed   func(source.Argument) bool
}

func (c *Contract) limits(i int, restrictions []restriction) limits {
	l := limits{parameter: &c.params[i], rules: c.params[i].rules}
	l.allowed = func(v source.Argument) bool { return l.allowsAll(restrictions, i, v) }
	var lists [][]source.Argument
	if len(l.rules.enum) > 0 {
		lists = append(lists, l.rules.enum)
	}
	for _, restriction := range restrictions {
		allowance := restriction[i]
		if allowance == nil {
			continue
		}
		l.limited = true
		l.never = l.never || allowance.nothing
		if allowance.listed {
			lists = append(lists, allowance.list)
		}
		l.rules.minimum = stricter(l.rules.minimum, allowance.minimum, 1)
		l.rules.maximum = stricter(l.rules.maximum, allowance.maximum, -1)
	}
	l.omittable = !l.Required
	if l.limited {
		l.narrowValues(lists, restrictions, i)
		l.omittable = l.fallback != nil && l.allowed(*l.fallback)
		if value, ok := onlyAllowed(restrictions, i); ok {
			l.pinTo(value)
		}
	}
	return l
}

// narrowValues leaves of the values that are listed somewhere those that all allow.
func (l *limits) narrowValues(lists [][]source.Argument, restrictions []restriction, i int) {
	if len(lists) > 0 {
		listed := slices.Clone(lists[len(lists)-1]) // of a context, if one has a list: its values have passed the enum
		l.rules.enum = slices.DeleteFunc(listed, func(v source.Argument) bool { return !allowedByAll(restrictions, i, v) })
		l.rules.minimum, l.rules.maximum = nil, nil
		l.never = l.never || len(l.rules.enum) == 0
	}
	if lower, upper := l.rules.minimum, l.rules.maximum; lower != nil && upper != nil && compare(*lower, *upper) > 0 {
		l.never = true
	}
	if l.Array && *l.MaxItems < 1 {
		l.never = true // an empty array would escape the context
	}
}

func (l *limits) pinTo(value source.Argument) {
	if !l.Array {
		l.pin, l.omittable = &value, true
		return
	}
	fits := (l.MinItems == nil || *l.MinItems <= 1) && *l.MaxItems >= 1
	l.omittable = fits
	if fits {
		l.pin = &source.Argument{Type: value.Type, Array: true, Items: []source.Argument{value}}
	}
}

// allowsAll reports whether a whole value passes all restrictions.
func (l *limits) allowsAll(restrictions []restriction, i int, v source.Argument) bool {
	if !v.Array {
		return allowedByAll(restrictions, i, v)
	}
	return len(v.Items) > 0 && !slices.ContainsFunc(v.Items, func(item source.Argument) bool { return !allowedByAll(restrictions, i, item) })
}

// stricter returns the bound that leaves less; side is 1 for a lower and -1 for an upper one.
func stricter(a, b *source.Argument, side int) *source.Argument {
	if a == nil || b != nil && side*compare(*a, *b) < 0 {
		return b
	}
	return a
}

func (l *limits) member() member {
	p := l.Param
	if !l.limited {
		return member{p.Name, propertyOf(p, l.rules), p.Required}
	}
	if len(l.rules.enum) > 0 { // the values say more than the rules that they have passed
		p.Pattern, p.MinLength, p.MaxLength = "", nil, nil
	}
	if l.fallback == nil || !l.allowed(*l.fallback) {
		p.Default = nil
	}
	if l.sample == nil || !l.allowed(*l.sample) {
		p.Example = nil
	}
	if p.Array && (p.MinItems == nil || *p.MinItems < 1) {
		p.MinItems = new(1)
	}
	if l.pin != nil {
		p.Default = appendValue(nil, *l.pin)
	}
	schema := propertyOf(p, l.rules)
	value := schema
	if p.Array {
		value = schema.Items
	}
	if len(value.Enum) == 1 {
		value.Const, value.Enum = value.Enum[0], nil
	}
	if l.never {
		schema.Not = new(struct{})
	}
	return member{p.Name, schema, !l.omittable}
}

func (l *limits) describe() NarrowedParam {
	described := NarrowedParam{
		Name: l.Name, Type: l.Type, Array: l.Array, Required: !l.omittable, Limited: l.limited,
	}
	if l.pin != nil {
		described.Pinned = appendValue(nil, *l.pin)
	}
	return described
}

// example makes up a request, and returns it if binding accepts it.
func (c *Contract) example(list []member, described []NarrowedParam, contexts []ShareContext) json.RawMessage {
	text := []byte{'{'}
	for i, m := range list {
		var value json.RawMessage
		switch {
		case len(m.schema.Examples) > 0:
			value = m.schema.Examples[0]
		case described[i].Required:
			value = m.schema.sample(c.params[i].Type)
		default:
			continue
		}
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "%q:%s", m.name, value)
	}
	text = append(text, '}')
	if _, err := c.Bind(text, contexts...); err != nil {
		return nil
	}
	return text
}

// sample is a value that the schema of a parameter may accept.
func (p *property) sample(t source.ParamType) json.RawMessage {
	switch {
	case p.Items != nil:
		count := 1
		if p.MinItems != nil {
			count = max(1, *p.MinItems)
		}
		item := string(p.Items.sample(t))
		return json.RawMessage("[" + strings.Repeat(item+",", count-1) + item + "]")
	case p.Const != nil:
		return p.Const
	case len(p.Enum) > 0:
		return p.Enum[0]
	}
	for _, bound := range []json.RawMessage{p.Minimum, p.NotBefore, p.Maximum, p.NotAfter} {
		if bound != nil {
			return bound
		}
	}
	length := 1
	if p.MinLength != nil {
		length = max(1, *p.MinLength)
	}
	return json.RawMessage(map[source.ParamType]string{
		source.ParamString: `"` + strings.Repeat("a", min(length, dataapi.MaxEcho)) + `"`, source.ParamInteger: "1",
		source.ParamDecimal: "1.5", source.ParamBoolean: "true", source.ParamDate: `"2026-01-31"`,
		source.ParamTimestamp: `"2026-01-31T10:30:00Z"`, source.ParamUUID: `"0f8fad5b-d9cb-469f-a165-70867728950e"`,
	}[t])
}

package params

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/source"
)

// definitionCheck collects the faults of one definition.
type definitionCheck struct {
	param  Param
	faults []DefinitionFault
	items  int // of a list, that are at fault
}

func (c *definitionCheck) report(field string, index int, message string) {
	c.faults = append(c.faults, DefinitionFault{c.param.Name, field, index, message})
}

// reportItem reports an entry of a list, as long as not too many others are at fault already.
func (c *definitionCheck) reportItem(field string, index int, message string) {
	if c.items++; c.items <= maxFaults {
		c.report(field, index, message)
	}
}

// reportMore counts the entries at fault that reportItem has left out, and begins again.
func (c *definitionCheck) reportMore(field string) {
	if c.items > maxFaults {
		c.report(field, -1, unlisted(c.items-maxFaults))
	}
	c.items = 0
}

// fields checks that each field is allowed for the type and sound by itself, and reads the rules on values.
func (c *definitionCheck) fields() valueRules {
	p := c.param
	if !ValidName(p.Name) {
		c.report("name", -1, "must be "+NameRule)
	}
	if _, known := schemaTypes[p.Type]; !known {
		c.report("type", -1, fmt.Sprintf("must be one of %s; got %q", typeNames(), p.Type))
		return valueRules{} // without a type nothing else can be judged
	}
	if p.Required && p.Default != nil {
		c.report("default", -1, "must not be given with required: a required parameter never falls back to a default")
	}
	c.json("default", p.Default)
	c.json("example", p.Example)
	other, length := "", ""
	if ordered(p.Type) {
		other = fmt.Sprintf("; for %s there are minimum and maximum", p.Type)
	}
	if p.Type == source.ParamString {
		length = "; for the length of a string there are min_length and max_length"
	}
	c.lengths("min_length", "max_length", p.MinLength, p.MaxLength, p.Type == source.ParamString, "type string only"+other)
	c.lengths("min_items", "max_items", p.MinItems, p.MaxItems, p.Array, "an array only"+length)
	rules := valueRules{
		minimum: c.bound("minimum", p.Minimum), maximum: c.bound("maximum", p.Maximum),
		minLength: p.MinLength, maxLength: p.MaxLength, pattern: c.pattern(),
	}
	rules.enum, rules.members = c.enum()
	if rules.minimum != nil && rules.maximum != nil && compare(*rules.minimum, *rules.maximum) > 0 {
		c.report("minimum", -1, fmt.Sprintf("must not be above maximum: %s > %s", rules.minimum.Text, rules.maximum.Text))
	}
	return rules
}

// json checks that a value is one that can be judged.
func (c *definitionCheck) json(field string, value json.RawMessage) {
	switch {
	case value == nil:
	case !jsontext.Value(value).IsValid():
		c.report(field, -1, "is not valid JSON"+got(literal{'0', string(value)}))
	case jsontext.Value(value).Kind() == 'n':
		c.report(field, -1, "must not be null: leave it out instead")
	}
}

func typeNames() string {
	var names []string
	for _, t := range source.ParamTypes() {
		names = append(names, string(t))
	}
	return strings.Join(names, ", ")
}

func (c *definitionCheck) lengths(minField, maxField string, least, most *int, applies bool, to string) {
	for _, length := range []struct {
		field string
		value *int
	}{{minField, least}, {maxField, most}} {
		switch {
		case length.value == nil:
		case !applies:
			c.report(length.field, -1, "is allowed for a parameter of "+to)
		case *length.value < 0:
			c.report(length.field, -1, fmt.Sprintf("must be at least 0; got %d", *length.value))
		}
	}
	if applies && least != nil && most != nil && *least > *most {
		c.report(minField, -1, fmt.Sprintf("must not be above %s: %d > %d", maxField, *least, *most))
	}
}

func (c *definitionCheck) pattern() *regexp.Regexp {
	if c.param.Pattern == "" {
		return nil
	}
	if c.param.Type != source.ParamString {
		c.report("pattern", -1, "is allowed for a parameter of type string only")
		return nil
	}
	compiled, err := regexp.Compile(c.param.Pattern)
	if err != nil {
		c.report("pattern", -1, fmt.Sprintf("must be a regular expression in RE2 syntax: %v", err))
	}
	return compiled
}

func (c *definitionCheck) enum() (values []source.Argument, members map[string]struct{}) {
	switch listed := len(c.param.Enum); {
	case c.param.Enum == nil:
		return nil, nil
	case listed == 0:
		c.report("enum", -1, "must list at least one value; leave it out to allow any")
		return nil, nil
	case listed > MaxListed:
		c.report("enum", -1, tooManyListed(listed))
		return nil, nil
	}
	members = make(map[string]struct{}, len(c.param.Enum))
	first := make(map[string]int, len(c.param.Enum))
	for i, raw := range c.param.Enum {
		value, problem := readRaw(c.param.Type, raw)
		if problem != "" {
			c.reportItem("enum", i, problem)
			continue
		}
		if at, twice := first[key(value)]; twice {
			c.reportItem("enum", i, fmt.Sprintf("repeats the value at index %d: %s", at, show(value)))
			continue
		}
		first[key(value)] = i
		members[key(value)] = struct{}{}
		values = append(values, value)
	}
	c.reportMore("enum")
	return values, members
}

func (c *definitionCheck) bound(field string, raw json.RawMessage) *source.Argument {
	if raw == nil {
		return nil
	}
	if !ordered(c.param.Type) {
		message := unordered(c.param.Type)
		if c.param.Type == source.ParamString {
			message += "; for its length there are min_length and max_length"
		}
		c.report(field, -1, message)
		return nil
	}
	value, problem := readRaw(c.param.Type, raw)
	if problem != "" {
		c.report(field, -1, problem)
		return nil
	}
	return &value
}

// unordered refuses a bound.
func unordered(t source.ParamType) string {
	return fmt.Sprintf("is allowed for a parameter of type integer, decimal, date or timestamp only; this one is a %s", t)
}

// readRaw reads one scalar that is alone, as definitions and share contexts have it.
func readRaw(t source.ParamType, raw json.RawMessage) (source.Argument, string) {
	if !jsontext.Value(raw).IsValid() {
		return source.Argument{}, "is not valid JSON" + got(literal{'0', string(raw)})
	}
	text := strings.TrimSpace(string(raw))
	l := literal{jsontext.Value(text).Kind(), text}
	if l.kind == '"' {
		unquoted, err := jsontext.AppendUnquote(nil, text)
		if err != nil {
			return source.Argument{}, "is not valid JSON" + got(literal{'0', text})
		}
		l.text = string(unquoted)
	}
	return readScalar(t, l)
}

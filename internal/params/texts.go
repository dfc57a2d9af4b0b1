package params

import (
	"encoding/json"
	"maps"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// FromTexts writes values that came as texts, such as those of a URL's query, as the parameter_values that mean the same, for
// [Contract.Bind] to judge. An array has an item for each text of its name. A text becomes a number or a boolean where its
// parameter is of such a type and it is written as JSON writes one; every other text stays a string. What cannot be a value,
// such as two texts for a parameter that is no array, is handed on for Bind to refuse in its own words.
//
// Texts must be UTF-8.
func (c *Contract) FromTexts(texts map[string][]string) json.RawMessage {
	values := []byte{'{'}
	for n, name := range slices.Sorted(maps.Keys(texts)) {
		if n > 0 {
			values = append(values, ',')
		}
		values = appendText(values, name)
		values = append(values, ':')
		i, known := c.index[name]
		var param Param
		if known {
			param = c.params[i].Param
		}
		given := texts[name]
		if len(given) == 1 && !param.Array {
			values = appendTyped(values, param.Type, given[0])
			continue
		}
		values = append(values, '[')
		for n, text := range given {
			if n > 0 {
				values = append(values, ',')
			}
			values = appendTyped(values, param.Type, text)
		}
		values = append(values, ']')
	}
	return append(values, '}')
}

// appendTyped appends a text as JSON of a type.
func appendTyped(dst []byte, t source.ParamType, text string) []byte {
	switch t {
	case source.ParamInteger, source.ParamDecimal:
		if plainJSON(text, '0') {
			return append(dst, text...)
		}
	case source.ParamBoolean:
		if plainJSON(text, 't') || plainJSON(text, 'f') {
			return append(dst, text...)
		}
	}
	return appendText(dst, text)
}

// plainJSON reports whether a text is one JSON value of a kind, with nothing around it.
func plainJSON(text string, kind jsontext.Kind) bool {
	value := jsontext.Value(text)
	if value.Kind() != kind || !value.IsValid() {
		return false
	}
	last := text[len(text)-1]
	return text[0] > ' ' && last > ' '
}

func appendText(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, text) // its only error is invalid UTF-8
	return dst
}

// ToTexts writes parameter_values as the texts of which [Contract.FromTexts] makes the same, for a URL. What is null is left out, as it
// means the same. It fails with dataapi.CodeInvalidParameter, with a fault for each value that no texts can give. Whether a value
// is right is for [Contract.Bind] to say.
func (c *Contract) ToTexts(values json.RawMessage) (map[string][]string, error) {
	if len(values) == 0 {
		return nil, nil
	}
	var members map[string]jsontext.Value
	if err := jsonv2.Unmarshal(values, &members); err != nil {
		return nil, invalidText(err)
	}
	texts, refusal := make(map[string][]string, len(members)), &dataapi.Error{Code: dataapi.CodeInvalidParameter}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := members[name]
		if value.Kind() == 'n' {
			continue
		}
		items := []jsontext.Value{value}
		ok := value.Kind() != '[' || jsonv2.Unmarshal(value, &items) == nil && len(items) > 0
		for _, item := range items {
			text, written := toText(item)
			texts[name], ok = append(texts[name], text), ok && written
		}
		if !ok {
			refusal.Faults = append(refusal.Faults, dataapi.Fault{
				Parameter: name, Code: dataapi.CodeInvalidParameter, Detail: "cannot be written in a URL, which has texts, and arrays of at least one",
			})
		}
	}
	if len(refusal.Faults) > 0 {
		return nil, refusal
	}
	return texts, nil
}

func toText(value jsontext.Value) (text string, ok bool) {
	switch value.Kind() {
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		return string(unquoted), err == nil
	case '0', 't', 'f':
		return string(value), true
	}
	return "", false
}

// SensitiveAmong returns those of the names that belong to sensitive parameters, in the contract's order.
func (c *Contract) SensitiveAmong(texts map[string][]string) (names []string) {
	for i := range c.params {
		if _, given := texts[c.params[i].Name]; given && c.params[i].Sensitive {
			names = append(names, c.params[i].Name)
		}
	}
	return names
}

package params

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

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

// SensitiveAmong returns those of the names that belong to sensitive parameters, in the contract's order.
func (c *Contract) SensitiveAmong(texts map[string][]string) (names []string) {
	for i := range c.params {
		if _, given := texts[c.params[i].Name]; given && c.params[i].Sensitive {
			names = append(names, c.params[i].Name)
		}
	}
	return names
}

package document

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// fields is a map of the YAML whose keys have been checked.
type fields struct {
	*Report
	at   Place
	path string // of the map, for error messages; empty for the whole document
	by   map[string]member
}

// fieldsOf reads a map with fixed keys. A node that is no map, and a key that is not allowed, are reported; a key without
// a value counts as left out.
func (r *Report) fieldsOf(n *node, path string, allowed ...string) fields {
	f := fields{Report: r, at: n.Place, path: path, by: make(map[string]member)}
	for _, member := range r.membersOf(n, path) {
		switch {
		case !slices.Contains(allowed, member.key):
			r.FaultAllowing(member.Place, allowed, "%s%s", inPath(path), unknownKey(member.key, allowed))
		case member.value.kind != nullNode:
			f.by[member.key] = member
		}
	}
	return f
}

// membersOf reads a map with free keys.
func (r *Report) membersOf(n *node, path string) []member {
	if n.kind == nullNode {
		return nil
	}
	if n.kind != mapNode {
		name := path
		if name == "" {
			name = "the YAML"
		}
		r.Fault(n.Place, "%s must be a map of keys and values%s; got %s", name, mapExample(path, n), n.describe())
		return nil
	}
	return n.members
}

// mapExamples show how the maps are written that are most often written otherwise.
var mapExamples = map[string]string{
	"params": "{ region: { type: string } }", "limits": "{ timeout: 5s }", "columns": "{ total: { type: decimal, scale: 2 } }",
	"chart": "{ type: line, x: month, y: [total] }",
	"share": "{ globex: {} }", "users": "{ erp: { policies: [DataAPIConsumer] } }", "callbacks": "{ hosts: [hooks.example.com] }",
	"policies": "{ Reader: { grants: [{ actions: [data_api:execute] }] } }",
}

func mapExample(path string, n *node) string {
	example := mapExamples[path]
	if parent, name, below := strings.Cut(path, "."); below && n.kind == scalarNode && !strings.Contains(name, ".") {
		switch parent {
		case "params", "columns":
			example = "{ type: " + n.text + " }"
		case "users":
			example = "{ policies: [" + n.text + "] }"
		}
	}
	if example == "" {
		return ""
	}
	return " such as " + dataapi.Echo(example)
}

func inPath(path string) string {
	if path == "" {
		return ""
	}
	return "in " + path + ": "
}

// name is the path of a key of this map.
func (f fields) name(key string) string {
	if f.path == "" {
		return key
	}
	return f.path + "." + key
}

func (f fields) has(key string) bool {
	_, ok := f.by[key]
	return ok
}

// placeOf is where the value of a key is, or the map when it has no such key.
func (f fields) placeOf(key string) Place {
	if member, ok := f.by[key]; ok {
		return member.value.Place
	}
	return f.at
}

// text returns a text, or "" when it is left out.
func (f fields) text(key string) string {
	member, ok := f.by[key]
	if !ok {
		return ""
	}
	return f.textOf(member.value, f.name(key))
}

func (r *Report) textOf(n *node, name string) string {
	if n.kind != scalarNode {
		r.Fault(n.Place, "%s must be text; got %s", name, n.describe())
		return ""
	}
	return n.text
}

func (f fields) boolean(key string, otherwise bool) bool {
	value, sound := f.readBoolean(key, otherwise)
	if !sound {
		return otherwise
	}
	return value
}

// active returns the key active, which is true when it is left out. One that is neither true nor false is reported, and is
// false: an author who writes `active: no` does not mean that somebody keeps access.
func (f fields) active() bool {
	value, sound := f.readBoolean("active", true)
	return value && sound
}

func (f fields) readBoolean(key string, otherwise bool) (value, sound bool) {
	member, ok := f.by[key]
	if !ok {
		return otherwise, true
	}
	if value := member.value; value.kind == scalarNode && !value.quoted && (value.text == "true" || value.text == "false") {
		return value.text == "true", true
	}
	f.FaultAllowing(member.value.Place, []string{"true", "false"},
		"%s must be true or false; got %s%s", f.name(key), member.value.describe(), valueMeant(member.value, "true", "false"))
	return false, false
}

// integer returns a whole number between least and most, or nil when it is left out or at fault.
func (f fields) integer(key string, least, most int) *int {
	member, ok := f.by[key]
	if !ok {
		return nil
	}
	value := member.value
	if value.kind == scalarNode && !value.quoted {
		if number, err := strconv.Atoi(value.text); err == nil && number >= least && number <= most {
			return &number
		}
	}
	f.Fault(value.Place, "%s must be a whole number from %d to %d; got %s", f.name(key), least, most, value.describe())
	return nil
}

// duration returns a time span above zero and up to most. Beyond says what to do for a longer one; "" for nothing.
func (f fields) duration(key string, otherwise, most time.Duration, beyond string) time.Duration {
	member, ok := f.by[key]
	if !ok {
		return otherwise
	}
	value, advice := member.value, ""
	if value.kind == scalarNode {
		switch given, err := time.ParseDuration(value.text); {
		case err != nil:
			advice = durationMeant(value.text)
		case given >= time.Millisecond && given <= most:
			return given
		case given > most:
			advice = beyond
		}
	}
	f.Fault(value.Place, "%s must be a duration such as 500ms, 5s or 10m, from 1ms to %s; got %s%s",
		f.name(key), dataapi.Span(most), value.describe(), advice)
	return otherwise
}

// rate returns a limit of requests.
func (f fields) rate(key string, otherwise ratelimit.Limit) ratelimit.Limit {
	member, ok := f.by[key]
	if !ok {
		return otherwise
	}
	if member.value.kind != scalarNode {
		f.Fault(member.value.Place, "%s must be written %s; got %s", f.name(key), ratelimit.Syntax, member.value.describe())
		return otherwise
	}
	limit, err := ratelimit.Parse(member.value.text)
	if err != nil {
		f.Fault(member.value.Place, "%s: %s %v", f.name(key), member.value.describe(), err)
		return otherwise
	}
	return limit
}

// list returns the items of a list; anything else is reported.
func (f fields) list(key string) ([]*node, bool) {
	member, ok := f.by[key]
	if !ok {
		return nil, false
	}
	if member.value.kind != listNode {
		example := "a, b"
		if member.value.kind == scalarNode {
			example = dataapi.Echo(member.value.text)
		}
		f.Fault(member.value.Place, "%s must be a list such as [%s]; got %s", f.name(key), example, member.value.describe())
		return nil, false
	}
	return member.value.items, true
}

// json returns a value as JSON, or nil when it is left out.
func (f fields) json(key string) json.RawMessage {
	member, ok := f.by[key]
	if !ok {
		return nil
	}
	return jsonOf(member.value)
}

// jsonOf writes a node as JSON. Text without quotes that JSON reads as a number, true or false is that.
func jsonOf(n *node) json.RawMessage {
	switch n.kind {
	case scalarNode:
		if !n.quoted && (n.text == "true" || n.text == "false" || jsonNumber.MatchString(n.text)) {
			return json.RawMessage(n.text)
		}
		return quoteJSON(n.text)
	case listNode:
		var items []string
		for _, item := range n.items {
			items = append(items, string(jsonOf(item)))
		}
		return json.RawMessage("[" + strings.Join(items, ",") + "]")
	case mapNode:
		var members []string
		for _, member := range n.members {
			members = append(members, string(quoteJSON(member.key))+":"+string(jsonOf(member.value)))
		}
		return json.RawMessage("{" + strings.Join(members, ",") + "}")
	default:
		return json.RawMessage("null")
	}
}

func quoteJSON(text string) json.RawMessage {
	quoted, _ := json.Marshal(text) // a string always marshals
	return quoted
}

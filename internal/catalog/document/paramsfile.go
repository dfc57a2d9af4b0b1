package document

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// readParams reads the params of an endpoint and compiles their contract. It returns nil when one of them is at fault.
func readParams(f fields) *params.Contract {
	var definitions []params.Param
	places := make(map[string]fields)
	names := make(map[string]Place)
	if member, ok := f.by["params"]; ok {
		for _, param := range f.membersOf(member.value, "params") {
			given := f.fieldsOf(param.value, "params."+param.key, "type", "required", "default", "enum", "minimum", "maximum",
				"min_length", "max_length", "pattern", "min_items", "max_items", "sensitive", "title", "description", "example")
			if param.value.kind == nullNode {
				given.at = param.Place
			}
			definitions = append(definitions, readParam(param.key, given))
			places[param.key], names[param.key] = given, param.Place
		}
	}
	contract, faults := params.Compile(definitions)
	for _, fault := range faults {
		given := places[fault.Parameter]
		if given.by == nil { // about the contract as a whole
			f.Fault(f.placeOf("params"), "params: %s", fault.Message)
			continue
		}
		reportDefinition(fault, given, names[fault.Parameter])
	}
	return contract
}

func readParam(name string, given fields) params.Param {
	kind, array := strings.CutPrefix(given.text("type"), "array<")
	if array {
		kind, array = strings.CutSuffix(kind, ">")
		if !array {
			kind = given.text("type")
		}
	}
	param := params.Param{
		Name: name, Type: source.ParamType(kind), Array: array,
		Required: given.boolean("required", false), Sensitive: given.boolean("sensitive", false),
		Default: given.json("default"), Example: given.json("example"),
		Minimum: given.json("minimum"), Maximum: given.json("maximum"),
		MinLength: given.integer("min_length", 0, math.MaxInt32), MaxLength: given.integer("max_length", 0, math.MaxInt32),
		MinItems: given.integer("min_items", 0, math.MaxInt32), MaxItems: given.integer("max_items", 0, math.MaxInt32),
		Pattern: given.text("pattern"),
		Title:   given.text("title"), Description: strings.TrimSpace(given.text("description")),
	}
	if items, ok := given.list("enum"); ok {
		param.Enum = []json.RawMessage{}
		for _, item := range items {
			param.Enum = append(param.Enum, jsonOf(item))
		}
	}
	return param
}

// reportDefinition words what is wrong with a definition and puts it where its author wrote it.
func reportDefinition(fault params.DefinitionFault, given fields, name Place) {
	switch {
	case fault.Field == "name":
		advice := ""
		if meant := joined(fault.Parameter, "_"); !params.ValidName(fault.Parameter) && params.ValidName(meant) {
			advice = DidYouMean(meant)
		}
		given.Fault(name, "params: the name %q %s%s", dataapi.Echo(fault.Parameter), fault.Message, advice)
	case fault.Field == "type" && !given.has("type"):
		given.Fault(name, "%s is missing; it is one of %s, or an array of one such as array<integer>", given.name("type"), typeList(source.ParamTypes()))
	case fault.Field == "type":
		value := given.by["type"].value
		given.Fault(given.placeOf("type"), "%s must be one of %s, or an array of one such as array<integer>; got %s%s",
			given.name("type"), typeList(source.ParamTypes()), value.describe(), typeMeant(value.text, names(source.ParamTypes()), paramTypesMeant))
	default:
		at, index := given.placeOf(fault.Field), ""
		if items := given.by[fault.Field].value; fault.Index >= 0 && items != nil && fault.Index < len(items.items) {
			at, index = items.items[fault.Index].Place, fmt.Sprintf("[%d]", fault.Index)
		}
		given.Fault(at, "%s%s %s", given.name(fault.Field), index, inYAML(fault.Message))
	}
}

// inYAML rewords what is said of JSON: in YAML a number is what has no quotes, and text that looks like one needs them.
func inYAML(message string) string {
	if got, found := strings.CutPrefix(message, "must be a string; got "); found && !strings.ContainsAny(got[:1], "\"[{") {
		return message + "; put quotes around it"
	}
	return strings.ReplaceAll(message, ", written as a JSON number", ", written without quotes")
}

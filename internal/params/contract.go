package params

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Contract is the compiled form of an endpoint's parameters. It is immutable and safe for concurrent use.
type Contract struct {
	params   []parameter
	index    map[string]int // of each parameter in params
	document json.RawMessage
	schema   *jsonschema.Schema
	contexts contextCache
}

// parameter is a definition with its values read.
type parameter struct {
	Param
	rules    valueRules
	fallback *Value // the default
}

// valueRules are the rules on values, read and in canonical spelling.
type valueRules struct {
	enum             []Value
	minimum, maximum *Value
}

// DefinitionFault is a mistake in the definition of a parameter.
type DefinitionFault struct {
	Parameter string
	Field     string // the snake_case name of the field of [Param] at fault, such as min_length
	Index     int    // of the entry of a list at fault, from 0; -1 when it is not about one entry
	Message   string // what is wrong, and what is allowed
}

// Compile checks definitions and makes their contract. It returns every fault at once, and then no contract.
// Parameters are bound in the order in which they are given.
func Compile(params []Param) (*Contract, []DefinitionFault) {
	var faults []DefinitionFault
	contract := &Contract{index: make(map[string]int, len(params))}
	properties := make([]*property, 0, len(params))
	for _, param := range params {
		if _, twice := contract.index[param.Name]; twice {
			faults = append(faults, DefinitionFault{param.Name, "name", -1, "is defined twice"})
		}
		compiled, property, found := compileParam(param)
		contract.index[param.Name] = len(contract.params)
		contract.params = append(contract.params, compiled)
		properties = append(properties, property)
		faults = append(faults, found...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	var err error
	if contract.document, err = document(params, properties); err == nil {
		contract.schema, err = compileSchema(contract.document)
	}
	if err != nil { // the definitions are sound, so this is a limit of the schema library: it must not pass silently
		return nil, []DefinitionFault{{"", "", -1, fmt.Sprintf("the parameters do not compile to a JSON Schema: %v", err)}}
	}
	return contract, nil
}

// compileParam checks one definition: first each field alone, then, if these are sound, its values against its rules.
func compileParam(param Param) (parameter, *property, []DefinitionFault) {
	check := definitionCheck{param: param}
	rules := check.fields()
	if len(check.faults) > 0 {
		return parameter{Param: param, rules: rules}, nil, check.faults
	}

	item := param
	item.Array, item.MinItems, item.MaxItems = false, nil, nil
	for i, allowed := range rules.enum {
		check.value("enum", i, item, rules, appendScalar(nil, allowed))
	}
	var fallback *Value
	if param.Default != nil {
		fallback = check.value("default", -1, param, rules, param.Default)
	}
	if param.Example != nil {
		check.value("example", -1, param, rules, param.Example)
	}
	return parameter{param, rules, fallback}, propertyOf(param, rules), check.faults
}

// value binds one value of a definition as if a caller had sent it, to a contract of this one parameter.
func (c *definitionCheck) value(field string, index int, param Param, rules valueRules, value json.RawMessage) *Value {
	param.Default, param.Example = nil, nil
	alone := &Contract{index: map[string]int{param.Name: 0}, params: []parameter{{Param: param, rules: rules}}}
	schema, err := document([]Param{param}, []*property{propertyOf(param, rules)})
	if err == nil {
		alone.schema, err = compileSchema(schema)
	}
	if err != nil {
		c.report(field, index, fmt.Sprintf("does not compile to a JSON Schema: %v", err))
		return nil
	}
	if isNull(value) {
		c.report(field, index, "must not be null: leave it out instead")
		return nil
	}
	values, err := alone.Bind(fmt.Appendf(nil, "{%q:%s}", param.Name, value))
	if err == nil {
		return &values[0]
	}
	refused, _ := errors.AsType[*dataapi.Error](err)
	for _, fault := range refused.Faults {
		c.report(field, index, fault.Detail)
	}
	if len(refused.Faults) == 0 {
		c.report(field, index, "is not valid JSON: "+refused.Detail)
	}
	return nil
}

func isNull(value json.RawMessage) bool { return strings.TrimSpace(string(value)) == "null" }

// Schema returns the contract as a JSON Schema (draft 2020-12) of the object parameter_values. It describes values that
// are given; beyond it, null stands for a parameter that is left out. The bytes are the caller's own.
func (c *Contract) Schema() json.RawMessage { return slices.Clone(c.document) }

// Params returns the definitions, in the order in which values are bound. The slice is the caller's own; what its
// fields point to is not.
func (c *Contract) Params() []Param {
	params := make([]Param, len(c.params))
	for i := range c.params {
		params[i] = c.params[i].Param
	}
	return params
}

// Has reports whether the contract has a parameter of this name.
func (c *Contract) Has(name string) bool {
	_, ok := c.index[name]
	return ok
}

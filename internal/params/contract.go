package params

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/intern"
	"github.com/solucao42/caddy-data-api/source"
)

// Contract is the compiled form of an endpoint's parameters. It is immutable and safe for concurrent use.
type Contract struct {
	*definitions
	contexts contextCache
}

// definitions are what contracts share that define the same.
type definitions struct {
	params  []parameter
	index   map[string]int // of each parameter in params
	sources []source.Param
}

// defined are those of all contracts.
var defined intern.Set[definitions]

// parameter is a definition with its values read.
type parameter struct {
	Param
	rules    valueRules
	fallback *source.Argument // the default
	sample   *source.Argument // the example
	anyValue bool             // every value of the type is allowed, so that there is nothing to judge
}

// unruled reports whether the definition allows every value of its type.
func unruled(p Param) bool {
	return p.Minimum == nil && p.Maximum == nil && p.MinLength == nil && p.MaxLength == nil &&
		p.Pattern == "" && p.Enum == nil && p.MinItems == nil // reading has counted the items against MaxItems
}

// maxParams is the most parameters of a contract.
const maxParams = 1000

// MaxListed is the most values of an enum, and of a share context's list.
const MaxListed = 10_000

// tooManyListed refuses a list.
func tooManyListed(got int) string {
	return fmt.Sprintf("must list at most %d values; got %d. Let the statement look them up in a table instead", MaxListed, got)
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
	if len(params) > maxParams {
		return nil, []DefinitionFault{{"", "", -1, fmt.Sprintf("there must be at most %d; got %d", maxParams, len(params))}}
	}
	if slices.ContainsFunc(params, func(p Param) bool { return len(p.Enum) > MaxListed }) {
		return compile(params) // which refuses it, and does not read the list
	}
	text, err := json.Marshal(params)
	if err != nil {
		return compile(params) // which finds out what is no JSON
	}
	key := intern.KeyOf(text)
	if known := defined.Get(key); known != nil {
		return &Contract{definitions: known}, nil
	}
	contract, faults := compile(params)
	if len(faults) > 0 {
		return nil, faults
	}
	return &Contract{definitions: defined.Put(key, contract.definitions)}, nil
}

func compile(params []Param) (*Contract, []DefinitionFault) {
	contract := &Contract{definitions: &definitions{index: make(map[string]int, len(params))}}
	var faults []DefinitionFault
	names := make(map[string]bool, len(params))
	for _, param := range params {
		check := definitionCheck{param: param}
		if names[param.Name] {
			check.report("name", -1, "is defined twice")
		}
		names[param.Name] = true
		rules := check.fields()
		faults = append(faults, check.faults...)
		sound := len(check.faults) == 0
		if !sound {
			param, rules, sound = remainder(param, check.faults)
		}
		param.MaxItems = maxItems(param)
		if _, twice := contract.index[param.Name]; sound && !twice {
			contract.index[param.Name] = len(contract.params)
			contract.params = append(contract.params, parameter{Param: param, rules: rules, anyValue: unruled(param)})
		}
	}

	// What is sound so far makes a contract, against which the definitions' own values are judged as a caller's would be.
	// It is given out only when that is all of it.
	if _, err := document(members(contract.params)); err != nil { // which [Contract.Narrow] relies on
		return nil, append(faults, DefinitionFault{"", "", -1, fmt.Sprintf("the parameters cannot be written as a JSON Schema: %v", err)})
	}
	for i := range contract.params {
		faults = append(faults, contract.checkValues(i)...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	for i := range contract.params {
		param := &contract.params[i].Param
		contract.sources = append(contract.sources, source.Param{Name: param.Name, Type: param.Type, Array: param.Array})
	}
	return contract, nil
}

// SourceParams returns the parameters as a source sees them. The slice must not be changed.
func (c *Contract) SourceParams() []source.Param { return c.sources }

// maxItems is the bound of an array's items, which every array has.
func maxItems(param Param) *int {
	if !param.Array || param.MaxItems != nil {
		return param.MaxItems
	}
	most := DefaultMaxItems
	if param.MinItems != nil {
		most = max(most, *param.MinItems)
	}
	return &most
}

// remainder is a definition without its fields at fault, so that the others can be judged all the same.
func remainder(param Param, faults []DefinitionFault) (Param, valueRules, bool) {
	for _, fault := range faults {
		switch fault.Field {
		case "required", "default":
			param.Default = nil
		case "enum":
			param.Enum = nil
		case "minimum":
			param.Minimum = nil
		case "maximum":
			param.Maximum = nil
		case "min_length":
			param.MinLength = nil
		case "max_length":
			param.MaxLength = nil
		case "pattern":
			param.Pattern = ""
		case "min_items":
			param.MinItems = nil
		case "max_items":
			param.MaxItems = nil
		case "example":
			param.Example = nil
		default: // the name or the type, without which nothing can be judged
			return param, valueRules{}, false
		}
	}
	check := definitionCheck{param: param}
	rules := check.fields()
	return param, rules, len(check.faults) == 0
}

// checkValues judges the enum, default and example of a definition, and reads the default.
func (c *Contract) checkValues(i int) []DefinitionFault {
	param := &c.params[i]
	check := definitionCheck{param: param.Param}
	for index, allowed := range param.rules.enum {
		for _, broken := range param.rules.brokenBesideEnum(allowed) {
			check.reportItem("enum", index, broken)
			break // the first says enough
		}
	}
	check.reportMore("enum")
	if param.Default != nil {
		param.fallback = c.checkValue(i, param.Default, "default", &check)
	}
	if param.Example != nil {
		param.sample = c.checkValue(i, param.Example, "example", &check)
	}
	return check.faults
}

func (c *Contract) checkValue(i int, value json.RawMessage, field string, check *definitionCheck) *source.Argument {
	b := startBinding(c)
	defer b.release()
	err := b.decode(fmt.Appendf(nil, "{%q:%s}", c.params[i].Name, value))
	if err != nil {
		check.report(field, -1, err.Error())
		return nil
	}
	b.judge()
	before := len(check.faults)
	for _, fault := range b.faults { // those of other parameters say that they are required
		if fault.index == i {
			check.report(field, -1, fault.Detail)
		}
	}
	if len(check.faults) > before {
		return nil
	}
	read := b.values[i] // alone, without those of the other parameters
	return &read
}

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

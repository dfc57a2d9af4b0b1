package params

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// ContextFault is a mistake in a share context, seen from one contract.
type ContextFault struct {
	Parameter string
	Field     string // allowed, minimum or maximum; empty when it is about the constraint as a whole
	Index     int    // of the entry of Allowed at fault, from 0; -1 when it is not about one entry
	Message   string // what is wrong, and what is allowed
}

// CheckContext returns every mistake of a context's constraints on parameters of this contract: values that are not of
// the parameter's type or not allowed by its own rules, bounds on a type without order, constraints that allow nothing.
// Parameters that the contract does not have are the caller's matter: see [Contract.Has].
func (c *Contract) CheckContext(context ShareContext) []ContextFault {
	var faults []ContextFault
	for i := range c.params {
		if constraint, ok := context[c.params[i].Name]; ok {
			_, found := c.compileConstraint(i, constraint)
			faults = append(faults, found...)
		}
	}
	return faults
}

// restriction is a share context compiled for one contract: one entry for each parameter, nil where it is free.
type restriction []*allowed

// allowed is a constraint compiled for one parameter. What it cannot read it does not allow.
type allowed struct {
	listed  bool // only the values in list are allowed
	list    []source.Argument
	keys    map[string]struct{} // of list
	minimum *source.Argument
	maximum *source.Argument
	nothing bool // the constraint is broken, so that no value is allowed
}

func (a *allowed) allows(v source.Argument) bool {
	if a.nothing {
		return false
	}
	if a.listed {
		if _, ok := a.keys[key(v)]; !ok {
			return false
		}
	}
	return (a.minimum == nil || compare(v, *a.minimum) >= 0) && (a.maximum == nil || compare(v, *a.maximum) <= 0)
}

// describe says what is allowed, as the end of a sentence.
func (a *allowed) describe() string {
	switch {
	case a.nothing || a.listed && len(a.list) == 0:
		return "no value is allowed for you"
	case a.listed && len(a.list) == 1:
		return "only " + show(a.list[0]) + " is allowed for you"
	case a.listed:
		return "allowed for you are " + showList(a.list)
	case a.minimum == nil:
		return "allowed for you is at most " + dataapi.Echo(a.maximum.Text)
	case a.maximum == nil:
		return "allowed for you is at least " + dataapi.Echo(a.minimum.Text)
	default:
		return "allowed for you is from " + dataapi.Echo(a.minimum.Text) + " to " + dataapi.Echo(a.maximum.Text)
	}
}

func (c *Contract) compileContext(context ShareContext) restriction {
	compiled := make(restriction, len(c.params))
	for i := range c.params {
		if constraint, ok := context[c.params[i].Name]; ok {
			compiled[i], _ = c.compileConstraint(i, constraint)
		}
	}
	return compiled
}

func (c *Contract) compileConstraint(i int, constraint Constraint) (*allowed, []ContextFault) {
	param := &c.params[i]
	var faults []ContextFault
	report := func(field string, index int, message string) {
		faults = append(faults, ContextFault{param.Name, field, index, message})
	}
	compiled := &allowed{listed: constraint.Allowed != nil, keys: make(map[string]struct{})}

	bound := func(field string, raw json.RawMessage) *source.Argument {
		if raw == nil {
			return nil
		}
		if !ordered(param.Type) {
			report(field, -1, unordered(param.Type))
			compiled.nothing = true
			return nil
		}
		value, problem := readRaw(param.Type, raw)
		if problem != "" {
			report(field, -1, problem)
			compiled.nothing = true
			return nil
		}
		return &value
	}
	compiled.minimum, compiled.maximum = bound("minimum", constraint.Minimum), bound("maximum", constraint.Maximum)
	if compiled.minimum != nil && compiled.maximum != nil && compare(*compiled.minimum, *compiled.maximum) > 0 {
		report("minimum", -1, fmt.Sprintf("must not be above maximum: %s > %s", compiled.minimum.Text, compiled.maximum.Text))
		compiled.nothing = true
	}

	allowed := constraint.Allowed
	if len(allowed) > MaxListed {
		report("allowed", -1, tooManyListed(len(allowed)))
		compiled.nothing, allowed = true, nil
	}
	wrong := 0
	for index, raw := range allowed {
		value, problem := readRaw(param.Type, raw)
		if problem == "" {
			problem = c.judgeItem(i, value)
		}
		if problem != "" {
			if wrong++; wrong <= maxFaults {
				report("allowed", index, problem)
			}
			continue
		}
		if _, twice := compiled.keys[key(value)]; !twice {
			compiled.keys[key(value)] = struct{}{}
			compiled.list = append(compiled.list, value)
		}
	}
	if wrong > maxFaults {
		report("allowed", -1, unlisted(wrong-maxFaults))
	}
	if len(constraint.Allowed) == 0 && constraint.Minimum == nil && constraint.Maximum == nil {
		report("", -1, "must allow something: give one value, a list of values, or minimum and maximum")
		compiled.nothing = true
	}
	return compiled, faults
}

// pin fills in the parameters that are left out and that the contexts together limit to one value.
func (b *binding) pin(restrictions []restriction, why occasion) {
	if len(restrictions) == 0 {
		return
	}
	for i := range b.states {
		if !b.open(i, why) {
			continue
		}
		if value, ok := onlyAllowed(restrictions, i); ok {
			if b.contract.params[i].Array {
				value = source.Argument{Type: value.Type, Array: true, Items: []source.Argument{value}}
			}
			b.give(i, value)
		}
	}
}

// onlyAllowed returns the one value that all restrictions leave of a list, if there is exactly one.
func onlyAllowed(restrictions []restriction, i int) (source.Argument, bool) {
	for _, restriction := range restrictions {
		if restriction[i] == nil || !restriction[i].listed {
			continue
		}
		var left []source.Argument
		for _, value := range restriction[i].list {
			if !allowedByAll(restrictions, i, value) {
				continue
			}
			if left = append(left, value); len(left) > 1 {
				return source.Argument{}, false
			}
		}
		if len(left) == 0 {
			return source.Argument{}, false
		}
		return left[0], true
	}
	return source.Argument{}, false
}

func allowedByAll(restrictions []restriction, i int, value source.Argument) bool {
	for _, restriction := range restrictions {
		if restriction[i] != nil && !restriction[i].allows(value) {
			return false
		}
	}
	return true
}

// checkAllowed refuses every value that a restriction does not allow, and NULL and the empty array where there is one.
func (b *binding) checkAllowed(restrictions []restriction) {
	for _, restriction := range restrictions {
		for i, allowance := range restriction {
			if allowance != nil && b.states[i] != faulty {
				b.checkOne(i, allowance)
			}
		}
	}
}

func (b *binding) checkOne(i int, allowance *allowed) {
	value := b.values[i]
	switch {
	case value.Null:
		b.forbid(i, -1, "must be given: "+allowance.describe())
	case value.Array && len(value.Items) == 0:
		b.forbid(i, -1, "must have at least one item: "+allowance.describe())
	case value.Array:
		for index, item := range value.Items {
			if !allowance.allows(item) {
				b.forbid(i, index, allowance.describe()+"; got "+show(item))
			}
		}
	case !allowance.allows(value) && b.states[i] == defaulted:
		b.forbid(i, -1, "must be given, since its default is not allowed for you: "+allowance.describe())
	case !allowance.allows(value):
		b.forbid(i, -1, allowance.describe()+"; got "+show(value))
	}
}

// contextCache keeps compiled contexts, by the identity of the map. An entry holds its context, so that the address of
// a map cannot be given to another one while it is a key here.
type contextCache struct {
	entries atomic.Pointer[map[uintptr]cachedContext]
	writing sync.Mutex
}

type cachedContext struct {
	context  ShareContext
	compiled restriction
}

// maxContexts bounds the cache of one contract. When it is full it starts again: reloads leave contexts behind that
// nobody uses any more.
const maxContexts = 1024

// restrictions returns the compiled form of each context that is not empty.
func (c *Contract) restrictions(contexts []ShareContext) []restriction {
	var compiled []restriction
	for _, context := range contexts {
		if len(context) > 0 {
			compiled = append(compiled, c.restriction(context))
		}
	}
	return compiled
}

func (c *Contract) restriction(context ShareContext) restriction {
	identity := reflect.ValueOf(context).Pointer()
	if entries := c.contexts.entries.Load(); entries != nil {
		if entry, ok := (*entries)[identity]; ok {
			return entry.compiled
		}
	}
	compiled := c.compileContext(context)
	c.contexts.add(identity, cachedContext{context, compiled})
	return compiled
}

// add copies the map, so that readers never wait. It happens once for each contract and context.
func (cache *contextCache) add(identity uintptr, entry cachedContext) {
	cache.writing.Lock()
	defer cache.writing.Unlock()
	next := make(map[uintptr]cachedContext)
	if entries := cache.entries.Load(); entries != nil && len(*entries) < maxContexts {
		maps.Copy(next, *entries)
	}
	next[identity] = entry
	cache.entries.Store(&next)
}

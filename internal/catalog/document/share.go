package document

import (
	"encoding/json"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// SharePlaces is where a share context is in its file.
type SharePlaces struct {
	Key         Place
	Constraints map[string]ConstraintPlaces
}

// ConstraintPlaces is where the constraint on one parameter is.
type ConstraintPlaces struct {
	Key, value       Place
	allowed          []Place
	minimum, maximum Place
}

// Of is the place of a diagnostic.
func (c ConstraintPlaces) Of(fault params.ContextFault) Place {
	switch {
	case fault.Field == "minimum":
		return c.minimum
	case fault.Field == "maximum":
		return c.maximum
	case fault.Field == "allowed" && fault.Index >= 0 && fault.Index < len(c.allowed):
		return c.allowed[fault.Index]
	default:
		return c.value
	}
}

// readShares reads share: a map from companies to share contexts.
func readShares(f fields) (map[string]params.ShareContext, map[string]SharePlaces) {
	member, ok := f.by["share"]
	if !ok {
		return nil, nil
	}
	shares := make(map[string]params.ShareContext)
	places := make(map[string]SharePlaces)
	for _, company := range f.membersOf(member.value, "share") {
		if !dataapi.ValidSlug(company.key) {
			f.Fault(company.Place, "share: %q cannot be a company; a company's slug is %s%s", dataapi.Echo(company.key), dataapi.SlugRule,
				DidYouMean(SlugMeant(company.key)))
			continue
		}
		context, constraints := f.readContext(company.value, "share."+company.key)
		shares[company.key] = context
		places[company.key] = SharePlaces{company.Place, constraints}
	}
	return shares, places
}

// readContext reads a share context: a map from parameters to constraints. Nothing, or {}, constrains nothing.
func (r *Report) readContext(n *node, path string) (params.ShareContext, map[string]ConstraintPlaces) {
	context := make(params.ShareContext)
	places := make(map[string]ConstraintPlaces)
	for _, param := range r.membersOf(n, path) {
		name := path + "." + param.key
		if !params.ValidName(param.key) {
			advice := ""
			if meant := joined(param.key, "_"); params.ValidName(meant) {
				advice = DidYouMean(meant)
			}
			r.Fault(param.Place, "%s: %q cannot be a parameter; a parameter's name is %s%s", path, dataapi.Echo(param.key), params.NameRule, advice)
			continue
		}
		constraint, at := r.readConstraint(param.value, name)
		at.Key = param.Place
		context[param.key], places[param.key] = constraint, at
	}
	return context, places
}

// readConstraint reads one value, a list of values, or bounds.
func (r *Report) readConstraint(n *node, name string) (params.Constraint, ConstraintPlaces) {
	at := ConstraintPlaces{value: n.Place, minimum: n.Place, maximum: n.Place}
	const forms = "allowed is one value, a list of values such as [a, b], or bounds such as {minimum: 1, maximum: 5}"
	switch n.kind {
	case scalarNode:
		at.allowed = []Place{n.Place}
		return params.Constraint{Allowed: []json.RawMessage{jsonOf(n)}}, at
	case listNode:
		constraint := params.Constraint{Allowed: []json.RawMessage{}}
		for _, item := range n.items {
			if item.kind != scalarNode {
				r.Fault(item.Place, "%s lists %s; %s", name, item.describe(), forms)
			}
			constraint.Allowed = append(constraint.Allowed, jsonOf(item))
			at.allowed = append(at.allowed, item.Place)
		}
		if len(n.items) == 0 {
			r.Fault(n.Place, "%s allows no value at all; %s", name, forms)
		}
		return constraint, at
	case mapNode:
		bounds := r.fieldsOf(n, name, "minimum", "maximum")
		if len(n.members) == 0 {
			r.Fault(n.Place, "%s has no bound; %s", name, forms)
		}
		at.minimum, at.maximum = bounds.placeOf("minimum"), bounds.placeOf("maximum")
		return params.Constraint{Minimum: bounds.json("minimum"), Maximum: bounds.json("maximum")}, at
	default:
		r.Fault(n.Place, "%s has no value; %s", name, forms)
		return params.Constraint{}, at
	}
}

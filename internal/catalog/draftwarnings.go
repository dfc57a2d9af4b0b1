package catalog

import (
	"fmt"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/source"
)

// draftWarnings says what would come of a draft that is sound by itself: for those who call what it replaces, and for users whose share
// contexts speak of its parameters.
func (c *Catalog) draftWarnings(draft *Draft) Diagnostics {
	current, written := c.Current(), draft.Endpoint
	w := draftWarner{endpoint: written}
	var before *Endpoint
	others := make(map[string]bool) // the parameters of what else the company reaches
	for _, reached := range current.Reached(written.Company) {
		if reached.Endpoint.Address == written.Address {
			before = reached.Endpoint
			continue
		}
		for _, param := range reached.Endpoint.Places.Params {
			others[param.Name] = true
		}
	}
	if before != nil {
		w.contractChanges(before)
		w.columnChanges(c.columnsOf(before), draft.Columns)
	}
	if company, ok := current.Company(written.Company); ok {
		for _, name := range sortedKeys(company.Users) {
			w.context(company.Users[name], before, others)
		}
	}
	return w.warnings.Sorted()
}

// columnsOf returns the columns of a live endpoint's result; nil: they are not known.
func (c *Catalog) columnsOf(endpoint *Endpoint) (columns []source.Column) {
	c.look(func(g *ground) {
		if v := g.verdicts[endpoint]; v != nil {
			columns = v.columns
		}
	})
	return columns
}

type draftWarner struct {
	endpoint *Endpoint
	warnings Diagnostics
}

func (w *draftWarner) warn(at document.Place, effect, format string, args ...any) {
	w.warnings = append(w.warnings, Diagnostic{
		File: w.endpoint.File, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...), Effect: effect,
	})
}

// contractChanges warns of what callers of the live revision could do and cannot do any more.
func (w *draftWarner) contractChanges(before *Endpoint) {
	if before.Contract == nil || w.endpoint.Contract == nil {
		return
	}
	was := make(map[string]params.Param)
	for _, param := range before.Contract.Params() {
		was[param.Name] = param
		if !w.endpoint.Contract.Has(param.Name) {
			w.warn(w.endpoint.Places.Statement, "calls that give it are refused", "parameter %s of the live revision is gone", param.Name)
		}
	}
	for _, param := range w.endpoint.Contract.Params() {
		old, there := was[param.Name]
		at, _ := w.endpoint.Places.Params.At(param.Name)
		switch {
		case param.Required && !(there && old.Required):
			w.warn(at, "calls that leave it out are refused", "parameter %s is required, and is not in the live revision", param.Name)
		case there && (old.Type != param.Type || old.Array != param.Array):
			w.warn(at, "calls that give the other type are refused", "parameter %s has another type than in the live revision, where it is %s",
				param.Name, typeOf(old))
		}
	}
}

func typeOf(param params.Param) string {
	if param.Array {
		return "array<" + string(param.Type) + ">"
	}
	return string(param.Type)
}

// columnChanges warns of columns that callers of the live revision get otherwise then. A new column harms nobody.
func (w *draftWarner) columnChanges(before, now []source.Column) {
	if before == nil || now == nil {
		return
	}
	var kept []source.Column
	for _, column := range now {
		i := slices.IndexFunc(before, func(b source.Column) bool { return b.Name == column.Name })
		if i < 0 {
			continue
		}
		if column.Type == "" || before[i].Type == "" { // the rows tell it
			column.Type = before[i].Type
		}
		kept = append(kept, column)
	}
	if changes := difference(before, kept); changes != otherOrder {
		w.warn(w.endpoint.Places.Statement, "callers get them", "the result has other columns than that of the live revision: %s", changes)
	}
}

// context warns of a user whose share context the draft would not take, or that would constrain nothing any more.
func (w *draftWarner) context(user *identity.User, before *Endpoint, others map[string]bool) {
	for _, name := range sortedKeys(user.ShareContext) {
		at, declared := w.endpoint.Places.Params.At(name)
		switch {
		case declared && w.endpoint.Contract != nil:
			found := w.endpoint.Contract.CheckContext(params.ShareContext{name: user.ShareContext[name]})
			if len(found) > 0 {
				w.warn(at, "the user cannot call the endpoint",
					"users.%s.share_context: %s; the endpoint does not take this value from the user", user.Name, document.ContextMessage(found[0]))
			}
		case !declared && !others[name] && before != nil && before.Contract.Has(name):
			w.warn(w.endpoint.Places.Statement, "the user is refused everywhere",
				"users.%s.share_context constrains %q, which would be a parameter of no endpoint%s", user.Name, name,
				dataapi.DidYouMean(name, w.endpoint.Places.Params.Names()))
		}
	}
}

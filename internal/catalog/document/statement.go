package document

import (
	"slices"

	"github.com/solucao42/caddy-data-api/source"
)

// Dialects are those that statements may be written in.
type Dialects struct {
	BySource map[string]source.Dialect // by the name that endpoint files use
	Others   []source.Dialect          // those of a source that is not known by name: it has one of these
}

// of returns those that the statements of a source may be written in.
func (d *Dialects) of(name string) []source.Dialect {
	if known, ok := d.BySource[name]; ok {
		return []source.Dialect{known}
	}
	return d.Others
}

// reading is what the dialects that a statement may be written in make of it: what each of them says is certain.
type reading struct {
	uses      []source.ParamUse       // the parameters that every dialect finds
	mentioned map[string]bool         // those that some dialect may find
	faults    []source.TextDiagnostic // those that every dialect finds
}

func readStatement(sql string, dialects []source.Dialect) reading {
	made := reading{mentioned: make(map[string]bool)}
	for i, dialect := range dialects {
		found := dialect.Scan(sql)
		var sure []source.ParamUse
		for _, use := range found.Params {
			made.mentioned[use.Name] = true
			if use.Sure {
				sure = append(sure, use)
			}
		}
		if i == 0 {
			made.uses, made.faults = sure, found.Faults
			continue
		}
		made.uses, made.faults = common(made.uses, sure), common(made.faults, found.Faults)
	}
	return made
}

// common keeps what the other list has too.
func common[T comparable](list, other []T) []T {
	also := make(map[T]bool, len(other))
	for _, one := range other {
		also[one] = true
	}
	return slices.DeleteFunc(list, func(one T) bool { return !also[one] })
}

package document

import (
	"github.com/solucao42/caddy-data-api/internal/quota"
)

// quotas returns one quota or a list of them, of which no two have the same unit and period. `unlimited` is no quota.
func (f fields) quotas(key string, otherwise []quota.Limit) []quota.Limit {
	member, ok := f.by[key]
	if !ok {
		return otherwise
	}
	items, limits := []*node{member.value}, []quota.Limit(nil)
	if member.value.kind == listNode {
		if items = member.value.items; len(items) == 0 {
			f.Fault(member.value.Place, "%s must list at least one quota; leave it out for none", f.name(key))
		}
	}
	named := make(map[string]quota.Limit)
	for _, item := range items {
		limit, ok := f.quota(item, key)
		if !ok {
			continue
		}
		if before, twice := named[limit.Name()]; twice {
			f.Fault(item.Place, "%s: %s is given beside %s: there can be one quota of %s/%s", f.name(key), item.describe(), before, limit.Unit, limit.Window)
			continue
		}
		named[limit.Name()] = limit
		limits = append(limits, limit)
	}
	return limits
}

// quota reads one quota; false: it is `unlimited`, or at fault.
func (f fields) quota(item *node, key string) (limit quota.Limit, ok bool) {
	if item.kind != scalarNode {
		f.Fault(item.Place, "%s must be written %s; got %s", f.name(key), quota.Syntax, item.describe())
		return quota.Limit{}, false
	}
	if item.text == quota.Unlimited {
		return quota.Limit{}, false
	}
	limit, err := quota.Parse(item.text)
	if err != nil {
		f.Fault(item.Place, "%s: %s %v", f.name(key), item.describe(), err)
		return quota.Limit{}, false
	}
	return limit, true
}

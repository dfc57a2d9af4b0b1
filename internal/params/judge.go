package params

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// valueRules are the rules on values, read and in canonical spelling. Values are judged by them alone; the JSON Schema of a
// contract shows them.
type valueRules struct {
	enum                 []source.Argument
	members              map[string]struct{} // the keys of enum; nil: every value is one
	minimum, maximum     *source.Argument
	minLength, maxLength *int // in characters
	pattern              *regexp.Regexp
}

// judge holds what was read against the rules, and turns what breaks them into faults.
func (b *binding) judge() {
	for i := range b.states {
		param := &b.contract.params[i]
		switch b.states[i] {
		case given:
			if !param.anyValue {
				b.judgeGiven(i)
			}
		case omitted, null:
			if param.Required {
				b.fail(i, -1, "is required")
				b.states[i] = faulty
			}
		case faulty, defaulted:
		}
	}
}

func (b *binding) judgeGiven(i int) {
	param, value := &b.contract.params[i], &b.values[i]
	before := b.counts[i]
	if !value.Array {
		b.judgeItem(i, -1, *value)
	} else {
		// Reading has counted the items against MaxItems.
		if param.MinItems != nil && len(value.Items) < *param.MinItems {
			b.fail(i, -1, fmt.Sprintf("must have at least %s; got %d", count(*param.MinItems, "item"), len(value.Items)))
		}
		for n := range value.Items {
			b.judgeItem(i, n, value.Items[n])
		}
	}
	if b.counts[i] > before {
		b.states[i] = faulty
	}
}

// judgeItem judges a value, or the item of that index when it is not negative.
func (b *binding) judgeItem(i, item int, value source.Argument) {
	for _, broken := range b.contract.params[i].rules.broken(value) {
		b.fail(i, item, broken)
	}
}

// judgeItem judges one value, or one item of an array, and says what is wrong with it first.
func (c *Contract) judgeItem(i int, value source.Argument) string {
	for _, broken := range c.params[i].rules.broken(value) {
		return broken
	}
	return ""
}

// broken says of each rule that a value breaks what it asks for. Members of an enum have passed the other rules. Of a
// value that is no member it says only that.
func (r *valueRules) broken(v source.Argument) []string {
	if r.members == nil {
		return r.brokenBesideEnum(v)
	}
	if _, ok := r.members[key(v)]; ok {
		return nil
	}
	if len(r.enum) == 1 {
		return []string{fmt.Sprintf("must be %s; got %s", show(r.enum[0]), show(v))}
	}
	return []string{fmt.Sprintf("must be one of %s; got %s", showList(r.enum), show(v))}
}

func (r *valueRules) brokenBesideEnum(v source.Argument) (broken []string) {
	if r.minimum != nil && compare(v, *r.minimum) < 0 {
		broken = append(broken, fmt.Sprintf("%s %s; got %s", boundWords(v.Type)[0], dataapi.Echo(r.minimum.Text), show(v)))
	}
	if r.maximum != nil && compare(v, *r.maximum) > 0 {
		broken = append(broken, fmt.Sprintf("%s %s; got %s", boundWords(v.Type)[1], dataapi.Echo(r.maximum.Text), show(v)))
	}
	if r.minLength != nil || r.maxLength != nil {
		length := utf8.RuneCountInString(v.Text)
		if r.minLength != nil && length < *r.minLength {
			broken = append(broken, fmt.Sprintf("must have at least %s; got %d: %s", count(*r.minLength, "character"), length, show(v)))
		}
		if r.maxLength != nil && length > *r.maxLength {
			broken = append(broken, fmt.Sprintf("must have at most %s; got %d: %s", count(*r.maxLength, "character"), length, show(v)))
		}
	}
	if r.pattern != nil && !r.pattern.MatchString(v.Text) {
		broken = append(broken, fmt.Sprintf("must match the pattern %s; got %s", r.pattern, show(v)))
	}
	return broken
}

// boundWords say that a value lies below its minimum, and above its maximum.
func boundWords(t source.ParamType) [2]string {
	if t == source.ParamDate || t == source.ParamTimestamp {
		return [2]string{"must not be before", "must not be after"}
	}
	return [2]string{"must be at least", "must be at most"}
}

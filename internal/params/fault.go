package params

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// maxFaults is the most faults that are listed for one parameter, and of unknown names. It keeps a request of a megabyte
// of wrong items from being answered with many.
const maxFaults = 10

// fail records what is wrong with a parameter, or with the item of that index when it is not negative.
func (b *binding) fail(i, item int, detail string) {
	b.add(i, b.contract.params[i].Name, dataapi.CodeInvalidParameter, atIndex(item, b.discreet(i, detail)))
}

// forbid records a value that a share context does not allow.
func (b *binding) forbid(i, item int, detail string) {
	b.add(i, b.contract.params[i].Name, dataapi.CodeParameterNotAllowed, atIndex(item, b.discreet(i, detail)))
}

// The words before a value that a fault repeats.
const (
	gotWords     = "; got "
	refusedWords = "does not match the endpoint's schema"
)

// discreet leaves out what a fault repeats of a sensitive parameter's value, which stands at its end.
func (b *binding) discreet(i int, detail string) string {
	if !b.contract.params[i].Sensitive {
		return detail
	}
	if strings.HasPrefix(detail, refusedWords) {
		return refusedWords
	}
	said, _, _ := strings.Cut(detail, gotWords)
	return said
}

func (b *binding) failNamed(name, detail string) {
	b.add(unknown, name, dataapi.CodeInvalidParameter, detail)
}

func (b *binding) add(i int, name string, code dataapi.Code, detail string) {
	slot := i
	if i == unknown {
		slot = len(b.counts) - 1
	}
	b.counts[slot]++
	if b.counts[slot] <= maxFaults {
		b.faults = append(b.faults, paramFault{i, dataapi.Fault{Parameter: name, Code: code, Detail: detail}})
	}
}

// dropped is how many faults of a parameter are not listed.
func (b *binding) dropped(i int) int { return max(0, b.counts[i]-maxFaults) }

func atIndex(item int, detail string) string {
	if item < 0 {
		return detail
	}
	return fmt.Sprintf("at index %d: %s", item, detail)
}

// explain turns the schema's errors into faults. Only their leaves say something.
func (b *binding) explain(invalid *jsonschema.ValidationError) {
	if len(invalid.Causes) > 0 {
		for _, cause := range invalid.Causes {
			b.explain(cause)
		}
		return
	}
	if missing, ok := invalid.ErrorKind.(*kind.Required); ok {
		for _, name := range missing.Missing {
			if i := b.contract.index[name]; b.states[i] != faulty {
				b.fail(i, -1, "is required")
				b.states[i] = faulty
			}
		}
		return
	}
	location := invalid.InstanceLocation
	if len(location) == 0 {
		return
	}
	i, item := b.contract.index[location[0]], -1
	value := b.values[i]
	if b.contract.params[i].rules.members != nil && (len(location) > 1 || !value.Array) {
		return // a member of the enum has passed the other rules, and of what is none no more is to be said than that
	}
	if len(location) > 1 {
		item, _ = strconv.Atoi(location[1])
		value = value.Items[item]
	}
	b.fail(i, item, sentence(invalid.ErrorKind, &b.contract.params[i].rules, value))
	b.states[i] = faulty
}

// firstSentence says what is wrong with a scalar that was judged by itself.
func firstSentence(err error, rules *valueRules, value source.Argument) string {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err.Error()
	}
	for len(invalid.Causes) > 0 {
		invalid = invalid.Causes[0]
	}
	return sentence(invalid.ErrorKind, rules, value)
}

// sentence says what is wrong with a value that the schema refused.
func sentence(refused jsonschema.ErrorKind, rules *valueRules, value source.Argument) string {
	switch refused := refused.(type) {
	case *kind.Minimum:
		return fmt.Sprintf("must be at least %s; got %s", shorten(rules.minimum.Text), show(value))
	case *kind.Maximum:
		return fmt.Sprintf("must be at most %s; got %s", shorten(rules.maximum.Text), show(value))
	case outOfBounds:
		return fmt.Sprintf("%s; got %s", refused.sentence(), show(value))
	case *kind.MinLength:
		return fmt.Sprintf("must have at least %s; got %d: %s", count(refused.Want, "character"), refused.Got, show(value))
	case *kind.MaxLength:
		return fmt.Sprintf("must have at most %s; got %d: %s", count(refused.Want, "character"), refused.Got, show(value))
	case *kind.Pattern:
		return fmt.Sprintf("must match the pattern %s; got %s", refused.Want, show(value))
	case *kind.MinItems:
		return fmt.Sprintf("must have at least %s; got %d", count(refused.Want, "item"), refused.Got)
	case *kind.MaxItems:
		return tooManyItems(refused.Want, refused.Got)
	default:
		return refusedWords + ": " + show(value)
	}
}

// notAmong says that an enum does not have a value.
func notAmong(rules *valueRules, value source.Argument) string {
	if len(rules.enum) == 1 {
		return fmt.Sprintf("must be %s; got %s", show(rules.enum[0]), show(value))
	}
	return fmt.Sprintf("must be one of %s; got %s", showList(rules.enum), show(value))
}

// unlisted counts what was left out of a list of faults.
func unlisted(count int) string { return fmt.Sprintf("has %d more faults that are not listed", count) }

func tooManyItems(most, got int) string {
	return fmt.Sprintf("must have at most %s; got %d", count(most, "item"), got)
}

func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

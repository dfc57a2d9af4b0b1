package params

import (
	"fmt"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// maxFaults is the most faults that are listed for one parameter, and of unknown names. It keeps a request of a megabyte
// of wrong items from being answered with many.
const maxFaults = 10

// fail records what is wrong with a parameter, or with the item of that index when it is not negative.
func (b *binding) fail(i, item int, detail string) {
	b.add(i, b.contract.params[i].Name, dataapi.CodeInvalidParameter, atIndex(item, b.redact(i, detail)))
}

// forbid records a value that a share context does not allow.
func (b *binding) forbid(i, item int, detail string) {
	b.add(i, b.contract.params[i].Name, dataapi.CodeParameterNotAllowed, atIndex(item, b.redact(i, detail)))
}

// gotWords come before a value that a fault repeats.
const gotWords = "; got "

// redact leaves out what a fault repeats of a sensitive parameter's value, which is at its end.
func (b *binding) redact(i int, detail string) string {
	if !b.contract.params[i].Sensitive {
		return detail
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

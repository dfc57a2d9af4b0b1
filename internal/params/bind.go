package params

import (
	"encoding/json"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// Bind reads a request's parameter_values and returns one value for each parameter, in the contract's order.
//
// A parameter that is left out, or null, takes its default, else it is bound as NULL; nil means {}. Every context
// must allow every value, the default included. A parameter that contexts pin to one value takes that when it is left
// out; one that they constrain otherwise must be given, because NULL, like an empty array, would escape the constraint.
//
// The error is a *dataapi.Error: CodeInvalidRequest when the text is no JSON object, else CodeInvalidParameter or
// CodeParameterNotAllowed with every fault. A context must not be changed once it has been passed in.
func (c *Contract) Bind(parameterValues json.RawMessage, contexts ...ShareContext) ([]source.Argument, error) {
	return c.bind(parameterValues, contexts, asked)
}

// Rebind reads what [Contract.Canonical] wrote, as Bind does, with one difference: a null stays NULL, since it was bound
// as NULL before. It takes neither a default nor what contexts pin it to, and is refused where a context speaks of it.
func (c *Contract) Rebind(canonical json.RawMessage, contexts ...ShareContext) ([]source.Argument, error) {
	return c.bind(canonical, contexts, accepted)
}

// Allowed reports why the contexts do not allow values that were bound before, as [Contract.Canonical] wrote them; nil:
// they do. Nothing is filled in: what has been done was done with these values, and what they do not say was not limited.
func (c *Contract) Allowed(canonical json.RawMessage, contexts ...ShareContext) error {
	_, err := c.bind(canonical, contexts, done)
	return err
}

// occasion is why values are read.
type occasion uint8

const (
	asked    occasion = iota // a request: what it leaves out, or is null, is filled in
	accepted                 // a request that was accepted before: what is null was meant to be
	done                     // a request that was answered before: nothing is filled in
)

func (c *Contract) bind(text json.RawMessage, contexts []ShareContext, why occasion) ([]source.Argument, error) {
	b := startBinding(c)
	defer b.release()
	if err := b.decode(text); err != nil {
		return nil, err
	}
	restrictions := c.restrictions(contexts)
	b.pin(restrictions, why)
	b.judge()
	b.fillDefaults(why)
	b.checkAllowed(restrictions)
	if len(b.faults) > 0 {
		return nil, b.refusal()
	}
	return b.values, nil
}

// Canonical writes bound values as one JSON object in the contract's order, with null for NULL, to be stored with a job
// and read again by [Contract.Rebind]. The values must be what Bind or Rebind of this contract returned.
func (c *Contract) Canonical(values []source.Argument) json.RawMessage { return c.write(values, false) }

// Redacted writes bound values as Canonical does, with "***" for those of sensitive parameters that are not NULL.
func (c *Contract) Redacted(values []source.Argument) json.RawMessage { return c.write(values, true) }

func (c *Contract) write(values []source.Argument, redact bool) json.RawMessage {
	text := []byte{'{'}
	for i, value := range values {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(text, '"')
		text = append(text, c.params[i].Name...)
		text = append(text, '"', ':')
		if redact && c.params[i].Sensitive && !value.Null {
			text = append(text, `"***"`...)
			continue
		}
		text = appendValue(text, value)
	}
	return append(text, '}')
}

func appendValue(dst []byte, value source.Argument) []byte {
	if value.Null {
		return append(dst, "null"...)
	}
	if !value.Array {
		return appendScalar(dst, value)
	}
	dst = append(dst, '[')
	for i, item := range value.Items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendScalar(dst, item)
	}
	return append(dst, ']')
}

// open reports whether a parameter has no value yet and may be given one.
func (b *binding) open(i int, why occasion) bool {
	switch b.states[i] {
	case omitted:
		return why != done
	case null:
		return why == asked
	default:
		return false
	}
}

func (b *binding) fillDefaults(why occasion) {
	for i := range b.values {
		fallback := b.contract.params[i].fallback
		if fallback == nil || !b.open(i, why) {
			continue
		}
		b.values[i] = *fallback
		b.states[i] = defaulted
	}
}

// refusal makes the error of all faults.
func (b *binding) refusal() *dataapi.Error {
	refusal := &dataapi.Error{Code: dataapi.CodeParameterNotAllowed}
	for i := range b.states {
		for _, fault := range b.faults {
			if fault.index == i {
				refusal.Faults = append(refusal.Faults, fault.Fault)
			}
		}
		if dropped := b.dropped(i); dropped > 0 {
			refusal.Faults = append(refusal.Faults, dataapi.Fault{
				Parameter: b.contract.params[i].Name, Code: dataapi.CodeInvalidParameter,
				Detail: unlisted(dropped),
			})
		}
	}
	for _, fault := range b.faults {
		if fault.index == unknown {
			refusal.Faults = append(refusal.Faults, fault.Fault)
		}
	}
	for _, fault := range refusal.Faults {
		if fault.Code == dataapi.CodeInvalidParameter {
			refusal.Code = dataapi.CodeInvalidParameter
		}
	}
	return refusal
}

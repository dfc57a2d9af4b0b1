package params

import (
	"bytes"
	"encoding/json"

	"github.com/solucao42/caddy-data-api/source"
)

// Intersect returns what two contexts allow together, for readers that have no contract to read the values by. Numbers
// are compared by value and strings as they are written, except that bounds which are dates or timestamps are compared
// as such. What cannot be compared allows nothing. The result may be one of the arguments: it must not be changed.
func Intersect(a, b ShareContext) ShareContext {
	switch {
	case len(a) == 0:
		return b
	case len(b) == 0:
		return a
	}
	both := make(ShareContext, len(a)+len(b))
	for name, constraint := range a {
		if other, ok := b[name]; ok {
			constraint = constraint.intersect(other)
		}
		both[name] = constraint
	}
	for name, constraint := range b {
		if _, ok := a[name]; !ok {
			both[name] = constraint
		}
	}
	return both
}

// Within reports whether a constraint surely allows nothing that a wider one forbids. Of values and bounds that cannot be held against each
// other, such as a list against an interval, it says no.
func (c Constraint) Within(wider Constraint) bool {
	both := c.intersect(wider)
	return (c.Allowed == nil) == (both.Allowed == nil) && len(both.Allowed) == len(c.Allowed) &&
		bytes.Equal(both.Minimum, c.Minimum) && bytes.Equal(both.Maximum, c.Maximum)
}

func (c Constraint) intersect(other Constraint) Constraint {
	both := Constraint{Allowed: c.Allowed}
	switch {
	case c.Allowed == nil:
		both.Allowed = other.Allowed
	case other.Allowed != nil:
		also := make(map[string]struct{}, len(other.Allowed))
		for _, value := range other.Allowed {
			also[keyOfJSON(value)] = struct{}{}
		}
		both.Allowed = make([]json.RawMessage, 0, len(c.Allowed)) // not nil: a list, if an empty one
		for _, value := range c.Allowed {
			if _, ok := also[keyOfJSON(value)]; ok {
				both.Allowed = append(both.Allowed, value)
			}
		}
	}
	var minimumOK, maximumOK bool
	both.Minimum, minimumOK = tighter(c.Minimum, other.Minimum, 1)
	both.Maximum, maximumOK = tighter(c.Maximum, other.Maximum, -1)
	if !minimumOK || !maximumOK {
		return Constraint{Allowed: []json.RawMessage{}}
	}
	return both
}

// tighter returns the greater bound when sign is 1, and the lesser when it is -1.
func tighter(a, b json.RawMessage, sign int) (bound json.RawMessage, ok bool) {
	switch {
	case a == nil:
		return b, true
	case b == nil:
		return a, true
	}
	for _, t := range []source.ParamType{source.ParamDecimal, source.ParamDate, source.ParamTimestamp} {
		first, fault := readRaw(t, a)
		second, otherFault := readRaw(t, b)
		if fault == "" && otherFault == "" {
			if sign*compare(first, second) >= 0 {
				return a, true
			}
			return b, true
		}
	}
	return nil, false
}

// keyOfJSON is one text for all spellings of the same number or string; of whatever else it is the text itself.
func keyOfJSON(raw json.RawMessage) string {
	for _, t := range []source.ParamType{source.ParamDecimal, source.ParamString} {
		if value, fault := readRaw(t, raw); fault == "" {
			return string(t) + key(value)
		}
	}
	return string(raw)
}

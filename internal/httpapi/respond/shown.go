package respond

import "reflect"

// Shown is a field that a GET describes its subject with, and that a request has no say in. It is taken, so that what was read can be edited
// and sent back, and is not looked at.
type Shown struct{}

var shownType = reflect.TypeFor[Shown]()

// UnmarshalJSON takes anything.
func (Shown) UnmarshalJSON([]byte) error { return nil }

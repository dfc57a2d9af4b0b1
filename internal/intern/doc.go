// Package intern keeps one of values that are equal and immutable: many endpoint files declare the same parameters and columns. A value
// that nothing refers to any more is collected as any other.
//
// It is generic. It does not know what a value is: its owner says by a text which values are equal, and never changes one.
//
// Start reading at [Set].
package intern

package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Diagnostic is a mistake in a file of the catalog, in words for its author.
type Diagnostic struct {
	File    string // the root as it was given, and the path below it
	Line    int    // from 1
	Column  int    // in characters, from 1
	Message string // what is wrong, and what is allowed
	Effect  string // what becomes of what the file describes; "" when nothing was live and nothing was to be

	allowed  string // the words of Allowed, one a line: diagnostics can be compared
	discreet string // see Discreet
}

// Discreet is the message for a company, which must not learn from it which other companies there are.
func (f Diagnostic) Discreet() string { return cmp.Or(f.discreet, f.Message) }

// WithDiscreet returns the diagnostic with words for a company, where the message has the names of others.
func (f Diagnostic) WithDiscreet(message string) Diagnostic {
	f.discreet = message
	return f
}

// Allowed are the words that may take the place of the mistake; nil when that is no closed list.
func (f Diagnostic) Allowed() []string {
	if f.allowed == "" {
		return nil
	}
	return strings.Split(f.allowed, "\n")
}

// WithAllowed returns the diagnostic with the words that may take its place.
func (f Diagnostic) WithAllowed(words []string) Diagnostic {
	f.allowed = strings.Join(words, "\n")
	return f
}

// WithEffect returns the diagnostic as String does, and its effect.
func (f Diagnostic) WithEffect() string {
	if f.Effect == "" {
		return f.String()
	}
	if strings.HasSuffix(f.Message, "?") { // a question ends its sentence
		return f.String() + " " + strings.ToUpper(f.Effect[:1]) + f.Effect[1:]
	}
	return f.String() + "; " + f.Effect
}

// String returns the diagnostic as file:line:column: message, the form that editors turn into a link.
func (f Diagnostic) String() string {
	return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
}

// Diagnostics are all mistakes of a catalog, ordered by place. It is the error of [Load] and [Open].
type Diagnostics []Diagnostic //nolint:errname // it is a list first, and an error second

// Error returns one line for each diagnostic.
func (f Diagnostics) Error() string {
	lines := make([]string, 0, len(f))
	for _, fault := range f {
		lines = append(lines, fault.String())
	}
	return strings.Join(lines, "\n")
}

// Sorted orders diagnostics by place and drops repetitions.
func (f Diagnostics) Sorted() Diagnostics {
	slices.SortFunc(f, func(a, b Diagnostic) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message))
	})
	return slices.Compact(f)
}

// Place is where something is in a file: line and column, from 1.
type Place struct{ Line, Column int }

// NamedPlace is where something with a name is.
type NamedPlace struct {
	Name string
	Place
}

// Places is where things are, ordered by their names, which differ.
type Places []NamedPlace

// At is where the thing of a name is; not ok: there is none.
func (p Places) At(name string) (at Place, ok bool) {
	i, ok := slices.BinarySearchFunc(p, name, func(one NamedPlace, name string) int { return strings.Compare(one.Name, name) })
	if !ok {
		return Place{}, false
	}
	return p[i].Place, true
}

// Names are the names, in order. The slice is the caller's own.
func (p Places) Names() []string {
	names := make([]string, len(p))
	for i, one := range p {
		names[i] = one.Name
	}
	return names
}

// maxFaults is the most diagnostics that are reported of one file. Of a hundred, one causes the others, or the file is of
// another kind.
const maxFaults = 100

// Report collects the diagnostics of one file.
type Report struct {
	File     string   // as diagnostics show it
	Dialects Dialects // of endpoints' statements

	diagnostics Diagnostics
	places      map[Place]bool // of the diagnostics
	more        int            // diagnostics that are not reported
	next        Place          // where the first of those is
}

// Fault reports what is wrong at a place.
func (r *Report) Fault(at Place, format string, args ...any) {
	if r.Full() {
		if r.more++; r.more == 1 {
			r.next = at
		}
		return
	}
	if r.places == nil {
		r.places = make(map[Place]bool)
	}
	r.places[at] = true
	r.diagnostics = append(r.diagnostics, Diagnostic{File: r.File, Line: at.Line, Column: at.Column, Message: fmt.Sprintf(format, args...)})
}

// FaultAllowing is Fault where one of these words would be right.
func (r *Report) FaultAllowing(at Place, allowed []string, format string, args ...any) {
	before := len(r.diagnostics)
	r.Fault(at, format, args...)
	if len(r.diagnostics) > before {
		r.diagnostics[before] = r.diagnostics[before].WithAllowed(allowed)
	}
}

// Full says that further diagnostics are counted, and not reported.
func (r *Report) Full() bool { return len(r.diagnostics) >= maxFaults }

// count is how many diagnostics there are, with those that are not reported.
func (r *Report) count() int { return len(r.diagnostics) + r.more }

// All returns the diagnostics, with one in the place of those that are not reported.
func (r *Report) All() Diagnostics { return append(slices.Clip(r.diagnostics), r.Unlisted()...) }

// Unlisted returns the diagnostic in the place of those that are not reported; none: all are.
func (r *Report) Unlisted() Diagnostics {
	if r.more == 0 {
		return nil
	}
	message := fmt.Sprintf("the file has %d more faults that are not listed", r.more)
	return Diagnostics{{File: r.File, Line: r.next.Line, Column: r.next.Column, Message: message}}
}

// has reports whether something is wrong at a place already, so that what follows from it need not be said.
func (r *Report) has(at Place) bool { return r.places[at] }

// unknownKey words a key that is not one of those allowed.
func unknownKey(key string, allowed []string) string {
	return fmt.Sprintf("unknown key %q", dataapi.Echo(key)) + keyAdvice(key, allowed)
}

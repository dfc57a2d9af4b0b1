package main

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// measure is something that is measured once in every round.
type measure struct {
	name string
	unit string
	once bool   // in the first round only, because it takes long and does not vary
	of   string // another measure that must be taken before, in the same round; empty for none
	run  func(ctx context.Context, l *lab) (float64, error)
	// instead of run: what many pairs differ by
	pairs func(ctx context.Context, l *lab) ([]float64, error)
}

// take returns the values of a round.
func (m measure) take(ctx context.Context, l *lab) ([]float64, error) {
	if m.pairs != nil {
		return m.pairs(ctx, l)
	}
	value, err := m.run(ctx, l)
	return []float64{value}, err
}

// limit is what a row is held against, made of other measures of the same round.
type limit struct {
	label    string
	measures []string
	value    func(of func(measure string) float64) float64
}

// against is a limit that is a measure itself.
func against(name string) *limit {
	return &limit{name, []string{name}, func(of func(string) float64) float64 { return of(name) }}
}

// oneAfterOther is the rate at which two things can be done that are done one after the other.
func oneAfterOther(first, second string) *limit {
	return &limit{"L of " + first + " and " + second, []string{first, second}, func(of func(string) float64) float64 {
		return 1 / (1/of(first) + 1/of(second))
	}}
}

// row is a line of the table.
type row struct {
	group   string // the name that ROW= chooses it by
	title   string
	ours    string // a measure
	limit   *limit // nil: the measure itself is held against the goal
	goal    float64
	atMost  bool   // a goal that is not to be exceeded; else one to be reached
	missing string // why there is nothing to measure
}

func (r row) needs() []string {
	if r.missing != "" {
		return nil
	}
	if r.limit == nil {
		return []string{r.ours}
	}
	return append([]string{r.ours}, r.limit.measures...)
}

// neededBy returns the names of the measures of which rows are made, and of those that these are made of.
func neededBy(rows []row, measures map[string]measure) map[string]bool {
	needed := make(map[string]bool)
	for _, r := range rows {
		for _, name := range r.needs() {
			for ; name != ""; name = measures[name].of {
				needed[name] = true
			}
		}
	}
	return needed
}

// samples hold one value for each round and measure, or one for each of its pairs, or the reason why there is none.
type samples struct {
	values   map[string][]float64
	failures map[string]error
}

func newSamples() *samples {
	return &samples{values: make(map[string][]float64), failures: make(map[string]error)}
}

// failure returns why a row has no value.
func (s *samples) failure(r row) error {
	for _, name := range r.needs() {
		if err := s.failures[name]; err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// in returns the value of a measure in a round; one that is taken once counts in every round.
func (s *samples) in(round int, name string) float64 {
	values := s.values[name]
	if len(values) == 0 {
		return math.NaN()
	}
	return values[min(round, len(values)-1)]
}

// ratios returns a row's ratio in every round.
func (s *samples) ratios(r row) []float64 {
	rounds := 0
	for _, name := range r.needs() {
		rounds = max(rounds, len(s.values[name]))
	}
	ratios := make([]float64, 0, rounds)
	for round := range rounds {
		of := func(name string) float64 { return s.in(round, name) }
		if r.limit == nil {
			ratios = append(ratios, of(r.ours))
		} else {
			ratios = append(ratios, of(r.ours)/r.limit.value(of))
		}
	}
	return ratios
}

// limits returns a row's limit in every round.
func (s *samples) limits(r row) []float64 {
	var limits []float64
	for round := range s.ratios(r) {
		limits = append(limits, r.limit.value(func(name string) float64 { return s.in(round, name) }))
	}
	return limits
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// number writes a value for the table.
func number(value float64) string {
	switch {
	case math.IsNaN(value):
		return "-"
	case value == math.Trunc(value) && math.Abs(value) < 1000:
		return fmt.Sprintf("%.0f", value)
	case math.Abs(value) >= 1000:
		return grouped(fmt.Sprintf("%.0f", value))
	case math.Abs(value) >= 100:
		return fmt.Sprintf("%.0f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

func grouped(digits string) string {
	var parts []string
	for len(digits) > 3 {
		parts = append([]string{digits[len(digits)-3:]}, parts...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, parts...), ",")
}

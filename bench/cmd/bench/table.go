package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// printTable writes one line for each row: ours, what it is held against, the ratio's median and spread, the goal.
func printTable(w io.Writer, rows []row, measures map[string]measure, taken *samples) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "row\tours\tlimit or peer\tratio (spread)\tgoal\t")
	for _, r := range rows {
		if r.missing != "" {
			fmt.Fprintf(table, "%s\t-\t-\tnot built\t%s\t%s\n", r.title, r.goalText(), r.missing)
			continue
		}
		if err := taken.failure(r); err != nil {
			fmt.Fprintf(table, "%s\t-\t-\tnot run\t%s\t%v\n", r.title, r.goalText(), err)
			continue
		}
		ratios := taken.ratios(r)
		if len(ratios) == 0 {
			fmt.Fprintf(table, "%s\t-\t-\tnot run\t%s\tthe time was over\n", r.title, r.goalText())
			continue
		}
		unit := measures[r.ours].unit
		ours := number(median(taken.values[r.ours])) + " " + unit
		held, ratio := "-", "-"
		if r.limit == nil && len(ratios) > 1 {
			ratio = fmt.Sprintf("(%.2f-%.2f)", slices.Min(ratios), slices.Max(ratios))
		}
		if measures[r.ours].pairs != nil {
			low, high := interval(ratios)
			ratio = fmt.Sprintf("(95 %%: %.2f-%.2f)", low, high)
		}
		if r.limit != nil {
			held = number(median(taken.limits(r))) + " " + unit
			ratio = fmt.Sprintf("%.2f (%.2f-%.2f)", median(ratios), slices.Min(ratios), slices.Max(ratios))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", r.title, ours, held, ratio, r.goalText(), r.verdict(median(ratios)))
	}
	return table.Flush()
}

func (r row) goalText() string {
	switch {
	case r.goal == 0 && !r.atMost:
		return "-"
	case r.atMost:
		return "<= " + number(r.goal)
	default:
		return ">= " + number(r.goal)
	}
}

func (r row) verdict(value float64) string {
	reached := value >= r.goal
	if r.atMost {
		reached = value <= r.goal
	}
	if !reached || math.IsNaN(value) {
		return "below goal"
	}
	return ""
}

// printMeasures writes every measure, with the processor time that it cost.
func printMeasures(w io.Writer, names []string, measures map[string]measure, taken *samples, cpu map[string][]cost) error {
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "measure\tmedian\tspread\tserver us/request\tPostgreSQL us/request\t")
	for _, name := range names {
		values := taken.values[name]
		if len(values) == 0 {
			continue
		}
		var server, database []float64
		for _, cost := range cpu[name] {
			server, database = append(server, cost.server), append(database, cost.database)
		}
		fmt.Fprintf(table, "%s\t%s %s\t%s-%s\t%s\t%s\t\n", name, number(median(values)), measures[name].unit,
			number(slices.Min(values)), number(slices.Max(values)), number(median(server)), number(median(database)))
	}
	return table.Flush()
}

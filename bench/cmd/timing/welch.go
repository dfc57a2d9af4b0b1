package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// bound is the |t| above which a difference counts as real.
const bound = 4.5

// cuts are the percentiles above which samples are left out; 100 leaves nothing out.
var cuts = []float64{100, 99, 95, 90, 75}

// report prints the table of times, and t for each pair. It fails when a difference is real over the lower nine tenths of
// the samples, where the machine's own noise decides least.
func report(w io.Writer, kinds []kind, times [][]float64) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "microseconds\tsamples\tmean\tp10\tmedian\tp90\tp99\t\n")
	var all []float64
	for i, kind := range kinds {
		all = append(all, times[i]...)
		sorted := slices.Sorted(slices.Values(times[i]))
		mean, _ := moments(sorted)
		fmt.Fprintf(table, "%s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", kind.name, len(sorted), mean/1e3,
			percentile(sorted, 10)/1e3, percentile(sorted, 50)/1e3, percentile(sorted, 90)/1e3, percentile(sorted, 99)/1e3)
	}
	slices.Sort(all)
	fmt.Fprintf(table, "\t\t\t\t\t\t\t\nWelch's t\tall")
	for _, cut := range cuts[1:] {
		fmt.Fprintf(table, "\tbelow p%.0f", cut)
	}
	fmt.Fprintf(table, "\t\t\n")
	worst := 0.0
	for i := range kinds {
		for j := range i {
			fmt.Fprintf(table, "%s, %s", kinds[j].name, kinds[i].name)
			for _, cut := range cuts {
				limit := percentile(all, cut)
				t := welch(below(times[j], limit), below(times[i], limit))
				fmt.Fprintf(table, "\t%+.2f", t)
				if cut == 90 {
					worst = max(worst, math.Abs(t))
				}
			}
			fmt.Fprintf(table, "\t\t\n")
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if worst >= bound {
		return fmt.Errorf("|t| is %.2f below p90: a difference of %.1f or more is likely to be real", worst, bound)
	}
	fmt.Fprintf(w, "\nThe largest |t| below p90 is %.2f; a difference would be likely from %.1f on.\n", worst, bound)
	return nil
}

func below(times []float64, limit float64) []float64 {
	var kept []float64
	for _, t := range times {
		if t <= limit {
			kept = append(kept, t)
		}
	}
	return kept
}

// welch is the t statistic of Welch's test: the difference of the means in units of its standard error.
func welch(a, b []float64) float64 {
	meanA, varianceA := moments(a)
	meanB, varianceB := moments(b)
	return (meanA - meanB) / math.Sqrt(varianceA/float64(len(a))+varianceB/float64(len(b)))
}

func moments(times []float64) (mean, variance float64) {
	for _, t := range times {
		mean += t
	}
	mean /= float64(len(times))
	for _, t := range times {
		variance += (t - mean) * (t - mean)
	}
	return mean, variance / float64(len(times)-1)
}

func percentile(sorted []float64, p float64) float64 {
	return sorted[min(int(p/100*float64(len(sorted))), len(sorted)-1)]
}

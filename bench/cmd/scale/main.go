package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

type options struct {
	binary, only, size     string
	rounds, reloads, edits int
	round                  time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.binary, "caddy", "bin/caddy", "the server")
	flag.StringVar(&o.only, "only", "", "the series to measure, with commas between them, of endpoints, companies, keys, jobs; all by default")
	flag.StringVar(&o.size, "size", "", "endpoints,companies,keys,jobs of one server, which is measured alone, such as 10000,100,1,0")
	flag.IntVar(&o.rounds, "rounds", 9, "of point requests, in turn among the servers of a series")
	flag.DurationVar(&o.round, "round", time.Second, "how long one round is")
	flag.IntVar(&o.reloads, "reloads", 20, "of each server, before its memory is read again")
	flag.IntVar(&o.edits, "edits", 5, "files that are edited, one after the other")
	flag.Parse()
	rig.Main("scale", func(ctx context.Context) error { return measure(ctx, o) })
}

// size is what one server of a series has.
type size struct{ endpoints, companies, keys, jobs int }

// growth is what grows from server to server, from the least on, while everything else stays.
type growth struct {
	name  string
	sizes []size
}

var series = []growth{
	{"endpoints", []size{{100, 1, 1, 0}, {1_000, 10, 1, 0}, {10_000, 100, 1, 0}}},
	{"companies", []size{{10_000, 1, 1, 0}, {10_000, 100, 1, 0}, {10_000, 10_000, 1, 0}}},
	{"keys", []size{{100, 1, 1, 0}, {100, 1, 1_000, 0}, {100, 1, 100_000, 0}}},
	{"jobs", []size{{100, 1, 1, 0}, {100, 1, 1, 10_000}, {100, 1, 1, 1_000_000}}},
}

func measure(ctx context.Context, o options) error {
	binary, err := filepath.Abs(o.binary)
	if err != nil {
		return err
	}
	o.binary = binary
	cluster, dsn, err := rig.StartDatabase(ctx, tables...)
	if err != nil {
		return err
	}
	defer cluster.Remove()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(table, "endpoints\tcompanies\tkeys\tjobs\tfirst start\tnext start\treload\tedit\theap\tafter %d reloads\tresident\tafter them\t"+
		"OpenAPI\tmade in\tagain in\tpoint, CPU\tof the first\t\n", o.reloads)
	measured := series
	if o.size != "" {
		var alone size
		if _, err := fmt.Sscanf(o.size, "%d,%d,%d,%d", &alone.endpoints, &alone.companies, &alone.keys, &alone.jobs); err != nil {
			return fmt.Errorf("-size %s: %w", o.size, err)
		}
		measured = []growth{{"alone", []size{alone}}}
	}
	for _, one := range measured {
		if o.only != "" && !slices.Contains(strings.Split(o.only, ","), one.name) {
			continue
		}
		if err := measureSeries(ctx, o, dsn, one.sizes, table); err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
	}
	return table.Flush()
}

// measureSeries measures servers one after the other, and then their point requests in turn.
func measureSeries(ctx context.Context, o options, dsn string, sizes []size, table *tabwriter.Writer) error {
	var subjects []*subject
	defer func() {
		for _, s := range subjects {
			s.server.Stop()
		}
	}()
	for _, size := range sizes {
		s, err := newSubject(ctx, o, dsn, size)
		if err != nil {
			return err
		}
		subjects = append(subjects, s)
		if err := s.measure(ctx, o); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%+v: %+v\n", size, s.found)
	}
	for range o.rounds {
		for _, s := range subjects {
			if err := s.load(ctx, o.round); err != nil {
				return err
			}
		}
	}
	for _, s := range subjects {
		var ratios []float64
		for round, cost := range s.costs {
			ratios = append(ratios, cost/subjects[0].costs[round])
		}
		f := s.found
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%.2f s\t%.2f s\t%.3f s\t%.2f s\t%.1f MB\t%.1f MB\t%.0f MiB\t%.0f MiB\t%d kB\t%.0f ms\t%.1f ms\t%.1f us\t%.2f\t\n",
			s.size.endpoints, s.size.companies, s.size.keys, s.size.jobs,
			f.firstStart.Seconds(), f.start.Seconds(), f.reload.Seconds(), f.edit.Seconds(),
			f.heap/1e6, f.heapLater/1e6, f.resident, f.residentLater, f.document/1000, ms(f.made), ms(f.again), median(s.costs), median(ratios))
	}
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

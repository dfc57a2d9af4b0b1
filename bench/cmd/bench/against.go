package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
)

// comparison is a load under which two builds are compared.
type comparison struct {
	group, slug string
	clients     int
}

var comparisons = []comparison{
	{"point", "point", 8}, {"point", "point", 32}, {"point", "point", 128}, {"claims", "claimed", 32}, {"page", "page", 8},
	{"big", "big", 1}, {"big", "big", 4}, {"cache", "cached", 32}, {"sqlite", "lite", 1},
}

// compare holds a build against another one, in pairs of a second, and prints by what they differ.
func (l *lab) compare(ctx context.Context, o options) error {
	other := *l
	var err error
	if other.caddy, err = filepath.Abs(o.against); err != nil {
		return err
	}
	one, err := l.hs256(ctx)
	if err != nil {
		return err
	}
	two, err := other.startServer(ctx, "against", serverOptions{hs256: true})
	if err != nil {
		return err
	}
	defer two.stop()
	table := tabwriter.NewWriter(os.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "of the other build's (95 %)\trate\tserver us/request\tPostgreSQL us/request\t")
	for _, c := range comparisons {
		if !chosen(o.row, c.group) {
			continue
		}
		weigh := func(s *server) func() (burden, error) {
			t := targetOf(c.slug, s.port, s.token)
			return func() (burden, error) { return l.weigh(ctx, s.pid(), t, c.clients) }
		}
		ones, others, err := inTurns(o.rounds, weigh(one), weigh(two))
		if err != nil {
			return err
		}
		name := fmt.Sprintf("%s, %d clients", c.slug, c.clients)
		say("%s: compared", name)
		fmt.Fprintf(table, "%s", name)
		for _, part := range []func(burden) float64{
			func(b burden) float64 { return b.rate },
			func(b burden) float64 { return b.server },
			func(b burden) float64 { return b.database },
		} {
			ratios := quotients(each(ones, part), each(others, part))
			low, high := interval(ratios)
			fmt.Fprintf(table, "\t%.3f (%.3f-%.3f)", median(ratios), low, high)
		}
		fmt.Fprintln(table, "\t")
	}
	return table.Flush()
}

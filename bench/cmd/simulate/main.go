package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

func main() {
	cores := flag.Int("cores", 4, "cores of the simulated database")
	quick := flag.Bool("quick", false, "measure a tenth as often")
	result := flag.Int("result", 2000, "bytes of a result")
	flag.Parse()
	rig.Main("simulate", func(ctx context.Context) error { return run(ctx, *cores, *result, *quick) })
}

func run(ctx context.Context, cores, result int, quick bool) error {
	cluster, err := pgtest.Start("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "shared_buffers=256MB")
	if err != nil {
		return err
	}
	defer cluster.Remove()
	costs, err := measure(ctx, cluster.DSN(), result, quick)
	if err != nil {
		return err
	}
	costs.print()
	fmt.Printf("\nOne database of %d cores, simulated:\n\n", cores)
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "servers\tsignals\tcores of idle servers\tjobs/s at most\tmedian of an acceptance\tp99\tjobs in a commit\t"+
		"of the cores: jobs\tsignals\tquestions\t")
	for _, servers := range []int{10, 100, 1000} {
		for _, signals := range []bool{true, false} {
			idle := simulate(costs, scenario{servers: servers, cores: cores, signals: signals, span: 10})
			most, at := limit(costs, scenario{servers: servers, cores: cores, signals: signals, span: 4})
			if most == 0 {
				at = idle
			}
			fmt.Fprintf(table, "%d\t%s\t%.2f\t%.0f\t%.1f ms\t%.0f ms\t%.1f\t%.0f%%\t%.0f%%\t%.0f%%\t\n", servers, yesOr(signals, "poll_only"),
				idle.used(all...)*float64(cores), most, at.median*1e3, at.p99*1e3, at.together(),
				100*at.used(ofJobs...), 100*at.used(kindNotify), 100*at.used(ofQuestions...))
		}
	}
	return table.Flush()
}

func yesOr(yes bool, no string) string {
	if yes {
		return "yes"
	}
	return no
}

// heldWithin and heldUsed are what still counts as held: 99 of 100 acceptances within this time, and no more of the cores in use than this.
const (
	heldWithin = 0.1
	heldUsed   = 0.9
)

// limit finds how many jobs a second are held, to within 3%.
func limit(c *costs, s scenario) (most float64, at outcome) {
	low, high := 0.0, 100.0
	for {
		s.jobs = high
		o := simulate(c, s)
		if !o.held() {
			break
		}
		low, at = high, o
		high *= 2
	}
	for high-low > 0.03*high && high > 1 {
		s.jobs = (low + high) / 2
		if o := simulate(c, s); o.held() {
			low, at = s.jobs, o
		} else {
			high = s.jobs
		}
	}
	return low, at
}

// print shows what was measured.
func (c *costs) print() {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "what\tprocessor time of the database\tWAL\t")
	line := func(what string, cost cost) {
		fmt.Fprintf(table, "%s\t%s\t%.1f KB\t\n", what, time.Duration(cost.cpu*1e9).Round(time.Microsecond), cost.wal/1e3)
	}
	line("a question for changes and heartbeats, a second of an idle server", c.follow)
	line("a look for jobs, none waits", c.lookJobs)
	line("a look for callbacks", c.lookDeliveries)
	line("a signal that nobody hears", c.notify)
	line("a server that hears it", c.hear)
	for _, f := range []struct {
		what string
		line fitted
	}{{"jobs accepted", c.accept}, {"jobs claimed", c.claim}, {"results stored", c.store}, {"jobs ended", c.end}} {
		line(f.what+": a statement", f.line.base)
		line(strings.Repeat(" ", len(f.what))+"  and for each", f.line.each)
	}
	_ = table.Flush()
	fmt.Printf("\na commit waits %s for the disk\n", time.Duration(c.flush*1e9).Round(10*time.Microsecond))
}

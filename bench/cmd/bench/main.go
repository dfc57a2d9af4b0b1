package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// budget is the time after which no new round begins, so that everything ends within 20 minutes.
const budget = 15 * time.Minute

var begun = time.Now()

// say prints progress, which is not part of the table.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench %6.1fs  %s\n", time.Since(begun).Seconds(), fmt.Sprintf(format, args...))
}

type options struct {
	row, caddy, profiles, environment, against string
	rounds, seconds                            int
	hold                                       bool
}

func main() {
	var o options
	flag.StringVar(&o.row, "row", "", "the groups of rows to run, with commas between them; all by default")
	flag.StringVar(&o.caddy, "caddy", "bin/caddy", "the binary to measure")
	flag.StringVar(&o.against, "against", "", "another build: compares -caddy with it, in as many pairs of a second as there are rounds")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured, interleaved")
	flag.IntVar(&o.seconds, "seconds", 3, "how long one measure is under load")
	flag.StringVar(&o.profiles, "profiles", "", "a directory for CPU profiles of the server, one for each measure")
	flag.StringVar(&o.environment, "env", "", "variables of the server, such as GOGC=400,GOMEMLIMIT=1GiB")
	flag.BoolVar(&o.hold, "hold", false, "measure nothing: start PostgreSQL and the server, say where they are, and keep them")
	flag.Parse()
	// So that a benchmark's own clients keep their connections, too.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = pairClients
	rig.Main("bench", func(ctx context.Context) error { return bench(ctx, o) })
}

func bench(ctx context.Context, o options) error {
	rows, err := choose(o.row)
	if err != nil {
		return err
	}
	if err := checkTools(); err != nil {
		return err
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	l, err := newLab(ctx, root)
	if err != nil {
		return err
	}
	defer l.close()
	l.seconds = o.seconds
	if o.environment != "" {
		l.environment = strings.Split(o.environment, ",")
	}
	if l.caddy, err = filepath.Abs(o.caddy); err != nil {
		return err
	}
	if o.profiles != "" {
		if l.profiles, err = filepath.Abs(o.profiles); err != nil {
			return err
		}
		if err := os.MkdirAll(l.profiles, 0o755); err != nil {
			return err
		}
	}
	if o.hold {
		return l.hold(ctx)
	}
	if o.against != "" {
		return l.compare(ctx, o)
	}
	return l.measureRows(ctx, rows, o.rounds)
}

// checkTools says what is missing before anything is started.
func checkTools() error {
	for program, advice := range map[string]string{
		"wrk":     "install wrk: it is a package of most systems (apt-get install wrk, brew install wrk)",
		"pgbench": "install PostgreSQL's client programs (pgbench is in Debian's postgresql and postgresql-contrib)",
		"psql":    "install PostgreSQL's client programs (Debian's postgresql-client)",
	} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s was not found: %s", program, advice)
		}
	}
	return nil
}

// measureRows takes what the rows need, in interleaved rounds, and prints the table.
func (l *lab) measureRows(ctx context.Context, rows []row, rounds int) error {
	names, measures := allMeasures()
	needed := neededBy(rows, measures)
	names = slices.DeleteFunc(names, func(name string) bool { return !needed[name] })
	taken := newSamples()
	costs := make(map[string][]cost)
	for round := range rounds {
		if len(names) > 0 && time.Since(begun) > budget {
			say("the time is over after %d rounds", round)
			break
		}
		l.maximum = 0
		for _, name := range names {
			if taken.failures[name] != nil || measures[name].once && round > 0 {
				continue
			}
			values, err := l.take(ctx, measures[name], round)
			if ctx.Err() != nil {
				return errors.New("interrupted")
			}
			if err != nil {
				say("round %d of %d: %s: %v", round+1, rounds, name, err)
				taken.failures[name] = err
				continue
			}
			taken.values[name] = append(taken.values[name], values...)
			value := median(values)
			spent := ""
			if c, ok := l.lastCost(); ok {
				l.costs[name] = c
				costs[name] = append(costs[name], c)
				spent = fmt.Sprintf("  (us a request: server %s, PostgreSQL %s)", number(c.server), number(c.database))
			}
			if name == "point hs256 32" {
				l.maximum = value
			}
			say("round %d of %d: %-28s %s %s%s", round+1, rounds, name, number(value), measures[name].unit, spent)
		}
	}
	fmt.Println()
	if err := printMeasures(os.Stdout, names, measures, taken, costs); err != nil {
		return err
	}
	fmt.Println()
	return printTable(os.Stdout, rows, measures, taken)
}

// take measures, and profiles the server meanwhile in the last part of the first round, when profiles are wanted.
func (l *lab) take(ctx context.Context, m measure, round int) ([]float64, error) {
	l.requests = 0
	if l.profiles == "" || round > 0 {
		return m.take(ctx, l)
	}
	done := l.profile(ctx, m.name)
	defer done()
	return m.take(ctx, l)
}

package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// printDocument prints what is wrong, and then how everything fares.
func printDocument(c *command.Call, status admin.Status) error {
	problems := problemsOf(status)
	if len(problems) == 0 {
		problems = []string{"none"}
	}
	up := command.Age(status.At.Sub(status.StartedAt))
	if err := c.Printf("Data API %s; up %s\n\nPROBLEMS\n%s\n\n", status.Build.String(), up, strings.Join(problems, "\n")); err != nil {
		return err
	}
	if err := c.Table("SOURCE\tSTATE\tFOR\tIN USE\tIDLE\tLIMIT\tWAITING\tFAILED RUNS", sourceRows(status)...); err != nil {
		return err
	}
	if err := c.Printf("\n"); err != nil {
		return err
	}
	if err := c.Table("JOBS\t"+jobsLine(status), "STORE\t"+storeLine(status.Store), "CACHE\t"+cacheLine(status.Cache),
		"ENDPOINTS\t"+endpointsLine(status)); err != nil {
		return err
	}
	return c.Printf("%s", section("WARNINGS", status.Warnings))
}

// problemsOf lists what is wrong, the worst first.
func problemsOf(status admin.Status) (lines []string) {
	for _, source := range status.Sources {
		if source.State != admin.SourceAnswers {
			lines = append(lines, source.String())
		}
	}
	if standing := status.Store.Standing; standing != nil && standing.Stale {
		lines = append(lines, fmt.Sprintf("store: nothing was heard of the other servers for %s: callers with an API key or its token get 503",
			command.Age(seconds(standing.SilenceSeconds))))
	}
	if status.Store.Error != "" {
		lines = append(lines, "store: "+oneLine(status.Store.Error))
	}
	if status.Jobs.Error != "" && status.Jobs.Error != status.Store.Error { // who cannot ask the store knows neither
		lines = append(lines, "jobs: "+oneLine(status.Jobs.Error))
	}
	for _, endpoint := range status.Failing {
		times := ""
		if endpoint.Failures > 1 {
			times = fmt.Sprintf(", %d times since %s", endpoint.Failures, endpoint.Since.Format(time.RFC3339))
		}
		lines = append(lines, fmt.Sprintf("%s: failed %s ago%s: %s",
			endpoint.Endpoint, command.Age(status.At.Sub(endpoint.LastAt)), times, oneLine(endpoint.Error)))
	}
	return append(lines, status.Faults...)
}

func sourceRows(status admin.Status) []string {
	sources := slices.Clone(status.Sources)
	slices.SortStableFunc(sources, func(a, b admin.SourceState) int {
		return cmp.Compare(rank(a), rank(b))
	})
	rows := make([]string, len(sources))
	for i, s := range sources {
		use, idle, limit := "-", "-", "-"
		if c := s.Connections; c != nil {
			use, idle, limit = strconv.Itoa(c.InUse), strconv.Itoa(c.Idle), strconv.Itoa(c.Limit)
		}
		rows[i] = strings.Join([]string{
			s.Source, strings.ReplaceAll(s.State, "_", " "), command.Age(status.At.Sub(s.Since)), use, idle, limit,
			strconv.Itoa(s.Waiting), failuresOf(s, status.At),
		}, "\t")
	}
	return rows
}

// rank puts a source that does not answer before one that does.
func rank(source admin.SourceState) int {
	if source.State == admin.SourceAnswers {
		return 1
	}
	return 0
}

// failuresOf says how many runs failed, of which class, and how long ago the last one did.
func failuresOf(source admin.SourceState, now time.Time) string {
	var parts []string
	for _, class := range slices.Sorted(maps.Keys(source.Failures)) {
		if n := source.Failures[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, strings.ReplaceAll(class, "_", " ")))
		}
	}
	if len(parts) == 0 {
		return "0"
	}
	text := strings.Join(parts, ", ")
	if source.LastFailure != nil {
		text += fmt.Sprintf("; the last %s ago", command.Age(now.Sub(source.LastFailure.At)))
	}
	return text
}

func jobsLine(status admin.Status) string {
	jobs := status.Jobs
	if jobs.Error != "" {
		return "unknown"
	}
	text := fmt.Sprintf("%d running, %d waiting", jobs.Running, jobs.Waiting)
	if !jobs.OldestWaitingAt.IsZero() {
		text += fmt.Sprintf(", the oldest for %s", command.Age(status.At.Sub(jobs.OldestWaitingAt)))
	}
	return text
}

func storeLine(store admin.StoreState) string {
	text := "unknown"
	if store.Error == "" {
		text = command.Size(store.Bytes)
	}
	standing := store.Standing
	if standing == nil {
		return text
	}
	text += ", shared by " + command.Count(standing.Servers, "server")
	switch {
	case standing.SilenceSeconds > 2:
		text += fmt.Sprintf("; nothing heard for %s of at most %s",
			command.Age(seconds(standing.SilenceSeconds)), command.Age(seconds(standing.StaleAfterSeconds)))
	case standing.Signals:
		text += "; changes are signalled"
	default:
		text += "; changes are asked for"
	}
	return text
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func cacheLine(cache admin.CacheState) string {
	text := fmt.Sprintf("%s, %s of %s", command.Count(cache.Entries, "result"), command.Size(cache.Bytes), command.Size(cache.Limit))
	served := cache.Hits + cache.Stale + cache.Collapsed
	if all := served + cache.Misses; all > 0 {
		text += fmt.Sprintf("; %.0f %% of %d requests served", 100*float64(served)/float64(all), all)
	}
	return text
}

func endpointsLine(status admin.Status) string {
	text := fmt.Sprintf("%d active", status.Endpoints.Active)
	if n := status.Endpoints.Inactive; n > 0 {
		text += fmt.Sprintf(", %d inactive", n)
	}
	if n := len(status.Faults); n > 0 {
		text += ", " + command.Count(n, "fault")
	}
	return text
}

// printEndpoints prints the endpoints of the catalog.
func printEndpoints(c *command.Call, catalog admin.Catalog) error {
	rows := make([]string, len(catalog.Endpoints))
	for i, endpoint := range catalog.Endpoints {
		mode := endpoint.Mode
		if !endpoint.Active {
			mode += " (inactive)"
		}
		rows[i] = strings.Join([]string{endpoint.Endpoint, mode, endpoint.Source, endpoint.Revision, command.OrDash(endpoint.Title)}, "\t")
	}
	if err := c.Printf("\n"); err != nil {
		return err
	}
	return c.Table("ENDPOINT\tMODE\tSOURCE\tREVISION\tTITLE", rows...)
}

// section is lines under a heading, or nothing when there are none.
func section(heading string, lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return "\n" + heading + "\n" + strings.Join(lines, "\n") + "\n"
}

// oneLine keeps a text from breaking a list.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

package command

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/term"
)

// Show prints a document: as JSON under --json, else in words, as the function does.
func (c *Call) Show(document any, inWords func() error) error {
	if c.Bool("json") {
		return json.NewEncoder(c.Out).Encode(document)
	}
	return inWords()
}

// Table prints rows below a heading, in columns. A cell ends with a tab, but for the last.
func (c *Call) Table(heading string, rows ...string) error {
	table := tabwriter.NewWriter(c.Out, 0, 0, 2, ' ', 0)
	for _, row := range append([]string{heading}, rows...) {
		fmt.Fprintln(table, row)
	}
	return table.Flush()
}

// OrDash is a text, or a dash where there is none.
func OrDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// TimeOrDash is a time in RFC 3339, or a dash for the zero time.
func TimeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

// Count writes a number with its noun.
func Count(n int, noun string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case noun == "company":
		return fmt.Sprintf("%d companies", n)
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

// Age writes how long something takes, in its two largest units at most.
func Age(d time.Duration) string {
	const day = 24 * time.Hour
	switch d = max(d, 0); {
	case d < time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	case d < day:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	default:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	}
}

// Size writes a number of bytes for people.
func Size(bytes int64) string { return humanize.IBytes(uint64(max(bytes, 0))) }

// IsTerminal reports whether a person reads along.
func IsTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

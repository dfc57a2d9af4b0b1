package storecmd

import (
	"errors"
	"fmt"
	"io"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
)

// tell shows what a store's file holds, and makes an error of what is wrong with it.
func tell(c *command.Call, report boltfile.Report, wrong string) error {
	if err := c.Show(report, func() error { return printReport(c, report) }); err != nil {
		return err
	}
	if !report.Sound() {
		return errors.New(wrong)
	}
	return nil
}

// printReport prints what a store's file holds, and what is wrong with it.
func printReport(c *command.Call, report boltfile.Report) error {
	found := "no faults"
	if len(report.Faults) > 0 {
		found = command.Count(len(report.Faults), "fault")
	}
	if err := c.Printf("%s: %s, layout %d, %s of which %d are free, %s\n", report.Path, command.Size(report.Bytes), report.Schema,
		command.Count(report.Pages, "page"), report.Free+report.Lost, found); err != nil {
		return err
	}
	if err := printFaults(c.Out, report.Faults); err != nil {
		return err
	}
	var rows []string
	for _, kind := range report.Kinds() {
		rows = append(rows, fmt.Sprintf("%s\t%d", kind, report.Records[kind]))
	}
	return c.Table("KIND\tRECORDS", rows...)
}

// printFaults prints what is wrong with a store's file, and what becomes of it.
func printFaults(to io.Writer, faults []boltfile.Fault) error {
	for _, fault := range faults {
		effect := "it cannot be read; everything else can"
		switch {
		case fault.Fatal:
			effect = "no server starts with this file"
		case fault.Mended:
			effect = "the server makes it again when it starts"
		}
		name := "the file"
		if fault.Kind != "" {
			name = fault.Kind + " " + fault.Record
		}
		if _, err := fmt.Fprintf(to, "%s: %s: %s\n", name, fault.Fault, effect); err != nil {
			return err
		}
	}
	return nil
}

// printSums prints what was moved from one store to another.
func printSums(c *command.Call, sums []transfer.Sum) error {
	rows := make([]string, len(sums))
	for i, sum := range sums {
		rows[i] = fmt.Sprintf("%s\t%d\t%s\t%.16s", sum.Kind, sum.Records, command.Size(sum.Bytes), sum.SHA256)
	}
	if err := c.Table("KIND\tRECORDS\tSIZE\tSHA-256", rows...); err != nil {
		return err
	}
	return c.Printf("\nMoved and compared: both stores hold the same. Now configure `store postgres` on every server, and start them.\n")
}

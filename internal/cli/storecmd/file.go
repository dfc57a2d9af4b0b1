package storecmd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

// download is the store of a running server while it comes in.
type download struct {
	*http.Response
	size, read int64
}

// openDownload asks the server for its store.
func openDownload(c *command.Call) (*download, error) {
	response, err := caddycmd.AdminAPIRequest(c.Server, http.MethodPost, admin.BackupPath, nil, nil)
	if err != nil {
		return nil, fmt.Errorf("%w. Where no server runs, name the store's file with --store", c.Explain(err))
	}
	size, err := strconv.ParseInt(response.Header.Get(admin.BackupSize), 10, 64)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the server at %s does not say how large its store is", c.Server), response.Body.Close())
	}
	return &download{Response: response, size: size}, nil
}

// Read implements io.Reader. What the server says behind the content is an error.
func (d *download) Read(buffer []byte) (int, error) {
	n, err := d.Body.Read(buffer)
	d.read += int64(n)
	if errors.Is(err, io.EOF) && d.read < d.size {
		if why := d.Trailer.Get(admin.BackupError); why != "" {
			return n, errors.New(why)
		}
		return n, errors.New("the server has ended the connection before it had sent everything: its log may say why")
	}
	return n, err
}

// Close implements io.Closer.
func (d *download) Close() error { return d.Body.Close() }

// openStore opens the store that is to be copied: the file that is named, or that of the server.
func openStore(c *command.Call) (io.ReadCloser, int64, error) {
	if path := c.String("store"); path != "" {
		return boltfile.OpenCopy(path)
	}
	from, err := openDownload(c)
	if err != nil {
		return nil, 0, err
	}
	return from, from.size, nil
}

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

// Interface guards.
var (
	_ io.ReadCloser     = (*download)(nil)
	_ boltfile.Progress = (*meter)(nil).show
)

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
		err = c.Explain(err)
		if _, refused := errors.AsType[command.RefusedError](err); refused {
			return nil, err
		}
		return nil, fmt.Errorf("%w. Where no server runs, name the store's file with --store", err)
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

// Interface guards.
var (
	_ io.ReadCloser     = (*download)(nil)
	_ boltfile.Progress = (*meter)(nil).show
)

package admin

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Backuper is a store that can be copied as one file while it is in use.
type Backuper interface {
	// Backup returns the content of a file that holds what the store holds now, and its size in bytes. The caller closes it.
	// Reading fails when the copy would hold up the store.
	Backup(ctx context.Context) (content io.ReadCloser, size int64, err error)
}

// Fields of the answer to a request for a backup.
const (
	BackupSize  = "Data-Api-Backup-Size"  // a header: how many bytes follow
	BackupError = "Data-Api-Backup-Error" // a trailer: why fewer have followed; empty: all have
)

// takeTimeout is how long the receiver of a backup may take none of it: as long as it is sent, the store grows by what
// is written.
const takeTimeout = time.Minute

// backupStore sends the store as one file.
func (s *Services) backupStore(r *http.Request) (any, error) {
	backuper, ok := s.Store.(Backuper)
	if !ok {
		return nil, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The configured store is no file that could be copied: back its database up, with the database's own tools.")
	}
	// Caddy's admin API would end the request, with its context, after ten seconds.
	content, size, err := backuper.Backup(context.WithoutCancel(r.Context()))
	if err != nil {
		return nil, err
	}
	s.record(r, audit.Event{Action: audit.StoreBackedUp})
	return &download{content: content, size: size}, nil
}

// download is a document that is no JSON, and is sent while it is read.
type download struct {
	content io.ReadCloser
	size    int64
}

// send sends the content. A failure in the middle is told behind what was sent.
func (d *download) send(w http.ResponseWriter) error {
	defer d.content.Close()
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("Trailer", BackupError)
	header.Set(BackupSize, strconv.FormatInt(d.size, 10))
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	w.WriteHeader(http.StatusOK)
	header.Set(BackupError, "")
	if err := d.copyTo(w, control); err != nil {
		header.Set(BackupError, err.Error())
	}
	return nil
}

func (d *download) copyTo(w io.Writer, control *http.ResponseController) error {
	buffer := make([]byte, 256<<10)
	for {
		n, err := d.content.Read(buffer)
		if n > 0 {
			if err := control.SetWriteDeadline(time.Now().Add(takeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

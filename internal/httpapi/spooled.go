package httpapi

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/spool"
)

// answerForm serves the result in another form than it is stored in. Where a range of it would begin is known once it was made: it is
// made once, and read by all who ask for a part of it. One that is too large for that is made while it is sent, as a whole.
func (s *results) answerForm(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader, form form) error {
	name := found.ID.String() + "-" + form.String()
	file, err := s.spool.Get(r.Context(), name, func(to io.Writer) error { return s.spoolForm(r.Context(), w, to, found, stored, form) })
	if errors.Is(err, spool.ErrNoRoom) {
		return s.streamForm(w, r, found, stored, form, strconv.Quote(name))
	}
	if err != nil {
		return err
	}
	defer file.Close()
	header := w.Header()
	header.Set("Content-Type", form.format.ContentType)
	header.Set("Cache-Control", "no-store")
	form.describe(header, downloadName(found), found.Result.MaxRows)
	fields.SetSummary(header, summaryOf(found))
	// Another version of this program may write it with other bytes: parts of both must not be put together.
	return answerRanges(w, r, strconv.Quote(name+"-"+hex.EncodeToString(file.Sum[:8])), file)
}

// spoolForm writes the result in a form to a file.
func (s *results) spoolForm(ctx context.Context, w http.ResponseWriter, to io.Writer, found job.Job, stored *job.ResultReader, form form) error {
	end, err := s.beginForm(found.Company, form)
	if err != nil {
		return err
	}
	defer end()
	turns, err := respond.ConvertInTurns(w, to)
	if err != nil {
		return err
	}
	defer turns.End()
	encoder := form.encoder(turns, false, nil)
	defer encoder.Close()
	return convert(ctx, found, stored, form, encoder)
}

// streamForm serves the result in another form while it is made. How long it is, is not known.
func (s *results) streamForm(w http.ResponseWriter, r *http.Request, found job.Job, stored *job.ResultReader, form form, etag string) error {
	if _, err := stored.Seek(0, io.SeekStart); err != nil {
		return err
	}
	header := w.Header()
	header.Set("Cache-Control", "no-store")
	header.Set("ETag", etag)
	header.Set("Accept-Ranges", "none")
	if fields.Matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	if r.Method == http.MethodHead {
		header.Set("Content-Type", form.format.ContentType)
		return nil
	}
	end, err := s.beginForm(found.Company, form)
	if err != nil {
		return err
	}
	defer end()
	return answerConverted(r.Context(), w, found, stored, form, false)
}

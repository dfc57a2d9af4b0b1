package job

import (
	"encoding/json"
	"io"
	"time"
)

// WriteDocument writes the job as callers see it, one JSON object with the fields job_id, status, result, error,
// created_at, completed_at and expires_at, in this order. Times are RFC 3339 in UTC with whole seconds.
//
// The result, one JSON value, is copied from the reader as it is: only a copying buffer is held in memory. Without a
// reader, result is null, and the document of a completed job has "result_omitted": true after it. The caller
// must break the connection when an error comes after the first byte, or the receiver believes what it has got.
func WriteDocument(w io.Writer, j Job, result io.Reader) error {
	return writeDocument(w, j, result, nil, nil)
}

// About says of a job what those know already who ask for it at its own address.
type About struct {
	Endpoint   string          `json:"endpoint"`         // namespace/slug
	PollingURL string          `json:"polling_url"`      // for whom the document is
	Parameters json.RawMessage `json:"parameter_values"` // sensitive ones replaced; nil, which is null: they are not known any more
}

// WriteDescribed writes a document as WriteDocument does, or as WriteProgress where there is progress, with the fields of about at
// its end.
func WriteDescribed(w io.Writer, j Job, result io.Reader, progress *Progress, about About) error {
	var running *progressDocument
	if progress != nil {
		running = &progressDocument{Rows: progress.Rows, ElapsedMS: progress.Elapsed.Milliseconds()}
	}
	return writeDocument(w, j, result, running, &about)
}

// WriteProgress writes the document of a job that runs. It is WriteDocument's without a result, and has one more field at
// its end: progress, an object with rows and elapsed_ms.
func WriteProgress(w io.Writer, j Job, progress Progress) error {
	return writeDocument(w, j, nil, &progressDocument{Rows: progress.Rows, ElapsedMS: progress.Elapsed.Milliseconds()}, nil)
}

type progressDocument struct {
	Rows      int64 `json:"rows"`
	ElapsedMS int64 `json:"elapsed_ms"`
}

// DocumentSize is how many bytes WriteDocument writes of a completed job with its result.
func DocumentSize(j Job) (int64, error) {
	head, tail, err := documentParts(j, true, nil, nil)
	return int64(len(head)) + j.Result.Size + int64(len(tail)), err
}

func writeDocument(w io.Writer, j Job, result io.Reader, progress *progressDocument, about *About) error {
	whole := result != nil && j.Status == Completed
	head, tail, err := documentParts(j, whole, progress, about)
	if err != nil {
		return err
	}
	if !whole {
		_, err = w.Write(append(head, tail...))
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	if _, err := io.Copy(w, result); err != nil {
		return err
	}
	_, err = w.Write(tail)
	return err
}

// documentParts returns what comes before a result and behind it, or, without a result, the document in two parts.
func documentParts(j Job, result bool, progress *progressDocument, about *About) (head, tail []byte, err error) {
	head, err = json.Marshal(struct {
		ID     ID     `json:"job_id"`
		Status Status `json:"status"`
	}{j.ID, j.Status})
	if err != nil {
		return nil, nil, err
	}
	head = append(head[:len(head)-1], `,"result":`...)
	if !result {
		head = append(head, "null"...)
		if j.Status == Completed {
			head = append(head, `,"result_omitted":true`...)
		}
	}
	tail, err = json.Marshal(struct {
		Error       *Error  `json:"error"`
		CreatedAt   *string `json:"created_at"`
		CompletedAt *string `json:"completed_at"`
		ExpiresAt   *string `json:"expires_at"`

		Progress *progressDocument `json:"progress,omitempty"`
		*About
	}{j.Error, timestamp(j.CreatedAt), timestamp(j.CompletedAt), timestamp(j.ExpiresAt), progress, about})
	if err != nil {
		return nil, nil, err
	}
	tail[0] = ','
	return head, tail, nil
}

// timestamp returns nil, which is null in JSON, for the zero time.
func timestamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := t.UTC().Format(time.RFC3339)
	return &text
}

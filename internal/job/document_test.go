package job_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
)

func TestDocument(t *testing.T) {
	id, err := job.ParseID("507f1f77bcf86cd799439011")
	if err != nil {
		t.Fatal(err)
	}
	created := time.Date(2026, 4, 11, 7, 30, 0, 999_999_999, time.FixedZone("BRT", -3*60*60))
	ended := job.Job{ID: id, Status: job.Completed, CreatedAt: created, CompletedAt: created.Add(45 * time.Second), ExpiresAt: created.Add(time.Hour)}
	broken := ended
	broken.Status, broken.Error = job.Failed, &job.Error{Code: dataapi.CodeInternal, Detail: `It "failed".`}
	cases := []struct {
		name   string
		job    job.Job
		result io.Reader
		want   string
	}{
		{"processing", job.Job{ID: id, Status: job.Processing, CreatedAt: created}, nil,
			`{"job_id":"507f1f77bcf86cd799439011","status":"processing","result":null,"error":null,` +
				`"created_at":"2026-04-11T10:30:00Z","completed_at":null,"expires_at":null}`},
		{"completed", ended, strings.NewReader(`{"rows":[150000.00]}`),
			`{"job_id":"507f1f77bcf86cd799439011","status":"completed","result":{"rows":[150000.00]},"error":null,` +
				`"created_at":"2026-04-11T10:30:00Z","completed_at":"2026-04-11T10:30:45Z","expires_at":"2026-04-11T11:30:00Z"}`},
		{"left out", ended, nil,
			`{"job_id":"507f1f77bcf86cd799439011","status":"completed","result":null,"result_omitted":true,"error":null,` +
				`"created_at":"2026-04-11T10:30:00Z","completed_at":"2026-04-11T10:30:45Z","expires_at":"2026-04-11T11:30:00Z"}`},
		{"failed", broken, strings.NewReader("must not be read"),
			`{"job_id":"507f1f77bcf86cd799439011","status":"failed","result":null,` +
				`"error":{"code":"INTERNAL_ERROR","detail":"It \"failed\"."},` +
				`"created_at":"2026-04-11T10:30:00Z","completed_at":"2026-04-11T10:30:45Z","expires_at":"2026-04-11T11:30:00Z"}`},
	}
	for _, c := range cases {
		var got strings.Builder
		if err := job.WriteDocument(&got, c.job, c.result); err != nil {
			t.Fatal(err)
		}
		if got.String() != c.want || !json.Valid([]byte(got.String())) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.name, got.String(), c.want)
		}
	}
	torn := errors.New("torn")
	var got strings.Builder
	err = job.WriteDocument(&got, ended, io.MultiReader(strings.NewReader(`{"rows":[`), failingReader{torn}))
	if !errors.Is(err, torn) || json.Valid([]byte(got.String())) {
		t.Errorf("a result that breaks off: %v, %s", err, got.String())
	}
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

func TestID(t *testing.T) {
	at := time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)
	id, later := job.NewID(at), job.NewID(at.Add(time.Second))
	if !id.Time().Equal(at) || id.String() >= later.String() || len(id.String()) != 24 || id == job.NewID(at) {
		t.Errorf("ids %s and %s, time %v", id, later, id.Time())
	}
	for _, wrong := range []string{
		"", "507f1f77bcf86cd79943901", "507f1f77bcf86cd7994390111", "507F1f77bcf86cd799439011", "507f1f77bcf86cd79943901g",
		" 507f1f77bcf86cd79943901", "507f1f77bcf86cd79943901\x00", "507f1f77bcf86cd7994390\u00e9",
	} {
		if _, err := job.ParseID(wrong); !errors.Is(err, job.ErrInvalidID) {
			t.Errorf("%q: got %v", wrong, err)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("507f1f77bcf86cd799439011")
	f.Add("507F1F77BCF86CD799439011")
	f.Add("../../../../etc/passwd..")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := job.ParseID(text)
		if err == nil && id.String() != text {
			t.Fatalf("%q was read as %s", text, id)
		}
	})
}

func TestProgressDocument(t *testing.T) {
	running := job.Job{Status: job.Processing, CreatedAt: time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)}
	var got strings.Builder
	if err := job.WriteProgress(&got, running, job.Progress{Rows: 1200, Elapsed: 5300 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	want := `{"job_id":"000000000000000000000000","status":"processing","result":null,"error":null,` +
		`"created_at":"2026-04-11T10:30:00Z","completed_at":null,"expires_at":null,"progress":{"rows":1200,"elapsed_ms":5300}}`
	if got.String() != want {
		t.Errorf("\ngot  %s\nwant %s", got.String(), want)
	}
}

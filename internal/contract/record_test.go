package contract

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/observe"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// records keeps what an observer is told.
type records struct {
	mu   sync.Mutex
	kept []observe.Call
	told chan struct{}
}

func newRecords() *records { return &records{told: make(chan struct{}, 1000)} }

func (r *records) Observe(_ context.Context, call *observe.Call) {
	r.mu.Lock()
	r.kept = append(r.kept, *call)
	r.mu.Unlock()
	r.told <- struct{}{}
}

// next waits for the next record, and takes it.
func (r *records) next(t *testing.T) observe.Call {
	t.Helper()
	select {
	case <-r.told:
	case <-time.After(servertest.Patience):
		t.Fatal("nothing was recorded")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	first := r.kept[0]
	r.kept = r.kept[1:]
	return first
}

// TestEachCallIsRecordedOnce: however a call ends, observers are told once, with what is known by then.
func TestEachCallIsRecordedOnce(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		told := newRecords()
		files := files(e)
		files["acme/default/kept.sql"] = "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT 1 AS one"
		s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: files, Observer: told})
		token := s.Login("acme", "integration").Access
		const good = `{"data_inicio":"2026-01-01","regiao":"Sul"}`

		got := s.Execute("vendas-por-regiao", token, good).Want(http.StatusOK)
		call := told.next(t)
		if call.Kind != observe.Request || call.Outcome != observe.Success || !call.Ran || call.Rows != 1 || call.Bytes != int64(len(got.Body)) ||
			call.Company != "acme" || call.User != "integration" || call.KeyID == "" || call.Endpoint.String() != "acme/default/vendas-por-regiao" ||
			call.Revision != got.Header.Get("X-Data-Api-Revision") || call.Source != "main" || call.RequestID != got.Header.Get("X-Request-Id") ||
			call.Duration <= 0 || call.Timing.Queried <= 0 || call.Timing.Queried > call.Duration || call.Timing.Waited > call.Duration || call.Cache != "" {
			t.Errorf("a result was recorded as %+v", call)
		}

		for _, refused := range []struct {
			what, slug, token, values string
			status                    int
			outcome, endpoint         string
		}{
			{"a value", "vendas-por-regiao", token, `{"data_inicio":"x"}`, http.StatusUnprocessableEntity, "INVALID_PARAMETER", "acme/default/vendas-por-regiao"},
			{"no endpoint", "nothing-here", token, `{}`, http.StatusNotFound, "ENDPOINT_NOT_FOUND", ""},
		} {
			s.Execute(refused.slug, refused.token, refused.values).Want(refused.status)
			call := told.next(t)
			endpoint := ""
			if call.Endpoint.Slug != "" {
				endpoint = call.Endpoint.String()
			}
			if call.Kind != observe.Request || call.Outcome != refused.outcome || call.Ran || call.Rows != 0 || endpoint != refused.endpoint || call.Company != "acme" {
				t.Errorf("%s was recorded as %+v", refused.what, call)
			}
		}

		for _, want := range []observe.CacheStatus{observe.CacheMiss, observe.CacheHit} {
			s.Execute("kept", token, `{}`).Want(http.StatusOK)
			call := told.next(t)
			if call.Cache != want || call.Rows != 1 || want == observe.CacheHit && call.Timing != (observe.Timing{}) {
				t.Errorf("the %s was recorded as %+v", want, call)
			}
		}

		accepted := s.Call("vendas-por-regiao", token, good, "Prefer", "respond-async").Want(http.StatusAccepted)
		s.Await(accepted.Job(), token)
		kinds := map[observe.Kind]observe.Call{}
		for range 2 {
			call := told.next(t)
			kinds[call.Kind] = call
		}
		asked, ended := kinds[observe.Accepted], kinds[observe.Job]
		if asked.JobID == "" || asked.JobID != ended.JobID || asked.Ran || asked.Rows != 0 || asked.Outcome != observe.Success {
			t.Errorf("the acceptance was recorded as %+v", asked)
		}
		if !ended.Ran || ended.Rows != 1 || ended.Bytes <= 0 || ended.Outcome != observe.Success || ended.Source != "main" || ended.Attempts != 1 ||
			ended.Duration < 0 || ended.Queued < 0 || ended.User != "integration" {
			t.Errorf("the end of the job was recorded as %+v", ended)
		}
		if len(told.told) > 0 {
			t.Errorf("recorded twice: %+v", told.next(t))
		}
	})
}

package contract

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		const params = `{"data_inicio":"2026-01-01"}`

		// Sync: the same answer again, to the moment of its execution.
		first := s.Call("vendas-por-regiao", token, params, "Idempotency-Key", "k-1").Want(http.StatusOK)
		plain := s.Call("vendas-por-regiao", token, params).Want(http.StatusOK)
		if got, want := withoutMoment(t, first.Body), withoutMoment(t, plain.Body); !bytes.Equal(got, want) {
			t.Errorf("the answer with a key differs:\ngot  %s\nwant %s", got, want)
		}
		time.Sleep(1100 * time.Millisecond) // executed_at has whole seconds
		second := s.Call("vendas-por-regiao", token, params, "Idempotency-Key", `"k-1"`).Want(http.StatusOK)
		if !bytes.Equal(first.Body, second.Body) || second.Header.Get("Idempotent-Replayed") != "true" || first.Header.Get("Idempotent-Replayed") != "" {
			t.Errorf("replayed %v\nfirst  %s\nsecond %s", second.Header, first.Body, second.Body)
		}
		s.Call("vendas-por-regiao", token, `{"data_inicio":"2026-01-02"}`, "Idempotency-Key", "k-1").
			Problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")
		// A key belongs to an endpoint and a company.
		s.Call("few", token, `{}`, "Idempotency-Key", "k-1").Want(http.StatusOK)
		other := s.Login("globex", "reader").Access
		if got := s.Call("vendas-por-regiao", other, params, "Idempotency-Key", "k-1").Want(http.StatusOK); bytes.Contains(got.Body, []byte("Sul")) {
			t.Errorf("another company's answer: %s", got.Body)
		}
		// Users of one company whose share contexts differ do not get each other's answers.
		limited := s.Login("acme", "limited").Access
		s.Call("vendas-por-regiao", limited, params, "Idempotency-Key", "k-1").
			Problem(http.StatusUnprocessableEntity, "IDEMPOTENCY_KEY_REUSED")

		// A failure is kept too.
		failed := s.Call("broken", token, `{"n":1}`, "Idempotency-Key", "k-2").Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
		again := s.Call("broken", token, `{"n":1}`, "Idempotency-Key", "k-2").Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
		if failed.Text() != again.Text() || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("got %s, then %s", failed.Body, again.Body)
		}
		// One that is refused before it is work leaves the key free.
		s.Call("types", token, `{"i":0}`, "Idempotency-Key", "k-3").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		s.Call("types", token, `{"i":1}`, "Idempotency-Key", "k-3").Want(http.StatusOK)

		// Async: the same job, however far it is.
		job := s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4").Job()
		if same := s.Call("relatorio-mensal", token, `{ "mes" : "2026-03" }`, "Idempotency-Key", "k-4").Job(); same != job {
			t.Errorf("got %s and %s", job, same)
		}
		s.Await(job, token)
		if same := s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4").Job(); same != job {
			t.Errorf("got %s and %s", job, same)
		}
		s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "k-4", "Prefer", "wait=10").Want(http.StatusOK)
		s.Post(endpoints+"relatorio-mensal/execute", token, `{"parameter_values":{"mes":"2026-03"}}`).Job()

		// In flight: a sync caller is told to come again.
		done := make(chan answer)
		go func() {
			got, _ := s.TrySend(t.Context(), http.MethodPost, endpoints+"endless/execute", token, `{"parameter_values":{}}`, "Idempotency-Key", "k-5")
			done <- got
		}()
		var list listing
		eventually(t, "the request is in flight", patience, func() bool {
			s.Get(endpoints+"endless/jobs", token).Want(http.StatusOK).Decode(&list)
			return len(list.Jobs) == 1
		})
		conflict := s.Call("endless", token, `{}`, "Idempotency-Key", "k-5").Problem(http.StatusConflict, "IDEMPOTENCY_CONFLICT")
		if conflict.Header.Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q", conflict.Header.Get("Retry-After"))
		}
		s.Send(http.MethodDelete, endpoints+"endless/jobs/"+list.Jobs[0].ID, token, "").Want(http.StatusOK)
		if got := <-done; got.Status < 400 {
			t.Errorf("the call whose work was cancelled got %d %s", got.Status, got.Body)
		}
		s.Call("slow", token, `{}`, "Idempotency-Key", "k-6").Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")

		for name, key := range map[string]string{
			"empty": "", "long": strings.Repeat("k", 256), "space": "a b", "not ASCII": "chave-ç", "half": `"k`, "two": `"a" "b"`, "empty quoted": `""`,
		} {
			if got := s.Call("few", token, `{}`, "Idempotency-Key", key); got.Status != http.StatusBadRequest {
				t.Errorf("%s: got %d %s", name, got.Status, got.Body)
			}
		}
		s.Call("few", token, `{}`, "Idempotency-Key", "a", "Idempotency-Key", "b").Problem(http.StatusBadRequest, "INVALID_REQUEST")
		s.Call("few", token, `{}`, "Idempotency-Key", strings.Repeat("k", 255)).Want(http.StatusOK)
	})
}

// However many of one request arrive at once, one job comes of them.
func TestIdempotencyKeyRace(t *testing.T) {
	t.Parallel()
	s := controlServer(t, engines[0])
	token := s.Login("acme", "integration").Access
	var mu sync.Mutex
	jobs := make(map[string]int)
	var callers sync.WaitGroup
	for range 40 {
		callers.Go(func() {
			got, err := s.TrySend(t.Context(), http.MethodPost, endpoints+"relatorio-mensal/execute", token,
				`{"parameter_values":{"mes":"2026-03"}}`, "Idempotency-Key", "race")
			mu.Lock()
			defer mu.Unlock()
			if err != nil || got.Status != http.StatusAccepted {
				t.Errorf("got %d %s %v", got.Status, got.Body, err)
			}
			jobs[got.Header.Get("Location")]++
		})
	}
	callers.Wait()
	var list listing
	s.Get(endpoints+"relatorio-mensal/jobs", token).Want(http.StatusOK).Decode(&list)
	if len(jobs) != 1 || len(list.Jobs) != 1 {
		t.Errorf("%d jobs were answered, %d are there", len(jobs), len(list.Jobs))
	}
	// The key outlives the server.
	s.Restart()
	for pollingURL := range jobs {
		if same := s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Idempotency-Key", "race").Job(); same != pollingURL {
			t.Errorf("after a restart the job is %s, not %s", same, pollingURL)
		}
	}
}

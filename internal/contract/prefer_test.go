package contract

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// One execution, three speeds: the same call is answered at once, after a while, or with a job.
func TestPrefer(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		const params = `{"data_inicio":"2026-01-01"}`
		plain := s.Call("vendas-por-regiao", token, params).Want(http.StatusOK).Applied("")

		// A result that a job has kept is the one that a sync call gives, byte for byte but for the moment.
		waited := s.Call("vendas-por-regiao", token, params, "Prefer", "wait=50").Want(http.StatusOK).Applied("wait=50")
		if got, want := withoutMoment(t, waited.Body), withoutMoment(t, plain.Body); !bytes.Equal(got, want) {
			t.Errorf("the answer of a job differs:\ngot  %s\nwant %s", got, want)
		}
		s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Prefer", "wait=50").Want(http.StatusOK).Applied("wait=50")
		s.Call("few", token, `{}`, "Prefer", `foo; bar, WAIT = "9999"; x=1`).Want(http.StatusOK).Applied("wait=60")
		s.Call("few", token, `{}`, "Prefer", "respond-async", "Prefer", "wait=50").Want(http.StatusOK).Applied("wait=50")
		s.Call("few", token, `{}`, "Prefer", "handling=strict, wait=soon, return=minimal").Want(http.StatusOK).Applied("")

		// respond-async makes a job of a sync endpoint's call, and its result is a job's.
		asked := s.Call("vendas-por-regiao", token, params, "Prefer", "respond-async").Applied("respond-async")
		if ended := s.Await(asked.Job(), token); ended.Status != "completed" || bytes.Contains(ended.Result, []byte("max_rows")) {
			t.Errorf("the job ended as %s: %s", ended.Status, ended.Result)
		}
		s.Call("relatorio-mensal", token, `{"mes":"2026-03"}`, "Prefer", "respond-async").Applied("respond-async").Job()

		// A wait that is over leaves the work to go on.
		begun := time.Now()
		late := s.Call("slow-job", token, `{}`, "Prefer", "respond-async, wait=0").Applied("respond-async, wait=0")
		if ended := s.Await(late.Job(), token); ended.Error == nil || ended.Error.Code != "EXECUTION_TIMEOUT" {
			t.Errorf("the job ended as %+v", ended)
		}
		if took := time.Since(begun); took < time.Second {
			t.Errorf("a job with a limit of 1 s ended after %s", took)
		}
		begun = time.Now()
		put := s.Call("endless", token, `{}`, "Prefer", "wait=1").Applied("wait=1")
		if took := time.Since(begun); took < time.Second || took > 30*time.Second {
			t.Errorf("a wait of 1 s took %s", took)
		}
		var still document
		s.Get(put.Job(), token).Want(http.StatusOK).Decode(&still)
		if still.Status != "processing" {
			t.Errorf("the work was not kept: %+v", still)
		}
		s.Send(http.MethodDelete, put.Job(), token, "").Want(http.StatusOK)

		// What fails in time is answered as a sync call's failure is.
		s.Call("slow", token, `{}`, "Prefer", "wait=50").Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")
		s.Call("broken", token, `{"n":1}`, "Prefer", "wait=50").Problem(http.StatusInternalServerError, "INTERNAL_ERROR")
		s.Call("types", token, `{"i":0}`, "Prefer", "respond-async").Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	})
}

func TestOnTimeoutContinue(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		s.Call("quick", token, `{}`).Want(http.StatusOK).Applied("")
		control := s.Control()
		begun := time.Now()
		accepted := s.Call("patient", token, `{}`).Want(http.StatusAccepted).Applied("")
		if took := time.Since(begun); took < 300*time.Millisecond {
			t.Errorf("a limit of 300 ms took %s", took)
		} else {
			control.Within("a limit of 300 ms", took, 1900*time.Millisecond)
		}
		ended := s.Await(accepted.Job(), token)
		if took := time.Since(begun); took < 2*time.Second || ended.Error == nil || ended.Error.Code != "EXECUTION_TIMEOUT" {
			t.Errorf("after %s the job with a limit of 2 s is %+v", took, ended)
		}
		// A caller that prefers to wait longer than the endpoint would keep it may.
		s.Call("patient", token, `{}`, "Prefer", "wait=50").Applied("wait=50").Problem(http.StatusRequestTimeout, "EXECUTION_TIMEOUT")
	})
}

// A wait may be longer than a body may take to arrive.
func TestWaitOutlivesTheTimeOfABody(t *testing.T) {
	t.Parallel()
	s := controlServer(t, engines[0])
	token := s.Login("acme", "integration").Access
	control := s.Control()
	begun := time.Now()
	job := s.Call("endless", token, `{}`, "Prefer", "wait=11").Applied("wait=11").Job()
	if took := time.Since(begun); took < 11*time.Second {
		t.Errorf("a wait of 11 s took %s", took)
	} else {
		control.Within("a wait of 11 s", took, 16*time.Second)
	}
	s.Send(http.MethodDelete, job, token, "").Want(http.StatusOK)
}

func withoutMoment(t *testing.T, body []byte) []byte {
	t.Helper()
	var result struct {
		ExecutedAt time.Time `json:"executed_at"`
	}
	if err := json.Unmarshal(body, &result); err != nil {
		t.Fatal(err)
	}
	if since := time.Since(result.ExecutedAt); since < -time.Minute || since > time.Minute {
		t.Errorf("executed_at is %s", result.ExecutedAt)
	}
	at := bytes.LastIndex(body, []byte(`"executed_at"`))
	return body[:at]
}

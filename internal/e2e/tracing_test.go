package e2e

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	otlp "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// secretValue is a value of a parameter, which no span may hold.
const secretValue = "valor-sigiloso-4711"

// traced is a catalog of endpoints whose names say what they do.
var traced = map[string]string{
	"acme/company.yaml":     companyFile + "callbacks: { hosts: [127.0.0.1] }\n",
	"acme/default/sync.sql": "/*---\nsource: main\nparams: { p: { type: string } }\n---*/\nSELECT regiao, @p AS p FROM vendas",
	"acme/default/fails.sql": "/*---\nsource: main\nparams: { p: { type: string } }\n---*/\n" +
		"SELECT CAST(@p AS integer) / 0 AS one, json_extract(@p, '$') AS two",
	"acme/default/async.sql": "/*---\nsource: main\nmode: async\nparams: { p: { type: string } }\n---*/\nSELECT regiao, @p AS p FROM vendas",
	"acme/default/slow.sql": "/*---\nsource: main\nmode: async\nlimits: { timeout: 5m }\n---*/\n" +
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000000000) SELECT max(i) AS last FROM n",
}

const values = `{"p":"` + secretValue + `"}`

// tracedServer is a server behind Caddy's tracing.
func tracedServer(t *testing.T, spans *receiver, hook *servertest.Hook) *server {
	t.Helper()
	s := newServer(t, serverConfig{
		sources: engines[0].Source(t, t.TempDir(), sales).Directive(), files: traced,
		options: "callbacks {\n\t\t\tallow " + hook.Host() + "\n\t\t}", env: spans.environment(),
	})
	s.reconfigure("\n\tdata_api\n}", "\n\ttracing {\n\t\tspan caddy\n\t}\n\tdata_api {\n\t\tserver_timing\n\t}\n}")
	return s
}

// TestSpans: a server that is killed in between sends the spans of calls and of jobs.
func TestSpans(t *testing.T) {
	t.Parallel()
	spans, hook := newReceiver(t), servertest.NewHook(t)
	s := tracedServer(t, spans, hook)
	spansOfACall(t, s, spans)
	spansOfAJob(t, s, spans, hook)
}

// spansOfACall: what a caller waits for is below the span of its request, with the names of OpenTelemetry's conventions.
func spansOfACall(t *testing.T, s *server, spans *receiver) {
	t.Helper()
	key, token := s.CreateKeyAndLogin("acme", "integration")

	const asked = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	s.Call("sync", token, values, "Traceparent", asked).Want(http.StatusOK)
	query := spans.await(t, "a query", named("acme/default/sync", nil))
	request := spans.await(t, "the request", func(span *otlp.Span) bool { return isChild(query, span) })
	spans.await(t, "the wait", named("data_api.wait", request))
	if got := hex.EncodeToString(query.GetTraceId()); got != strings.Split(asked, "-")[1] {
		t.Errorf("the trace is %s, and not the caller's", got)
	}
	for key, want := range map[string]string{
		"db.system.name": "sqlite", "db.query.summary": "acme/default/sync", "db.response.returned_rows": "4", "error.type": "", "db.query.text": "",
	} {
		if got := attribute(query, key); got != want {
			t.Errorf("the query's %s is %q, want %q", key, got, want)
		}
	}
	if attribute(request, "data_api.endpoint") != "acme/default/sync" || attribute(request, "data_api.outcome") != "success" ||
		query.GetKind() != otlp.Span_SPAN_KIND_CLIENT {
		t.Errorf("the request's span: %s", request)
	}

	// A failure is told by its code, in the span, in the problem document and in the log.
	failed := s.Call("fails", token, values).Want(http.StatusUnprocessableEntity)
	var problem struct {
		Code  string `json:"code"`
		Trace string `json:"trace_id"`
	}
	failed.Decode(&problem)
	wrong := spans.await(t, "a query that fails", named("acme/default/fails", nil))
	if hex.EncodeToString(wrong.GetTraceId()) != problem.Trace || attribute(wrong, "error.type") != problem.Code || problem.Code == "" ||
		wrong.GetStatus().GetCode() != otlp.Status_STATUS_CODE_ERROR || wrong.GetStatus().GetMessage() != problem.Code {
		t.Errorf("%s of %s: %s", failed.Body, "fails", wrong)
	}
	eventually(t, "the trace is in the audit log and beside the failure", patience, func() bool {
		return strings.Count(s.Log.String(), problem.Trace) >= 2
	})
	s.withoutSecrets(spans, token, key.Secret)

	// What is off upstream is off here, and nothing is told of it. A request's own span is the last of its trace to end: once it is
	// here, nothing of the calls above is on its way.
	spans.await(t, "the request that fails", func(span *otlp.Span) bool { return isChild(wrong, span) })
	before := len(spans.all())
	refused := s.Call("fails", token, values, "Traceparent", strings.TrimSuffix(asked, "1")+"0").Want(http.StatusUnprocessableEntity)
	if strings.Contains(string(refused.Body), "trace_id") {
		t.Errorf("a trace that nobody can find: %s", refused.Body)
	}
	s.Call("sync", token, values, "Traceparent", strings.Replace(asked, "0af7", "0bf7", 1)).Want(http.StatusOK)
	spans.await(t, "a later query", func(span *otlp.Span) bool { return span.GetTraceId()[0] == 0x0b })
	for _, span := range spans.all()[before:] {
		if span.GetTraceId()[0] != 0x0b {
			t.Errorf("a span of a request that is not sampled: %s", span)
		}
	}
}

// spansOfAJob: a job that one process has accepted and another one runs is linked to its request, before any other request
// has come; its callback is in its trace.
func spansOfAJob(t *testing.T, s *server, spans *receiver, hook *servertest.Hook) {
	t.Helper()
	token := s.Login("acme", "integration").Access

	// Four long jobs keep all workers, so that the next one is there when the process dies.
	for range 4 {
		s.Call("slow", token, `{}`).Want(http.StatusAccepted)
	}
	body := fmt.Sprintf(`{"parameter_values":%s,"callback_url":%q}`, values, hook.URL+"/?token="+secretValue)
	accepted := s.Post("/api/v1/data-api/default/async/execute", token, body).Want(http.StatusAccepted)
	var job struct {
		ID string `json:"job_id"`
	}
	accepted.Decode(&job)
	request := spans.await(t, "the request", func(span *otlp.Span) bool { return attribute(span, "data_api.job_id") == job.ID })
	s.kill()
	s.WriteCatalog("acme/default/slow.sql", "/*---\nsource: main\nmode: async\n---*/\nSELECT 1 AS last")
	s.start(spans.environment()...)

	header, payload := hook.Await(t, 0)
	run := spans.await(t, "the job", func(span *otlp.Span) bool {
		return span.GetName() == "data_api.job" && attribute(span, "data_api.job_id") == job.ID
	})
	if len(run.GetParentSpanId()) != 0 || string(run.GetTraceId()) == string(request.GetTraceId()) {
		t.Errorf("the job's span is no root: %s", run)
	}
	if links := run.GetLinks(); len(links) != 1 || string(links[0].GetTraceId()) != string(request.GetTraceId()) ||
		string(links[0].GetSpanId()) != string(request.GetSpanId()) {
		t.Errorf("the job links to %v, and not to its request %s", links, request)
	}
	if attribute(run, "data_api.endpoint") != "acme/default/async" || attribute(run, "data_api.rows") != "4" || attribute(run, "error.type") != "" {
		t.Errorf("the job's span: %s", run)
	}
	spans.await(t, "the job's query", named("acme/default/async", run))
	spans.await(t, "the job's wait", named("data_api.wait", run))

	callback := spans.await(t, "the callback", named("data_api.callback", run))
	if got := header.Get("Traceparent"); got != traceparent(callback) {
		t.Errorf("the receiver was told %s, and not of %s", got, callback)
	}
	if attribute(callback, "http.response.status_code") != "200" || attribute(callback, "server.address") != "127.0.0.1" ||
		callback.GetKind() != otlp.Span_SPAN_KIND_CLIENT {
		t.Errorf("the callback's span: %s", callback)
	}
	var announced struct {
		Status string `json:"status"`
	}
	if err := json.Unmarshal(payload, &announced); err != nil || announced.Status != "completed" {
		t.Errorf("announced: %s", payload)
	}

	// Where the result is written in another form, that is a phase of its own.
	converted := s.Send(http.MethodGet, "/api/v1/data-api/default/async/jobs/"+job.ID+"/result.csv", token, "").Want(http.StatusOK)
	if !strings.Contains(string(converted.Body), secretValue) {
		t.Errorf("the result: %s", converted.Body)
	}
	if encode := spans.await(t, "the conversion", named("data_api.encode", nil)); attribute(encode, "data_api.format") != "CSV" {
		t.Errorf("the conversion's span: %s", encode)
	}
	eventually(t, "the end of the job in the audit log names its trace", patience, func() bool {
		return strings.Contains(s.Log.String(), hex.EncodeToString(run.GetTraceId()))
	})
	s.withoutSecrets(spans, token)
}

// withoutSecrets looks for what no span may say.
func (s *server) withoutSecrets(spans *receiver, secrets ...string) {
	s.T.Helper()
	list := spans.list()
	for _, secret := range append(secrets, secretValue, "SELECT", "FROM vendas", "malformed") {
		if strings.Contains(list, secret) {
			s.T.Errorf("%q is in a span:\n%s", secret, list)
		}
	}
}

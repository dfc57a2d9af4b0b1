package contract

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

const usageCompany = `name: Acme
policies:
  Accountant: { grants: [{ actions: [data_api:get_usage] }] }
  Partly: { grants: [{ actions: [data_api:get_usage], endpoints: [default/*] }] }
users:
  integration: { policies: [DataAPIConsumer] }
  accountant: { policies: [Accountant] }
  partly: { policies: [Partly, DataAPIConsumer] }
`

func usageServer(t *testing.T, company string) *server {
	servertest.WithinMonth()
	return newServer(t, servertest.Config{
		Database: servertest.SQLite(t, t.TempDir(), sales),
		Files: map[string]string{
			"acme/company.yaml":       company,
			"acme/default/two.sql":    "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas LIMIT 2",
			"acme/default/cached.sql": "/*---\nsource: main\nlimits: { cache: 60s }\n---*/\nSELECT regiao FROM vendas LIMIT 2",
			"acme/default/job.sql":    "/*---\nsource: main\nmode: async\n---*/\nSELECT regiao FROM vendas LIMIT 3",
			"globex/company.yaml":     "users: { reader: { policies: [DataAPIConsumer] } }\n",
			"globex/default/own.sql":  "/*---\nsource: main\n---*/\nSELECT regiao FROM vendas",
		},
	})
}

// awaitUsage asks until a report is as it should be: an answer is on its way before its call is counted.
func awaitUsage(s *server, path, token string, check func(usage.Report) bool) usage.Report {
	s.T.Helper()
	var report usage.Report
	servertest.Eventually(s.T, "the usage at "+path, servertest.Patience, func() bool {
		report = usage.Report{}
		s.Get(path, token).Want(http.StatusOK).Decode(&report)
		return check(report)
	})
	return report
}

// TestUsage counts calls of all kinds, and reads them in all ways, across a reload and a restart.
func TestUsage(t *testing.T) {
	t.Parallel()
	s := usageServer(t, usageCompany)
	key, token := s.CreateKeyAndLogin("acme", "integration")
	reader := s.Login("acme", "accountant").Access
	s.Execute("two", token, `{}`).Want(http.StatusOK)
	s.Execute("two", token, `{"x":1}`).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
	s.Execute("nothing", token, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	s.Execute("two", reader, `{}`).Problem(http.StatusForbidden, "FORBIDDEN")
	s.Execute("cached", token, `{}`).Want(http.StatusOK)
	s.Execute("cached", token, `{}`).Want(http.StatusOK)
	s.Await(s.Execute("job", token, `{}`).Job(), token)
	s.Execute("own", s.Login("globex", "reader").Access, `{}`).Want(http.StatusOK)

	whole := func(report usage.Report) bool { return report.Totals.Calls == 7 && report.Totals.Jobs == 1 }
	check := func() {
		t.Helper()
		report := awaitUsage(s, dataapi.PathUsage+"?by=endpoint,user", reader, whole)
		if sum := report.Totals; sum.Rows != 2+2+2+3 || sum.CacheHits != 1 || sum.Bytes == 0 || sum.DatabaseSeconds <= 0 ||
			sum.Errors != (usage.Errors{Invalid: 1, NotFound: 1, Denied: 1}) {
			t.Errorf("the totals are %+v", sum)
		}
		of := make(map[string]int64)
		for _, line := range report.Usage {
			of[*line.User+" "+*line.Endpoint] = line.Calls
			if line.Company != nil || line.Hour != nil || line.Day != nil || line.APIKey != nil {
				t.Errorf("a line tells more apart than it was asked to: %+v", line)
			}
		}
		want := map[string]int64{
			"integration acme/default/two": 2, "integration acme/default/cached": 2, "integration acme/default/job": 1, "integration ": 1, "accountant ": 1,
		}
		if fmt.Sprint(of) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", of, want)
		}
	}
	check()
	s.Reload()
	check()
	s.Restart()
	check()

	byKey := awaitUsage(s, dataapi.PathUsage+"?by=key&limit=1", reader, whole)
	if len(byKey.Usage) != 1 || !byKey.More || *byKey.Usage[0].APIKey != key.Key || byKey.Usage[0].Calls != 6 {
		t.Errorf("the key with the most calls is %+v", byKey)
	}
	hours := awaitUsage(s, dataapi.PathUsage+"?by=hour&from="+time.Now().UTC().Add(-2*time.Hour).Format(time.RFC3339), reader, whole)
	if len(hours.Usage) == 0 || hours.Usage[0].Hour.Minute() != 0 {
		t.Errorf("by hour: %+v", hours)
	}
	past := awaitUsage(s, dataapi.PathUsage+"?to=2020-01-02", reader, func(usage.Report) bool { return true })
	if !past.From.Equal(time.Date(2019, 12, 2, 0, 0, 0, 0, time.UTC)) || len(past.Usage) != 0 || past.Totals.Calls != 0 {
		t.Errorf("of years ago: %+v", past)
	}
	for _, answer := range []answer{
		s.Get(dataapi.PathUsage+"?by=endpoint&format=csv", reader),
		s.Send(http.MethodGet, dataapi.PathUsage+"?by=endpoint", reader, "", "Accept", "text/csv"),
	} {
		lines, err := csv.NewReader(strings.NewReader(string(answer.Want(http.StatusOK).Body))).ReadAll()
		if err != nil || len(lines) != 5 || lines[0][0] != "endpoint" || lines[0][1] != "calls" || lines[1][1] != "2" {
			t.Errorf("%v: %q", err, answer.Body)
		}
		if got := answer.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
			t.Errorf("CSV has the type %q", got)
		}
	}
}

// TestUsageIsForThoseWhoMay: for nobody under a managed policy, and of no other company.
func TestUsageIsForThoseWhoMay(t *testing.T) {
	t.Parallel()
	s := usageServer(t, usageCompany)
	for _, user := range []string{"integration", "partly"} {
		token := s.Login("acme", user).Access
		s.Get(dataapi.PathUsage, token).Problem(http.StatusForbidden, "FORBIDDEN")
		if document := describe(t, s.Get(dataapi.PathOpenAPI, token).Want(http.StatusOK).Body); document.Paths.Find(dataapi.PathUsage) != nil {
			t.Errorf("the document of %s has the usage", user)
		}
	}
	s.Get(dataapi.PathUsage, "").Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	reader := s.Login("acme", "accountant").Access
	described := describe(t, s.Get(dataapi.PathOpenAPI, reader).Want(http.StatusOK).Body)
	operation := described.Paths.Find(dataapi.PathUsage)
	if operation == nil {
		t.Fatal("a user who may read the usage does not find it in the document")
	}
	for _, query := range []string{"", "?by=hour,user,key,endpoint", "?by=day"} {
		body := s.Get(dataapi.PathUsage+query, reader).Want(http.StatusOK).Body
		described.check(media(operation.Get.Responses.Status(http.StatusOK)).Schema, body)
	}
	for query, detail := range map[string]string{
		"?by=endpoints":                  `by names the unknown dimension \"endpoints\"; did you mean \"endpoint\"?`,
		"?by=hour,":                      `by names the unknown dimension \"\"; there is hour, day, user, key and endpoint.`,
		"?from=yesterday":                `from must be a date such as 2026-04-01, or a time such as 2026-04-01T12:00:00Z; got \"yesterday\".`,
		"?from=2026-02-01&to=2026-02-01": `from is 2026-02-01T00:00:00Z and to is 2026-02-01T00:00:00Z: from must lie before to.`,
		"?limit=0":                       `limit must be a whole number from 1 to 10000; got \"0\".`,
		"?format=xml":                    `format must be json or csv; got \"xml\".`,
		"?company=globex":                `The query parameter \"company\" is not known here; known are format, from, to, by, limit.`,
	} {
		if got := s.Get(dataapi.PathUsage+query, reader).Problem(http.StatusBadRequest, "INVALID_REQUEST"); !strings.Contains(string(got.Body), detail) {
			t.Errorf("%s: %s", query, got.Body)
		}
	}
	s.Send(http.MethodGet, dataapi.PathUsage, reader, "", "Accept", "text/html").Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
	s.Post(dataapi.PathUsage, reader, `{}`).Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

// exceeded checks that an answer refuses a call under a quota, and says until when.
func exceeded(a answer, policy, detail string) {
	a.T.Helper()
	a.Problem(http.StatusTooManyRequests, "QUOTA_EXCEEDED")
	if !strings.Contains(string(a.Body), detail) {
		a.T.Errorf("want %q in %s", detail, a.Body)
	}
	limit := a.Header.Get("RateLimit")
	if after := a.Header.Get("Retry-After"); after == "" || !strings.Contains(limit, `"`+policy+`";r=0;t=`+after) {
		a.T.Errorf("Retry-After is %q, and RateLimit %q", after, limit)
	}
}

// TestQuotas uses quotas of calls up: by many callers at once, across a reload and a restart.
func TestQuotas(t *testing.T) {
	t.Parallel()
	s := usageServer(t, `quota: [20 calls/1mo, 1000000 rows/1mo]
key_quota: 5 calls/1mo
users:
  integration: { policies: [DataAPIConsumer] }
  other: { policies: [DataAPIConsumer], quota: 8 calls/1mo, key_quota: unlimited }
`)
	first, second := s.Login("acme", "integration").Access, s.Login("acme", "integration").Access
	got := s.Execute("two", first, `{}`).Want(http.StatusOK)
	month := time.Now().UTC()
	seconds := int(time.Date(month.Year(), month.Month()+1, 1, 0, 0, 0, 0, time.UTC).Sub(
		time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)).Seconds())
	if policy, want := got.Header.Get("RateLimit-Policy"), fmt.Sprintf(
		`"company-calls-1mo";q=20;w=%d, "company-rows-1mo";q=1000000;w=%[1]d, "key-calls-1mo";q=5;w=%[1]d`, seconds); policy != want {
		t.Errorf("RateLimit-Policy is %s, want %s", policy, want)
	}
	if limit := got.Header.Get("RateLimit"); !strings.HasPrefix(limit, `"company-calls-1mo";r=19;t=`) || !strings.Contains(limit, `"key-calls-1mo";r=4;t=`) {
		t.Errorf("RateLimit is %s", limit)
	}
	// What does not come to run does not count.
	for range 10 {
		s.Execute("two", first, `{"x":1}`).Problem(http.StatusUnprocessableEntity, "INVALID_PARAMETER")
		s.Execute("nothing", first, `{}`).Problem(http.StatusNotFound, "ENDPOINT_NOT_FOUND")
	}
	s.Reload()
	if ran := together(s, 20, func() answer { return s.Execute("two", first, `{}`) }); ran != 4 {
		t.Errorf("%d of 20 calls ran, want the 4 that are left of the key's 5", ran)
	}
	exceeded(s.Execute("two", first, `{}`), "key-calls-1mo", "The quota of your API key, 5 calls/1mo, is used up until ")
	s.Restart()
	exceeded(s.Execute("two", first, `{}`), "key-calls-1mo", "API key")
	s.Await(s.Execute("job", second, `{}`).Job(), second) // another key has its own; a job is a call
	other := s.Login("acme", "other").Access
	if ran := together(s, 12, func() answer { return s.Execute("two", other, `{}`) }); ran != 8 {
		t.Errorf("%d of 12 calls ran, want the user's 8", ran)
	}
	exceeded(s.Execute("two", s.Login("acme", "other").Access, `{}`), "user-calls-1mo", "The quota of your user, 8 calls/1mo")
	third := s.Login("acme", "integration").Access
	fourth := s.Login("acme", "integration").Access
	ran := together(s, 5, func() answer { return s.Execute("two", third, `{}`) }) + together(s, 5, func() answer { return s.Execute("two", fourth, `{}`) })
	if ran != 6 {
		t.Errorf("%d calls ran, want the 6 that are left of the company's 20", ran)
	}
	s.Restart()
	exceeded(s.Execute("job", fourth, `{}`), "company-calls-1mo", "The quota of your company, 20 calls/1mo")
	s.Get("/api/v1/data-api/default/job/jobs", second).Want(http.StatusOK) // reading goes on
	for _, part := range []string{`"percent":80`, `"percent":100`} {
		eventually(t, part+" is in the log", patience, func() bool { return strings.Contains(s.Log.String(), part) })
	}
}

// together makes calls at the same time, and returns how many of them ran. The others must have been refused for a quota.
func together(s *server, calls int, call func() answer) (ran int) {
	s.T.Helper()
	answers := make([]answer, calls)
	var group sync.WaitGroup
	for i := range answers {
		group.Go(func() { answers[i] = call() })
	}
	group.Wait()
	for _, got := range answers {
		if got.Status == http.StatusOK {
			ran++
			continue
		}
		got.Problem(http.StatusTooManyRequests, "QUOTA_EXCEEDED")
	}
	return ran
}

// TestQuotaOfRows: the call that reaches it goes through, and the next does not. Jobs' rows count when they end.
func TestQuotaOfRows(t *testing.T) {
	t.Parallel()
	s := usageServer(t, "users:\n  integration: { policies: [DataAPIConsumer], quota: 6 rows/1mo }\n")
	token := s.Login("acme", "integration").Access
	left := func(want int) {
		t.Helper()
		servertest.Eventually(t, "the rows are counted", servertest.Patience, func() bool {
			// A call that does not run tells how many are left, and uses up none.
			limit := s.Execute("two", token, `{"x":1}`).Header.Get("RateLimit")
			return strings.HasPrefix(limit, fmt.Sprintf(`"user-rows-1mo";r=%d;t=`, want))
		})
	}
	s.Execute("two", token, `{}`).Want(http.StatusOK)
	left(4)
	s.Await(s.Execute("job", token, `{}`).Job(), token)
	left(1)
	s.Execute("two", token, `{}`).Want(http.StatusOK)
	left(0)
	exceeded(s.Execute("two", token, `{}`), "user-rows-1mo", "The quota of your user, 6 rows/1mo")
	s.Restart()
	exceeded(s.Execute("two", token, `{}`), "user-rows-1mo", "The quota of your user, 6 rows/1mo")
}

// TestUsageAcrossReloads counts calls and jobs while the configuration is replaced 200 times, and is restarted at the end.
func TestUsageAcrossReloads(t *testing.T) {
	t.Parallel()
	const reloads = 200
	s := usageServer(t, usageCompany)
	token, reader := s.Login("acme", "integration").Access, s.Login("acme", "accountant").Access
	ended := make(chan struct{})
	var workers sync.WaitGroup
	var calls, jobs [4]int64
	var answered, finished atomic.Int64
	for worker := range calls {
		workers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				s.Execute("two", token, `{}`).Want(http.StatusOK)
				calls[worker]++
				answered.Add(1)
				if calls[worker]%20 == 0 {
					s.Await(s.Execute("job", token, `{}`).Job(), token)
					calls[worker]++
					jobs[worker]++
					finished.Add(1)
				}
			}
		})
	}
	for n := 0; n < reloads || answered.Load() < reloads || finished.Load() == 0; n++ { // however slow the machine
		s.Reload()
	}
	close(ended)
	workers.Wait()
	var want usage.Sum
	for worker := range calls {
		want.Calls, want.Jobs = want.Calls+calls[worker], want.Jobs+jobs[worker]
	}
	check := func() {
		t.Helper()
		got := awaitUsage(s, dataapi.PathUsage, reader, func(report usage.Report) bool {
			return report.Totals.Calls >= want.Calls && report.Totals.Jobs >= want.Jobs
		}).Totals
		if got.Calls != want.Calls || got.Jobs != want.Jobs || got.Rows != 2*(want.Calls-want.Jobs)+3*want.Jobs || got.Errors.Total() != 0 {
			t.Errorf("got %+v, want %d calls and %d jobs", got, want.Calls, want.Jobs)
		}
	}
	check()
	s.Restart()
	check()
}

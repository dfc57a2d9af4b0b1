//go:build linux && faults

package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// clusterLoad asks a cluster for sync results and for jobs, and remembers what it was answered.
type clusterLoad struct {
	*serverCluster
	fault atomic.Pointer[string] // during which a request was sent
	loops sync.WaitGroup
	jobs  atomic.Int64 // that were asked for: each has a number of its own

	mu       sync.Mutex
	accepted map[string]int            // numbers, by ID
	synced   map[string]int            // sync requests that were answered with their result, by fault
	failed   map[string]map[string]int // those that were not, by fault and reason
	refused  map[string]map[string]int // jobs that were not accepted
	slowest  map[string]time.Duration  // sync answer
}

func newClusterLoad(c *serverCluster) *clusterLoad {
	l := &clusterLoad{
		serverCluster: c, accepted: map[string]int{}, synced: map[string]int{}, failed: map[string]map[string]int{},
		refused: map[string]map[string]int{}, slowest: map[string]time.Duration{},
	}
	l.during("")
	return l
}

// during names the fault that is under way.
func (l *clusterLoad) during(fault string) { l.fault.Store(&fault) }

// begin sends requests until the function is called that it returns, which waits for the last answers.
func (l *clusterLoad) begin(ctx context.Context) (end func()) {
	ctx, stop := context.WithCancel(ctx)
	client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	for range 4 {
		l.loops.Go(func() {
			for ; ctx.Err() == nil; sleepFor(ctx, 20*time.Millisecond) {
				l.ask(client)
			}
		})
		l.loops.Go(func() {
			for ; ctx.Err() == nil; sleepFor(ctx, 400*time.Millisecond) {
				l.accept(client)
			}
		})
	}
	return func() {
		stop()
		l.loops.Wait()
		client.CloseIdleConnections()
	}
}

func sleepFor(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// ask sends a sync request.
func (l *clusterLoad) ask(client *http.Client) {
	fault, begun := *l.fault.Load(), time.Now()
	status, body, err := l.post(client, "point", `{}`)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest[fault] = max(l.slowest[fault], time.Since(begun))
	if err == nil && status == http.StatusOK && bytes.Contains(body, []byte(`"row_count":1`)) {
		l.synced[fault]++
		return
	}
	count(l.failed, fault, reason(status, body, err))
}

// accept sends a request for a job.
func (l *clusterLoad) accept(client *http.Client) {
	fault, n := *l.fault.Load(), int(l.jobs.Add(1))
	status, body, err := l.post(client, "work", fmt.Sprintf(`{"parameter_values":{"n":%d},"callback_url":%q}`, n, l.hook.URL))
	var job struct {
		ID string `json:"job_id"`
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil && status == http.StatusAccepted && json.Unmarshal(body, &job) == nil {
		l.accepted[job.ID] = n
		return
	}
	count(l.refused, fault, reason(status, body, err))
}

func count(counts map[string]map[string]int, fault, reason string) {
	if counts[fault] == nil {
		counts[fault] = make(map[string]int)
	}
	counts[fault][reason]++
}

func (l *clusterLoad) post(client *http.Client, slug, body string) (status int, content []byte, err error) {
	request, err := http.NewRequest(http.MethodPost, l.URL(endpoints+slug+"/execute"), strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+l.token)
	got, err := l.DoWith(client, request)
	return got.Status, got.Body, err
}

// reason says in a few words why a request has failed.
func reason(status int, body []byte, err error) string {
	var problem struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(body, &problem)
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer within 20 s"
	case err != nil:
		return "the connection broke"
	case problem.Code == "":
		return fmt.Sprintf("%d of the load balancer", status)
	}
	return fmt.Sprintf("%d %s", status, problem.Code)
}

// awaitJobs waits until no job is queued or runs, and no callback is pending.
func (l *clusterLoad) awaitJobs(t *testing.T) {
	t.Helper()
	admin := l.admin(t)
	for deadline := time.Now().Add(5 * patience); ; time.Sleep(200 * time.Millisecond) {
		var jobs, callbacks int
		err := admin.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM data_api.queue), (SELECT count(*) FROM data_api.deliveries WHERE state = 'pending')`).
			Scan(&jobs, &callbacks)
		if err != nil {
			t.Fatal(err)
		}
		if jobs+callbacks == 0 {
			return
		}
		if time.Now().After(deadline) {
			var about string
			err := admin.QueryRow(t.Context(), `SELECT coalesce(string_agg(row_to_json(d)::text, E'\n'), '') FROM
				(SELECT encode(job_id, 'hex') AS job, attempt, forgiven, node, (due - data_api.now_ns()) / 1e9 AS due_in, log FROM data_api.deliveries
				WHERE state = 'pending' LIMIT 10) AS d`).Scan(&about)
			t.Errorf("%d jobs do not end, %d callbacks are not delivered: %s %v", jobs, callbacks, about, err)
			return
		}
	}
}

// run is a query of a job, as the source's database has logged it.
type run struct {
	at   time.Time
	node string // address
}

var ranLine = regexp.MustCompile(`(?m)^(\d+)\.(\d{3}) (\S+) DETAIL:  parameters: \$1 = '(\d+)'`)

// runs returns the runs of each job's query, by its number.
func (l *clusterLoad) runs(t *testing.T) map[int][]run {
	t.Helper()
	found := make(map[int][]run)
	for _, line := range ranLine.FindAllStringSubmatch(l.source.Log(t), -1) {
		seconds, _ := strconv.ParseInt(line[1], 10, 64)
		millis, _ := strconv.ParseInt(line[2], 10, 64)
		n, _ := strconv.Atoi(line[4])
		found[n] = append(found[n], run{time.Unix(seconds, millis*1e6), line[3]})
	}
	return found
}

// endings counts the ends that servers have put into their audit logs, by job.
func (l *clusterLoad) endings() map[string]int {
	ends := make(map[string]int)
	for _, log := range l.logs {
		for line := range strings.Lines(log.String()) {
			var event struct {
				Logger  string `json:"logger"`
				Message string `json:"msg"`
				JobID   string `json:"job_id"`
			}
			if strings.Contains(line, "job.ended") && json.Unmarshal([]byte(line), &event) == nil && event.Message == "job.ended" {
				ends[event.JobID]++
			}
		}
	}
	return ends
}

// stored is what the store says about a job.
type stored struct {
	status  string
	attempt int
}

func (l *clusterLoad) stored(t *testing.T) map[string]stored {
	t.Helper()
	rows, err := l.admin(t).Query(t.Context(), `SELECT encode(id, 'hex'), status, attempt FROM data_api.jobs`)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]stored)
	for rows.Next() {
		var id string
		var j stored
		if err := rows.Scan(&id, &j.status, &j.attempt); err != nil {
			t.Fatal(err)
		}
		found[id] = j
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return found
}

// death is the moment from which a server gives no sign of life to the store.
type death struct {
	fault, node string
	at          time.Time
}

// check compares what was answered with what has become of it, and prints the figures.
func (l *clusterLoad) check(t *testing.T, deaths []death) {
	t.Helper()
	jobs, runs, ends := l.stored(t), l.runs(t), l.endings()
	statuses := make(map[string]int)
	lost, endedTwice, untold, tooOften, twice := 0, 0, 0, 0, 0
	again := make(map[string][]time.Duration)
	for id, n := range l.accepted {
		j, known := jobs[id]
		if !known || j.status == "processing" {
			lost++
			t.Errorf("job %s was acknowledged, and is %q", id, j.status)
		}
		statuses[j.status]++
		switch ends[id] {
		case 0:
			untold++ // by a server that was killed between the end and its line in the log
		case 1:
		default:
			endedTwice++
			t.Errorf("job %s ended %d times", id, ends[id])
		}
		if len(runs[n]) > j.attempt {
			tooOften++
			t.Errorf("job %s has run %d times in %d attempts", id, len(runs[n]), j.attempt)
		}
		// An attempt that has not got to its query, because its server died as well, is one more lease.
		unseen := max(j.attempt-len(runs[n]), 0)
		for i, r := range runs[n][:max(len(runs[n])-1, 0)] {
			d, ok := diedRunning(deaths, r, runs[n][i+1].at)
			took := runs[n][i+1].at.Sub(d.at)
			switch {
			case !ok:
			case unseen > 0 && took > takenOver:
				twice++
				if most := time.Duration(1+unseen) * takenOver; took > most {
					t.Errorf("%s: a job ran again %s after its server had died, though %d more died: it may take %s", d.fault, took, unseen, most)
				}
			default:
				again[d.fault] = append(again[d.fault], took)
			}
		}
	}
	t.Logf("%d jobs met a second death before their query had begun again", twice)
	t.Logf("jobs: %d acknowledged, %d lost; %v; %d ended twice; %d ran more often than they were attempted; the ends of %d are in no log, of "+
		"servers that were killed meanwhile", len(l.accepted), lost, statuses, endedTwice, tooOften, untold)
	for _, fault := range slices.Sorted(maps.Keys(again)) {
		took := again[fault]
		slices.Sort(took)
		t.Logf("%s: %d jobs of dead servers ran again, after %s in the middle and %s at most", fault, len(took),
			took[len(took)/2].Round(10*time.Millisecond), took[len(took)-1].Round(10*time.Millisecond))
		if longest := took[len(took)-1]; longest > takenOver {
			t.Errorf("%s: a job ran again %s after its server had died: it may take %s", fault, longest, takenOver)
		}
	}
	l.checkCallbacks(t)
	for _, fault := range slices.Sorted(maps.Keys(l.synced)) {
		t.Logf("%s: %d sync requests answered, the slowest after %s; failed: %v; jobs refused: %v", cmp.Or(fault, "no fault"), l.synced[fault],
			l.slowest[fault].Round(time.Millisecond), l.failed[fault], l.refused[fault])
	}
}

// diedRunning returns the death of the server on which a job ran, before it ran again.
func diedRunning(deaths []death, r run, again time.Time) (d death, ok bool) {
	for _, d := range deaths {
		if d.node == r.node && d.at.After(r.at) && d.at.Before(again) {
			return d, true
		}
	}
	return death{}, false
}

// checkCallbacks counts what the receiver got: each end once, and again only if a server died before it could write that down.
func (l *clusterLoad) checkCallbacks(t *testing.T) {
	t.Helper()
	got := make(map[string]int)
	for _, header := range l.hook.Received() {
		got[strings.TrimPrefix(header.Get("webhook-id"), "msg_")]++
	}
	missing, repeated, most := 0, 0, 0
	for id := range l.accepted {
		switch n := got[id]; {
		case n == 0:
			missing++
		case n > 1:
			repeated++
			most = max(most, n)
		}
	}
	t.Logf("callbacks: of %d jobs, %d were not called back, %d more than once (%d times at most), which a server that dies after it has sent "+
		"one and before it has written that down cannot avoid; the webhook-id is the same", len(l.accepted), missing, repeated, most)
	if missing > 0 {
		t.Errorf("the ends of %d jobs were not told", missing)
	}
}

// kill ends a process at once.
func (l *clusterLoad) kill(n int, fault string) death {
	l.during(fault)
	l.nodes[n].kill()
	return death{fault, l.nodes[n].address, time.Now()}
}

// signal sends a server's process a signal.
func (l *clusterLoad) signal(t *testing.T, n int, signal syscall.Signal) {
	t.Helper()
	if err := l.nodes[n].cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

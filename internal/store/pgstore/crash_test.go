package pgstore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/paralleltest"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/storetest/jobtest"
)

const (
	crashVariable = "DATA_API_TEST_CRASH_DSN"

	// crashLease is short, so that what a killed process has left runs again while others are being killed.
	crashLease = time.Second
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(crashVariable); dsn != "" {
		fmt.Fprintln(os.Stderr, crashHelper(dsn)) // it does not return unless it fails
		os.Exit(1)
	}
	paralleltest.AtOnce(8) // they wait for the database
	paralleltest.Draws(25) // for each of four ways to run the suite; see TestFaultsClusterConformance
	os.Exit(m.Run())
}

// crashHelper is a process that is killed: it accepts, runs and cancels jobs, and delivers callbacks, for good. What it has
// done it says, in lines that begin with a word.
func crashHelper(dsn string) error {
	ctx := context.Background()
	store, err := pgstore.Open(ctx, dsn, pgstore.Options{MaxConns: 8, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	engine := crashEngine(store, crashOptions(func(j job.Job) { fmt.Fprintln(os.Stdout, "ended", j.ID, j.Attempt, j.Status) }))
	if err := engine.Start(ctx); err != nil {
		return err
	}
	for range 4 {
		go acceptForGood(ctx, engine)
	}
	return deliverForGood(ctx, store)
}

func acceptForGood(ctx context.Context, engine *job.Engine) {
	for n := 0; ; n++ {
		j, err := engine.Accept(ctx, job.Request{
			Company: []string{"acme", "globex"}[rand.IntN(2)], User: "integration", KeyID: "s42_key", Source: "main",
			Address:     dataapi.Address{Company: "acme", Namespace: "default", Slug: "report"},
			CallbackURL: "https://hooks.example.com/",
		})
		if err != nil {
			fmt.Fprintln(os.Stdout, "refused", dataapi.AsError(err).Code)
		} else {
			fmt.Fprintln(os.Stdout, "accepted", j.ID)
		}
		time.Sleep(rand.N(80 * time.Millisecond))
		if n%10 == 0 && err == nil {
			_, _ = engine.Cancel(ctx, j.ID) // it may have ended
		}
	}
}

// deliverForGood takes the place of the callbacks: it says what it sends, and what it knows to be delivered.
func deliverForGood(ctx context.Context, store *pgstore.Store) error {
	for {
		now := time.Now()
		due, _, err := store.ClaimDeliveries(ctx, now, now.Add(crashLease), callback.Capacity{Deliveries: 4, PerHost: 10})
		if err != nil {
			return err
		}
		for _, d := range due {
			fmt.Fprintln(os.Stdout, "sends", d.JobID, d.Attempt)
			d.State, d.EndedAt = callback.Delivered, time.Now()
			if err := store.SettleDelivery(ctx, d); err == nil {
				fmt.Fprintln(os.Stdout, "delivered", d.JobID, d.Attempt)
			}
		}
		if len(due) == 0 {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func crashOptions(ended func(job.Job)) job.Options {
	// Attempts do not run out, however often a job meets a kill.
	return job.Options{
		Lease: crashLease, MaxAttempts: 1_000_000, Backoff: time.Millisecond, Owner: fmt.Sprint(os.Getpid(), " ", rand.Uint64()),
		Logger: slog.New(slog.DiscardHandler), Ended: ended,
	}
}

func crashEngine(store *pgstore.Store, options job.Options) *job.Engine {
	engine := job.NewEngine(store, options)
	engine.Attach(crashRuntime{}, job.Settings{Workers: 4, PerCompany: 8})
	return engine
}

// crashRuntime runs jobs of a few milliseconds. The result names the attempt.
type crashRuntime struct{}

func (crashRuntime) Authorize(context.Context, job.Job) error { return nil }
func (crashRuntime) TimeLimit(job.Job) time.Duration          { return time.Hour }

func (crashRuntime) Run(ctx context.Context, j job.Job, w io.Writer) (result.Summary, error) {
	fmt.Fprintln(os.Stdout, "runs", j.ID, j.Attempt)
	select {
	case <-time.After(rand.N(20 * time.Millisecond)):
	case <-ctx.Done():
		return result.Summary{}, ctx.Err()
	}
	text, err := json.Marshal(strings.Repeat(fmt.Sprint(j.Attempt, " "), rand.IntN(job.BlockSize)))
	if err != nil {
		return result.Summary{}, err
	}
	_, err = w.Write(text)
	return result.Summary{RowCount: j.Attempt}, err
}

// killings is what is known from outside about the jobs of processes that were killed.
type killings struct {
	t   *testing.T
	dsn string

	mu                                sync.Mutex
	killed, early, refused            int
	accepted                          map[job.ID]bool
	ended                             map[job.ID]string // as a process has said it
	runs, sends                       map[attempt]bool
	delivered                         map[job.ID]bool
	orphaned                          map[attempt]time.Time // that ran in a process, and when that was killed
	again                             []time.Duration       // from the death of a process until its job ran again
	endedTwice, ranTwice, sentSettled int
}

type attempt struct {
	id job.ID
	n  int
}

// killServers kills processes that use one store, of which `at once` run, and checks that no job is lost and none ends twice.
func killServers(t *testing.T, rounds, atOnce int) {
	t.Helper()
	k := &killings{
		t: t, dsn: pgtest.New(t).AdminDSN, accepted: map[job.ID]bool{}, ended: map[job.ID]string{}, runs: map[attempt]bool{},
		sends: map[attempt]bool{}, delivered: map[job.ID]bool{}, orphaned: map[attempt]time.Time{},
	}
	openReal(t, k.dsn, pgstore.Options{}) // which makes the schema
	left := make(chan struct{}, rounds)
	for range rounds {
		left <- struct{}{}
	}
	close(left)
	var all sync.WaitGroup
	for range atOnce {
		all.Go(func() {
			for range left {
				k.round()
			}
		})
	}
	all.Wait()
	for range rounds { // chance may have killed so early that too few jobs were acknowledged to show anything
		if len(k.accepted) < k.killed {
			k.round()
		}
	}
	k.recover()
	k.report()
}

// round starts a process, and kills it at a random moment.
func (k *killings) round() {
	command := exec.CommandContext(k.t.Context(), os.Args[0])
	command.Env = append(os.Environ(), crashVariable+"="+k.dsn)
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		k.t.Error(err)
		return
	}
	var dead time.Time
	kill := func(within time.Duration) {
		time.AfterFunc(rand.N(within), func() { _ = command.Process.Kill() })
	}
	begun := rand.IntN(5) == 0 // while it starts
	if begun {
		kill(100 * time.Millisecond)
	}
	working := rand.IntN(2) == 0 // only when it accepts jobs: before that it runs those of the dead
	running := make(map[attempt]bool)
	accepted := 0
	for lines := bufio.NewReader(output); ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // and a line that the kill has cut off says nothing
		}
		if words := strings.Fields(line); k.hear(words, running) {
			accepted++
		}
		if !begun && (accepted > 0 || !working) {
			kill(300 * time.Millisecond)
			begun = true
		}
	}
	_ = command.Wait()
	dead = time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.killed++
	if accepted == 0 {
		k.early++
	}
	for a := range running {
		k.orphaned[a] = dead
	}
}

// hear takes in what a process says, and reports whether it has accepted a job. running are the attempts of the process.
func (k *killings) hear(words []string, running map[attempt]bool) (accepted bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if words[0] == "refused" {
		k.refused++
		return false
	}
	id, err := job.ParseID(words[1])
	if err != nil {
		k.t.Error(err)
		return false
	}
	n := 0
	if len(words) > 2 {
		n, _ = strconv.Atoi(words[2])
	}
	a := attempt{id, n}
	switch words[0] {
	case "accepted":
		k.accepted[id] = true
		return true
	case "runs":
		if k.runs[a] {
			k.ranTwice++
			k.t.Errorf("attempt %d of job %s has run twice", n, id)
		}
		k.runs[a], running[a] = true, true
		if dead, orphan := k.orphaned[attempt{id, n - 1}]; orphan {
			k.again = append(k.again, time.Since(dead))
			delete(k.orphaned, attempt{id, n - 1})
		}
	case "ended":
		delete(running, a)
		if earlier, twice := k.ended[id]; twice {
			k.endedTwice++
			k.t.Errorf("job %s ended twice: %s, then %s", id, earlier, words[2:])
		}
		k.ended[id] = strings.Join(words[2:], " ")
	case "sends":
		if k.sends[a] || k.delivered[id] {
			k.sentSettled++
			k.t.Errorf("the callback of job %s was sent again: attempt %d, delivered: %v", id, n, k.delivered[id])
		}
		k.sends[a] = true
	case "delivered":
		k.delivered[id] = true
	}
	return false
}

// recover lets every job end.
func (k *killings) recover() {
	store := openReal(k.t, k.dsn, pgstore.Options{})
	running := make(map[attempt]bool)
	engine := job.NewEngine(store, crashOptions(func(j job.Job) {
		k.hear([]string{"ended", j.ID.String(), strconv.Itoa(j.Attempt), string(j.Status)}, running)
	}))
	engine.Attach(recovering{hear: func(j job.Job) { k.hear([]string{"runs", j.ID.String(), strconv.Itoa(j.Attempt)}, running) }}, job.Settings{Workers: 8})
	if err := engine.Start(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
	for deadline := time.Now().Add(5 * patience); ; time.Sleep(50 * time.Millisecond) {
		counts, err := store.Counts(k.t.Context())
		if err != nil {
			k.t.Fatal(err)
		}
		if counts.Waiting+counts.Running == 0 {
			break
		}
		if time.Now().After(deadline) {
			k.t.Fatalf("jobs do not end: %+v", counts)
		}
	}
	if err := engine.Stop(k.t.Context()); err != nil {
		k.t.Error(err)
	}
	k.look(store)
}

// recovering is crashRuntime in the test's own process.
type recovering struct {
	crashRuntime
	hear func(job.Job)
}

func (r recovering) Run(_ context.Context, j job.Job, w io.Writer) (result.Summary, error) {
	r.hear(j)
	_, err := fmt.Fprintf(w, "%q", fmt.Sprint(j.Attempt, " "))
	return result.Summary{RowCount: j.Attempt}, err
}

// look compares what was said with what is stored.
func (k *killings) look(store *pgstore.Store) {
	for id := range k.accepted {
		j, err := store.Get(k.t.Context(), id)
		if err != nil {
			k.t.Fatalf("job %s was acknowledged and is lost: %v", id, err)
		}
		if !j.Status.Terminal() {
			k.t.Errorf("job %s is %s", id, j.Status)
		}
		if said, ok := k.ended[id]; ok && said != fmt.Sprint(j.Attempt, " ", j.Status) {
			k.t.Errorf("job %s ended as %q, and is %s in attempt %d", id, said, j.Status, j.Attempt)
		}
		if _, err := jobtest.FindDelivery(k.t.Context(), store, id); err != nil {
			k.t.Errorf("the end of job %s is not announced: %v", id, err)
		}
		if j.Status == job.Completed {
			k.lookAtResult(store, j)
		}
	}
	for a := range k.runs {
		if j, err := store.Get(k.t.Context(), a.id); err != nil || a.n > j.Attempt {
			k.t.Errorf("attempt %d of job %s has run, which has ended in attempt %d: %v", a.n, a.id, j.Attempt, err)
		}
	}
}

// lookAtResult checks that a result is that of the attempt that has ended the job, whole and unmixed.
func (k *killings) lookAtResult(store *pgstore.Store, j job.Job) {
	reader, err := job.OpenResult(k.t.Context(), store, j)
	if err != nil {
		k.t.Errorf("the result of job %s: %v", j.ID, err)
		return
	}
	defer reader.Close()
	var text string
	if err := json.NewDecoder(reader).Decode(&text); err != nil {
		k.t.Errorf("the result of job %s: %v", j.ID, err)
	}
	if other := strings.ReplaceAll(text, fmt.Sprint(j.Attempt, " "), ""); other != "" || j.Result.RowCount != j.Attempt {
		k.t.Errorf("the result of job %s, attempt %d, has something of another", j.ID, j.Attempt)
	}
}

func (k *killings) report() {
	slices.Sort(k.again)
	var median, longest time.Duration
	if n := len(k.again); n > 0 {
		median, longest = k.again[n/2], k.again[n-1]
	}
	k.t.Logf("%d processes were killed, %d of them before they accepted anything; %d jobs were acknowledged, 0 are lost, %d were refused; "+
		"%d attempts ran, %d of them twice; %d ends were told, %d of jobs that had ended; %d callbacks were sent, %d after they were delivered; "+
		"%d jobs of the dead ran again, with a lease of %s: after %s in the middle, %s at most", k.killed, k.early, len(k.accepted), k.refused,
		len(k.runs), k.ranTwice, len(k.ended), k.endedTwice, len(k.sends), k.sentSettled, len(k.again), crashLease,
		median.Round(time.Millisecond), longest.Round(time.Millisecond))
	if len(k.accepted) < k.killed {
		k.t.Errorf("only %d jobs were acknowledged", len(k.accepted))
	}
}

// Servers that share a store are killed at random moments: no job that was acknowledged is lost, and none ends twice.
func TestKilledServersLoseNothing(t *testing.T) {
	t.Parallel()
	killServers(t, 12, 3)
}

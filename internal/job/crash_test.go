package job_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
)

const (
	crashVariable  = "DATA_API_TEST_CRASH_STORE"
	roundsVariable = "DATA_API_TEST_KILL_ROUNDS"
	defaultRounds  = 10
)

// crashHelper is the process that TestFaultsKilledProcessLosesNothing kills: it accepts, runs and cancels jobs for good, and
// compacts its store meanwhile. It says what it has acknowledged, and which ends it has stored.
func crashHelper(path string) error {
	store, err := boltstore.Open(path, boltstore.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	engine := job.NewEngine(&tellingStore{Store: store}, job.Options{Logger: quiet, Backoff: time.Millisecond})
	engine.Attach(runtime{run: func(_ context.Context, _ job.Job, w io.Writer) error {
		time.Sleep(time.Duration(rand.IntN(8)) * time.Millisecond)
		_, err := io.WriteString(w, strings.Repeat("x", 3*job.BlockSize))
		return err
	}}, job.Settings{Workers: 4})
	if err := engine.Start(context.Background()); err != nil {
		return err
	}
	go func() {
		for {
			time.Sleep(30 * time.Millisecond)
			if _, _, err := store.Compact(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}()
	for range 8 {
		go func() {
			for n := 0; ; n++ {
				j, err := engine.Accept(context.Background(), request())
				if err != nil {
					fmt.Fprintln(os.Stdout, "refused", dataapi.AsError(err).Code)
					time.Sleep(time.Millisecond)
					continue
				}
				fmt.Fprintln(os.Stdout, "accepted", j.ID)
				time.Sleep(5 * time.Millisecond)
				if n%10 == 0 {
					_, _ = engine.Cancel(context.Background(), j.ID) // it may have ended
				}
			}
		}()
	}
	select {}
}

// tellingStore says which ends are on disk.
type tellingStore struct{ *boltstore.Store }

func (s *tellingStore) Finish(ctx context.Context, id job.ID, attempt int, outcome job.Outcome) (bool, error) {
	changed, err := s.Store.Finish(ctx, id, attempt, outcome)
	if err == nil {
		fmt.Fprintln(os.Stdout, "ended", id, attempt, outcome.Status)
	}
	return changed, err
}

// killed is what is known from outside about the jobs of processes that were killed.
type killed struct {
	t        *testing.T
	path     string
	accepted map[job.ID]bool
	told     map[job.ID]string  // the ends that a process has spoken of
	ends     map[job.ID]job.Job // the ends that were found in the store
	early    int                // processes that were killed before they accepted anything
	refused  int                // jobs that were refused

	prefix []string      // of the process's command
	within time.Duration // in which it is killed after its first job

	attributes *syscall.SysProcAttr // of the process
	kill       func(*os.Process) error
}

func newKilled(t *testing.T, path string) *killed {
	t.Helper()
	return &killed{
		t: t, path: path, within: 200 * time.Millisecond, kill: (*os.Process).Kill,
		accepted: map[job.ID]bool{}, told: map[job.ID]string{}, ends: map[job.ID]job.Job{},
	}
}

// round starts a process, kills it at a random moment, and looks at what it leaves.
func (k *killed) round() {
	k.t.Helper()
	line := append(slices.Clone(k.prefix), os.Args[0])
	command := exec.CommandContext(k.t.Context(), line[0], line[1:]...)
	command.Env, command.SysProcAttr = append(os.Environ(), crashVariable+"="+k.path), k.attributes
	output, err := command.StdoutPipe()
	if err != nil {
		k.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		k.t.Fatal(err)
	}
	kill := func(within time.Duration) {
		time.AfterFunc(rand.N(within), func() { _ = k.kill(command.Process) })
	}
	begun := false
	if rand.IntN(5) == 0 { // while it starts and recovers
		kill(60 * time.Millisecond)
		begun = true
	}
	before := len(k.accepted)
	lines := bufio.NewReader(output)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // and a line that the kill has cut off says nothing
		}
		k.hear(strings.Fields(line))
		if !begun {
			kill(k.within)
			begun = true
		}
	}
	_ = command.Wait()
	if len(k.accepted) == before {
		k.early++
	}
	k.look()
}

func (k *killed) hear(words []string) {
	if words[0] == "refused" {
		k.refused++
		return
	}
	id, err := job.ParseID(words[1])
	if err != nil {
		k.t.Fatal(err)
	}
	if words[0] == "accepted" {
		k.accepted[id] = true
		return
	}
	end := strings.Join(words[2:], " ")
	if earlier, ok := k.told[id]; ok && earlier != end {
		k.t.Errorf("job %s ended twice: %s, then %s", id, earlier, end)
	}
	k.told[id] = end
}

// look checks that what was acknowledged is there, and that no end has changed.
func (k *killed) look() {
	store, err := boltstore.Open(k.path, boltstore.Options{LockTimeout: 10 * time.Second})
	if err != nil {
		k.t.Fatal(err)
	}
	for id := range k.accepted {
		j, err := store.Get(k.t.Context(), id)
		if err != nil {
			k.t.Fatalf("job %s was acknowledged and is lost: %v", id, err)
		}
		earlier, ended := k.ends[id]
		if ended && (j.Status != earlier.Status || j.Attempt != earlier.Attempt || !j.CompletedAt.Equal(earlier.CompletedAt)) {
			k.t.Errorf("the end of job %s has changed: %+v, then %+v", id, earlier, j)
		}
		if told := k.told[id]; told != "" && told != fmt.Sprint(j.Attempt, " ", j.Status) {
			k.t.Errorf("job %s ended as %q and is %s in attempt %d", id, told, j.Status, j.Attempt)
		}
		if j.Status.Terminal() {
			k.ends[id] = j
		}
	}
	if err := store.Close(); err != nil {
		k.t.Fatal(err)
	}
}

func TestFaultsKilledProcessLosesNothing(t *testing.T) {
	rounds := defaultRounds
	if text := os.Getenv(roundsVariable); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("%s is %q: it must be a number of rounds", roundsVariable, text)
		}
	}
	k := newKilled(t, filepath.Join(t.TempDir(), "store.db"))
	for range rounds {
		k.round()
	}
	k.recover()
	t.Logf("%d processes were killed, %d of them before they accepted anything", rounds, k.early)
	if len(k.accepted) < rounds {
		t.Errorf("only %d jobs were acknowledged", len(k.accepted))
	}
}

// recover lets every job end, and checks that none that was acknowledged is lost and none ends twice.
func (k *killed) recover() {
	t := k.t
	t.Helper()
	endedBefore := len(k.ends)
	store := openStore(t, k.path)
	engine := start(t, store, job.Options{Owner: "after the crashes"})
	engine.Attach(answer(`"recovered"`), job.Settings{Workers: 8})
	before := time.Now()
	ends := map[string]int{}
	stored := 0
	for filter := (job.Filter{}); ; {
		jobs, next, err := engine.List(t.Context(), "acme", filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, j := range jobs { // those too that nobody was told of
			stored++
			ends[endOf(t, engine, wait(t, engine, j.ID))]++
		}
		if filter.After = next; next.IsZero() {
			break
		}
	}
	if took := time.Since(before); took > time.Minute {
		t.Errorf("recovery took %v: it waited for the leases of dead processes", took)
	}
	stop(t, engine)
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	k.look()
	t.Logf("%d jobs were acknowledged, 0 are lost, %d were refused; %d jobs are stored, of which %d had ended before "+
		"the last start; all have ended, none twice: %v", len(k.accepted), k.refused, stored, endedBefore, ends)
	if stored < len(k.accepted) {
		t.Errorf("%d jobs are listed, and %d were acknowledged", stored, len(k.accepted))
	}
}

// endOf checks how a job ended, and its result.
func endOf(tb testing.TB, engine *job.Engine, j job.Job) string {
	tb.Helper()
	switch {
	case j.Status == job.Completed:
		if text := read(tb, engine, j.ID); text != `"recovered"` && text != strings.Repeat("x", 3*job.BlockSize) {
			tb.Errorf("job %s has a result of %d bytes", j.ID, len(text))
		}
	case j.Status == job.Failed && j.Error.Code == dataapi.CodeAttemptsExhausted:
		return string(j.Error.Code)
	case j.Status != job.Cancelled:
		tb.Errorf("job %s is %s: %+v", j.ID, j.Status, j.Error)
	}
	return string(j.Status)
}

package jobtest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/job"
)

// model is what the contract of job.Store says about a store's contents, in the simplest form.
type model struct {
	stores Stores
	outer  testing.TB
	now    time.Time
	order  []job.ID // in which they were accepted
	jobs   map[job.ID]*modelJob
}

type modelJob struct {
	job.Job
	chunks map[int][]string // by attempt
}

// testModel drives a store with random calls and compares every answer with the model's.
func testModel(t *testing.T, open func(tb testing.TB) Stores) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{stores: open(t), outer: t, now: start, jobs: map[job.ID]*modelJob{}}
		rt.Repeat(map[string]func(*rapid.T){
			"accept":  m.accept,
			"claim":   m.claim,
			"extend":  m.extend,
			"release": m.release,
			"append":  m.append,
			"finish":  m.finish,
			"read":    m.read,
			"recover": m.recover,
			"sweep":   m.sweep,
			"list":    m.list,
			"reopen":  func(*rapid.T) { m.stores = m.stores.Reopen(m.outer) },
			"wait": func(rt *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "seconds")) * time.Second)
			},
			"": m.compare,
		})
	})
}

// pick chooses a job, and an attempt that is most often the current one.
func (m *model) pick(rt *rapid.T) (*modelJob, int) {
	if len(m.order) == 0 {
		rt.Skip("no job")
	}
	j := m.jobs[rapid.SampledFrom(m.order).Draw(rt, "job")]
	return j, j.Attempt + rapid.SampledFrom([]int{0, 0, 0, 0, -1, 1}).Draw(rt, "attempt off by")
}

func (m *model) accept(rt *rapid.T) {
	j := newJob(rapid.SampledFrom([]string{"acme", "globex", "initech"}).Draw(rt, "company"))
	j.CreatedAt = m.now.UTC()
	j.Source = rapid.SampledFrom([]string{"", "warehouse", "orders"}).Draw(rt, "source")
	if rapid.Bool().Draw(rt, "callback") {
		j.CallbackURL = "https://hooks.example.com/"
	}
	if key := rapid.SampledFrom([]string{"", "", "", "one", "two"}).Draw(rt, "key"); key != "" {
		digest := job.Digest{rapid.Byte().Draw(rt, "digest") % 2}
		// Long enough to be used again, and short enough to end.
		j.Idempotency = &job.Idempotency{Key: key, Digest: digest, Until: j.CreatedAt.Add(90 * time.Second)}
	}
	err := m.stores.Jobs.Accept(rt.Context(), j, job.Quota{})
	if earlier := m.bound(&j); earlier != nil {
		if earlier.Idempotency.Digest != j.Idempotency.Digest {
			must(rt, err, job.ErrKeyReused)
			return
		}
		repeated, ok := errors.AsType[*job.RepeatedError](err)
		if !ok || repeated.Job.ID != earlier.ID {
			rt.Fatalf("got %v, want a repetition of %s", err, earlier.ID)
		}
		return
	}
	must(rt, err, nil)
	m.order = append(m.order, j.ID)
	m.jobs[j.ID] = &modelJob{Job: j, chunks: map[int][]string{}}
}

// bound is the job that a job's key is bound to; nil: none.
func (m *model) bound(j *job.Job) *modelJob {
	for _, id := range m.order {
		earlier := m.jobs[id]
		if j.Idempotency != nil && earlier.Idempotency != nil && earlier.Company == j.Company &&
			earlier.Idempotency.Key == j.Idempotency.Key && earlier.Idempotency.Until.After(j.CreatedAt) {
			return earlier
		}
	}
	return nil
}

func (m *model) list(rt *rapid.T) {
	company := rapid.SampledFrom([]string{"acme", "globex", "initech"}).Draw(rt, "company")
	filter := job.Filter{
		Status: rapid.SampledFrom([]job.Status{"", job.Processing, job.Failed, job.Cancelled}).Draw(rt, "status"),
		Limit:  rapid.IntRange(1, 5).Draw(rt, "limit"),
	}
	var want []job.ID
	for _, id := range m.order {
		if j := m.jobs[id]; j.Company == company && (filter.Status == "" || j.Status == filter.Status) {
			want = append(want, id)
		}
	}
	slices.SortFunc(want, func(a, b job.ID) int {
		if order := m.jobs[b].CreatedAt.Compare(m.jobs[a].CreatedAt); order != 0 {
			return order
		}
		return bytes.Compare(b[:], a[:])
	})
	if got := list(m.outer, m.stores, company, filter); !slices.Equal(got, want) {
		rt.Fatalf("listed %v, want %v", got, want)
	}
}

// claimable says which jobs a claim may give away now, in the order in which they were accepted. What owner holds is not
// among them.
func (m *model) claimable(held map[job.ID]int) (all []*modelJob) {
	for _, id := range m.order {
		j := m.jobs[id]
		attempt, holds := held[id]
		switch {
		case j.Status.Terminal() || j.Running() && j.LeaseUntil.After(m.now) || j.NotBefore.After(m.now):
		case j.Running() && holds && attempt == j.Attempt:
		default:
			all = append(all, j)
		}
	}
	return all
}

// taken counts what a claim has given away, and what other owners run that the store counts, too.
type taken struct {
	companies, sources, others map[string]int
}

func (t taken) room(room job.Capacity, j *modelJob) bool {
	limit := room.Sources[j.Source]
	if limit.Most != 0 && limit.Running+limit.Waiting+t.sources[j.Source] >= limit.Most {
		return false
	}
	if room.PerSource > 0 && limit.Running+t.sources[j.Source] >= room.PerSource {
		return false
	}
	waiting := room.Waiting[job.Line{Source: j.Source, Company: j.Company}]
	return room.PerCompany == 0 || room.Running[j.Company]+waiting+t.others[j.Company]+t.companies[j.Company] < room.PerCompany
}

func (m *model) room(rt *rapid.T) job.Capacity {
	companies := rapid.SampledFrom([]string{"acme", "globex", "initech"})
	sources := rapid.SampledFrom([]string{"", "warehouse", "orders"})
	room := job.Capacity{
		Jobs:       rapid.IntRange(1, 4).Draw(rt, "room"),
		PerCompany: rapid.IntRange(0, 3).Draw(rt, "per company"),
		PerSource:  rapid.IntRange(0, 3).Draw(rt, "per source"),
		Running:    rapid.MapOf(companies, rapid.IntRange(1, 3)).Draw(rt, "running"),
		Waiting:    map[job.Line]int{{Source: sources.Draw(rt, "waiting at"), Company: companies.Draw(rt, "waiting")}: 1},
		Sources:    map[string]job.SourceCapacity{},
		Held:       map[job.ID]int{},
	}
	if rapid.Bool().Draw(rt, "a source is busy") {
		room.Sources[sources.Draw(rt, "busy")] = job.SourceCapacity{
			Running: rapid.IntRange(0, 2).Draw(rt, "its running"), Waiting: rapid.IntRange(0, 2).Draw(rt, "its waiting"),
			Most: rapid.IntRange(-1, 4).Draw(rt, "its most"),
		}
	}
	for _, id := range m.order {
		if j := m.jobs[id]; j.Running() && rapid.Bool().Draw(rt, "held") {
			room.Held[id] = j.Attempt
		}
	}
	return room
}

func (m *model) claim(rt *rapid.T) {
	room := m.room(rt)
	owner := rapid.SampledFrom([]string{"one", "two"}).Draw(rt, "owner")
	claimable := m.claimable(room.Held)
	until := m.now.Add(lease)
	claimed, _, err := m.stores.Jobs.Claim(rt.Context(), owner, m.now, until, room)
	must(rt, err, nil)
	taken := taken{make(map[string]int), make(map[string]int), m.runningElsewhere(owner, room.Held)}
	for i, got := range claimed {
		j := m.jobs[got.ID]
		if !taken.room(room, j) {
			rt.Fatalf("place %d went to %s, though there is no room for it", i, got.ID)
		}
		taken.companies[j.Company]++
		taken.sources[j.Source]++
		next := slices.IndexFunc(claimable, func(f *modelJob) bool { return f.Company == j.Company && f.Source == j.Source })
		if next < 0 || claimable[next] != j {
			rt.Fatalf("place %d went to %s, which is not the first of its company on its source", i, got.ID)
		}
		claimable = slices.Delete(claimable, next, next+1)
		j.Attempt++
		j.StartedAt, j.NotBefore, j.LeaseOwner, j.LeaseUntil = m.now.UTC(), time.Time{}, owner, until.UTC()
		if show(got) != show(j.Job) {
			rt.Fatalf("claimed %s, want %s", show(got), show(j.Job))
		}
	}
	if left := slices.IndexFunc(claimable, func(j *modelJob) bool { return taken.room(room, j) }); len(claimed) < room.Jobs && left >= 0 {
		rt.Fatalf("%s was not claimed, though there was room", claimable[left].ID)
	}
	m.extended(rt, room.Held, until)
}

// runningElsewhere counts, by company, the jobs that other owners run: a store that servers share knows of them. Leases that
// have ended count no more, but for those that the caller holds.
func (m *model) runningElsewhere(owner string, held map[job.ID]int) map[string]int {
	companies := make(map[string]int)
	for _, j := range m.jobs {
		if m.stores.Exclusive || !j.Running() || j.LeaseOwner == owner {
			continue
		}
		if attempt, holds := held[j.ID]; j.LeaseUntil.After(m.now) || holds && attempt == j.Attempt {
			companies[j.Company]++
		}
	}
	return companies
}

// extended follows what a claim has done with leases that had ended and are held: a store that found nothing to claim may
// have left them.
func (m *model) extended(rt *rapid.T, held map[job.ID]int, until time.Time) {
	for id := range held {
		j := m.jobs[id]
		got, err := m.stores.Jobs.Get(rt.Context(), id)
		must(rt, err, nil)
		if j.Running() && !j.LeaseUntil.After(m.now) && got.LeaseUntil.Equal(until) {
			j.LeaseUntil = until.UTC()
		}
	}
}

// running says what a write to a job that has to be running gets. While the lease has ended and nobody has claimed the
// job, the store may have taken it away or not: err, the store's answer, decides.
func (m *model) running(j *modelJob, attempt int, err error) error {
	switch {
	case attempt != j.Attempt || !j.Running():
		return job.ErrLost
	case !j.LeaseUntil.After(m.now) && errors.Is(err, job.ErrLost):
		j.LeaseOwner, j.LeaseUntil = "", time.Time{}
		return job.ErrLost
	}
	return nil
}

func (m *model) extend(rt *rapid.T) {
	j, attempt := m.pick(rt)
	until := m.now.Add(lease)
	err := m.stores.Jobs.Extend(rt.Context(), j.ID, attempt, until)
	want := m.running(j, attempt, err)
	must(rt, err, want)
	if want == nil {
		j.LeaseUntil = until.UTC()
	}
}

func (m *model) release(rt *rapid.T) {
	j, attempt := m.pick(rt)
	notBefore := m.now.Add(time.Duration(rapid.IntRange(-1, 20).Draw(rt, "delay")) * time.Second)
	forgive := rapid.Bool().Draw(rt, "forgive")
	err := m.stores.Jobs.Release(rt.Context(), j.ID, attempt, notBefore, forgive)
	want := m.running(j, attempt, err)
	must(rt, err, want)
	if want != nil {
		return
	}
	j.LeaseOwner, j.LeaseUntil, j.NotBefore = "", time.Time{}, notBefore.UTC()
	if forgive {
		j.Forgiven++
	}
}

func (m *model) append(rt *rapid.T) {
	j, attempt := m.pick(rt)
	first := rapid.IntRange(0, len(j.chunks[attempt])+1).Draw(rt, "first")
	chunks := rapid.SliceOfN(rapid.StringN(1, 20, -1), 0, 3).Draw(rt, "chunks")
	err := m.stores.Jobs.AppendChunks(rt.Context(), j.ID, attempt, first, bytesOf(chunks...))
	want := m.running(j, attempt, err)
	if want == nil && first > len(j.chunks[attempt]) {
		want = job.ErrMissingChunk
	}
	must(rt, err, want)
	if want != nil {
		return
	}
	kept := j.chunks[attempt]
	for i, chunk := range chunks {
		if first+i < len(kept) {
			kept[first+i] = chunk
		} else {
			kept = append(kept, chunk)
		}
	}
	j.chunks[attempt] = kept
}

func (m *model) finish(rt *rapid.T) {
	j, attempt := m.pick(rt)
	n := len(j.chunks[attempt]) + rapid.SampledFrom([]int{0, 0, 0, -1, 1}).Draw(rt, "chunks off by")
	outcome := rapid.SampledFrom([]job.Outcome{completed(m.now, n), failed(m.now), {
		Status: job.Cancelled, CompletedAt: m.now, ExpiresAt: m.now.Add(time.Minute),
	}}).Draw(rt, "outcome")
	changed, err := m.stores.Jobs.Finish(rt.Context(), j.ID, attempt, outcome)
	switch {
	case attempt == j.Attempt && j.Status == outcome.Status:
		must(rt, err, nil)
		if changed {
			rt.Fatal("a repetition says that it has changed something")
		}
	case attempt != j.Attempt || j.Status.Terminal():
		must(rt, err, job.ErrLost)
	case outcome.Status == job.Completed && n != len(j.chunks[attempt]):
		must(rt, err, job.ErrMissingChunk)
	default:
		must(rt, err, nil)
		if !changed {
			rt.Fatal("an end says that it has changed nothing")
		}
		j.Status, j.CompletedAt, j.ExpiresAt = outcome.Status, outcome.CompletedAt.UTC(), outcome.ExpiresAt.UTC()
		j.LeaseOwner, j.LeaseUntil, j.NotBefore = "", time.Time{}, time.Time{}
		j.Error, j.Result, j.RunTraceparent = outcome.Error, outcome.Result, outcome.RunTraceparent
	}
}

func (m *model) read(rt *rapid.T) {
	j, _ := m.pick(rt)
	n := rapid.IntRange(0, len(j.chunks[j.Attempt])).Draw(rt, "chunk")
	got, err := m.stores.Jobs.ReadChunk(rt.Context(), j.ID, n, nil)
	if j.Status != job.Completed || n == len(j.chunks[j.Attempt]) {
		must(rt, err, job.ErrNotFound)
		return
	}
	must(rt, err, nil)
	if want := j.chunks[j.Attempt][n]; string(got) != want {
		rt.Fatalf("chunk %d is %q, want %q", n, got, want)
	}
}

func (m *model) recover(rt *rapid.T) {
	_, err := m.stores.Jobs.Recover(rt.Context(), "one")
	must(rt, err, nil)
	for _, j := range m.jobs {
		if m.stores.Exclusive && j.LeaseOwner != "one" {
			j.LeaseOwner, j.LeaseUntil, j.NotBefore = "", time.Time{}, time.Time{}
		}
	}
}

func (m *model) sweep(rt *rapid.T) {
	limit := rapid.IntRange(1, 5).Draw(rt, "limit")
	for more := true; more; {
		var err error
		more, err = m.stores.Jobs.Sweep(rt.Context(), m.now, limit)
		must(rt, err, nil)
	}
	m.order = slices.DeleteFunc(m.order, func(id job.ID) bool {
		j := m.jobs[id]
		if !j.Expired(m.now) || j.CallbackURL != "" { // nobody delivers here: what is pending stays
			return false
		}
		delete(m.jobs, id)
		_, err := m.stores.Jobs.Get(rt.Context(), id)
		must(rt, err, job.ErrNotFound)
		return true
	})
}

// compare is called between all steps.
func (m *model) compare(rt *rapid.T) {
	for _, id := range m.order {
		want := m.jobs[id]
		got, err := m.stores.Jobs.Get(rt.Context(), id)
		must(rt, err, nil)
		if want.Running() && !got.Running() && !want.LeaseUntil.After(m.now) {
			want.LeaseOwner, want.LeaseUntil = "", time.Time{} // see running
		}
		if !want.NotBefore.IsZero() && got.NotBefore.IsZero() && !want.NotBefore.After(m.now) {
			want.NotBefore = time.Time{}
		}
		if show(got) != show(want.Job) {
			rt.Fatalf("stored %s\nwant   %s", show(got), show(want.Job))
		}
		_, err = FindDelivery(rt.Context(), m.stores.Callbacks, id)
		if announced := err == nil; announced != (want.Status.Terminal() && want.CallbackURL != "") {
			rt.Fatalf("job %s, %s with callback %q: delivery %v", id, want.Status, want.CallbackURL, err)
		}
	}
}

func must(rt *rapid.T, err, want error) {
	rt.Helper()
	if want == nil && err != nil || !errors.Is(err, want) {
		rt.Fatal(fmt.Sprintf("got %v, want %v", err, want))
	}
}

package usage

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/quota"
)

const (
	// rereadAfter is when a store that could not be read is asked again.
	rereadAfter = time.Second

	// readTimeout bounds how long a call waits for what was used before it.
	readTimeout = 5 * time.Second
)

// account is what one holder has used. It is exact but for calls that end in the microseconds in which it is read, which may
// be counted twice or not.
type account struct {
	quotas *Quotas
	holding

	reading sync.Mutex // held while the counter is asked; taken before mu

	mu     sync.Mutex
	places int64 // of calls that have not ended
	spans  [len(quota.Windows)]span
}

// span is a window of an account.
type span struct {
	begin, end time.Time
	known      bool      // what was used in it
	askAgain   time.Time // not before then
	lines      [2]line
}

// line is one unit of a span.
type line struct {
	used  int64
	limit quota.Limit // the last that was asked about
	asked bool        // since it is known what was used
	told  int         // in percent
}

func lineOf(unit quota.Unit) int {
	if unit == quota.Rows {
		return 1
	}
	return 0
}

// take takes a place under the limits, or none when one of them is used up, and appends the states.
func (a *account) take(ctx context.Context, states []State, limits []quota.Limit, now time.Time) ([]State, bool) {
	for _, limit := range limits {
		a.read(ctx, slices.Index(quota.Windows[:], limit.Window), now)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	ok := true
	for _, limit := range limits {
		s := a.enter(slices.Index(quota.Windows[:], limit.Window), now)
		l := &s.lines[lineOf(limit.Unit)]
		left := limit.Count - l.used
		if limit.Unit == quota.Calls {
			left -= a.places
		}
		if s.known && (!l.asked || l.limit != limit) {
			l.asked, l.limit = true, limit
			l.told = partOf(limit.Count-left, limit.Count) // before the server was started, or when the quota was another
		}
		state := State{
			Holder: a.holder, Quota: limit, Window: s.end.Sub(s.begin), Remaining: max(left, 0), Exceeded: left <= 0,
			Until: s.end, Reset: max(s.end.Sub(now), time.Second),
		}
		ok = ok && !state.Exceeded
		states = append(states, state)
	}
	if !ok {
		return states, false
	}
	a.places++
	return states, true
}

func (a *account) leave() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.places = max(a.places-1, 0)
}

// add counts what was used now, where it is known what was used before. Calls had places until now. Those of a configuration
// that is replaced may have had none, so that the places of others are too few until these end.
func (a *account) add(calls, rows int64, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.places = max(a.places-calls, 0)
	for i := range a.spans {
		if a.spans[i].end.IsZero() {
			continue // nobody has asked about it
		}
		if s := a.enter(i, now); s.known {
			s.lines[lineOf(quota.Calls)].used += calls
			s.lines[lineOf(quota.Rows)].used += rows
		}
	}
}

// enter returns a span, which begins again where its window is over. A clock that is set back does not begin an old one again.
func (a *account) enter(window int, now time.Time) *span {
	s := &a.spans[window]
	if now.Before(s.end) {
		return s
	}
	s.begin, s.end = quota.Windows[window].Bounds(now)
	for i := range s.lines {
		s.lines[i].used, s.lines[i].told = 0, 0
	}
	return s
}

// read asks the counter what was used, unless that is known. Where other servers count too, it asks again every now and then;
// one caller does, and the others go on with what is known.
func (a *account) read(ctx context.Context, window int, now time.Time) {
	known, due := a.unread(window, now)
	switch {
	case !due:
		return
	case !known:
		a.reading.Lock()
	case !a.reading.TryLock():
		return
	}
	defer a.reading.Unlock()
	if _, due := a.unread(window, now); !due {
		return // another caller has read it meanwhile
	}
	begin, _ := quota.Windows[window].Bounds(now)
	counts, err := a.ask(ctx, begin)
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.enter(window, now)
	if err != nil {
		s.askAgain = now.Add(rereadAfter)
		a.quotas.log.Error("a quota cannot be looked up: calls are made without it", slog.String("holder", string(a.holder)),
			slog.String("company", a.company), slog.String("user", a.user), slog.String("api_key", a.keyID), slog.Any("error", err))
		return
	}
	s.known, s.askAgain = true, now.Add(FlushEvery)
	s.lines[lineOf(quota.Calls)].used, s.lines[lineOf(quota.Rows)].used = counts[Charged], counts[Rows]
}

// unread reports whether it is known what was used, and whether the counter is to be asked.
func (a *account) unread(window int, now time.Time) (known, due bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.enter(window, now)
	return s.known, (!s.known || a.quotas.shared) && !now.Before(s.askAgain)
}

// ask returns what the holder has used since a time.
func (a *account) ask(ctx context.Context, begin time.Time) (counts Counts, err error) {
	// Others wait for the answer too: it does not depend on whether this caller still does.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
	defer cancel()
	filter := Filter{From: begin, To: begin.AddDate(0, 2, 0), Company: a.company, User: a.user}
	if a.holder == OfKey {
		filter.By = ByKey
	}
	rows, err := a.quotas.counter.Read(ctx, filter)
	for i := range rows {
		if rows[i].KeyID == a.keyID {
			counts.Add(&rows[i].Counts)
		}
	}
	return counts, err
}

// notify tells of each quota that has come to be used up to a part since it was last asked.
func (a *account) notify() {
	for _, notice := range a.due() {
		a.quotas.log.Warn("a quota is used up to a part", slog.Int("percent", notice.Percent), slog.String("holder", string(notice.Holder)),
			slog.String("company", notice.Company), slog.String("user", notice.User), slog.String("api_key", notice.KeyID),
			slog.String("quota", notice.Quota.String()), slog.Int64("used", notice.Used), slog.Time("until", notice.Until))
		if a.quotas.tell != nil {
			a.quotas.tell(notice)
		}
	}
}

func (a *account) due() (notices []Notice) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.spans {
		s := &a.spans[i]
		for unit := range s.lines {
			l := &s.lines[unit]
			used := l.used
			if l.limit.Unit == quota.Calls {
				used += a.places
			}
			if part := partOf(used, l.limit.Count); l.asked && part > l.told {
				l.told = part
				notices = append(notices, Notice{
					Holder: a.holder, Company: a.company, User: a.user, KeyID: a.keyID, Quota: l.limit, Used: used, Percent: part, Until: s.end,
				})
			}
		}
	}
	return notices
}

// partOf is up to which part that is told a quota is used, in percent.
func partOf(used, count int64) int {
	switch {
	case used >= count:
		return 100
	case float64(used) >= 0.8*float64(count):
		return 80
	}
	return 0
}

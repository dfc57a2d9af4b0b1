package job

import (
	"testing"
	"time"
)

// A source that cannot be reached is tried after the back-off, which doubles up to its bound, and begins again when it has
// answered.
func TestSourceIsTriedLessAndLessOften(t *testing.T) {
	now := time.Unix(1000, 0)
	s := newSources(time.Second, func() time.Time { return now })
	for range 2 {
		for range 3 { // those that were running fail together
			s.change(Line{Source: "a"}, +1, 0)
		}
		for n := range 3 {
			if _, retry, news := s.failed("a"); news != (n == 0) || retry.Sub(now) != time.Second {
				t.Fatalf("failure %d: again after %s, news %t", n, retry.Sub(now), news)
			}
			s.change(Line{Source: "a"}, -1, 0)
		}
		for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, maxRetry, maxRetry} {
			if most := s.capacity(Settings{Workers: 4}).Sources["a"].Most; most != -1 {
				t.Fatalf("before the time %d may be claimed", most)
			}
			now = now.Add(maxRetry)
			if most := s.capacity(Settings{Workers: 4}).Sources["a"].Most; most != 1 {
				t.Fatalf("when it is time %d may be claimed", most)
			}
			s.tried("a")
			s.change(Line{Source: "a"}, +1, 0)
			if most := s.capacity(Settings{Workers: 4}).Sources["a"].Most; most != -1 {
				t.Fatalf("while one tries %d may be claimed", most)
			}
			if _, retry, _ := s.failed("a"); retry.Sub(now) != want {
				t.Fatalf("again after %s, want %s", retry.Sub(now), want)
			}
			s.change(Line{Source: "a"}, -1, 0)
		}
		if !s.answered("a") || s.answered("a") || len(s.byName) != 0 || len(s.byLine) != 0 {
			t.Fatalf("after an answer: %v, %v", s.byName, s.byLine)
		}
	}
}

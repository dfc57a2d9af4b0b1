package fields

import (
	"crypto/sha256"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/job"
)

func cursorsOf(secret string) CursorKey {
	key := sha256.Sum256([]byte(secret))
	return key[:]
}

func TestCursor(t *testing.T) {
	key, id := cursorsOf("one"), job.NewID(time.Now())
	for _, at := range []Place{{}, {1, 1}, {1 << 62, 1 << 61}} {
		text := key.Seal(at, id)
		if got, err := key.Open(text, id); err != nil || got != at {
			t.Errorf("%+v came back as %+v, %v", at, got, err)
		}
		if _, err := key.Open(text, job.NewID(time.Now())); err == nil {
			t.Error("another job's cursor is accepted")
		}
		if _, err := cursorsOf("other").Open(text, id); err == nil {
			t.Error("a cursor that another key signed is accepted")
		}
		for i := range text {
			changed := []byte(text)
			changed[i] ^= 1
			if _, err := key.Open(string(changed), id); err == nil {
				t.Errorf("a cursor whose character %d was changed is accepted", i)
			}
		}
	}
}

// FuzzCursor: a cursor that this server did not make is refused, whatever it says.
func FuzzCursor(f *testing.F) {
	key, id := cursorsOf("one"), job.NewID(time.Unix(0, 0))
	for _, at := range []Place{{}, {10, 1}} {
		text := key.Seal(at, id)
		f.Add(text)
	}
	f.Add("")
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := key.Open(text, id)
		if err == nil && key.Seal(at, id) != text {
			t.Errorf("%q is accepted as %+v", text, at)
		}
	})
}

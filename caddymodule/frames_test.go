package caddymodule_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/source"
)

// maxFrames is how many functions of this module a request may pass, from the plug-in's ServeHTTP to an encoder's Row.
const maxFrames = 14

// witness is an encoder that notes by which way its first row comes.
type witness struct {
	result.Encoder
	frames *[]string
}

// Row notes this module's functions on the stack, the outermost first, itself included. Those of Caddy, net/http and
// drivers are left out; functions that the compiler has inlined count.
func (e *witness) Row(values []source.Value) error {
	if len(*e.frames) == 0 {
		pcs := make([]uintptr, 200)
		frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
		for more := true; more; {
			var frame runtime.Frame
			frame, more = frames.Next()
			if name, ours := strings.CutPrefix(frame.Function, "github.com/solucao42/caddy-data-api/"); ours {
				*e.frames = append([]string{strings.TrimPrefix(name, "internal/")}, *e.frames...)
			}
		}
	}
	return e.Encoder.Row(values)
}

// TestTheWayOfARequestIsShort counts what a reader has to follow, on a real server. Docs/architecture.md names these frames.
func TestTheWayOfARequestIsShort(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	var frames []string
	encoder := result.CSV.Encoder
	t.Cleanup(func() { result.CSV.Encoder = encoder }) // after the server has ended
	result.CSV.Encoder = func(w io.Writer, options result.EncoderOptions) result.Encoder {
		return &witness{encoder(w, options), &frames}
	}
	s := run(t)
	for name, source := range map[string]string{
		"SQLite": "", "PostgreSQL": pgtest.New(t).ReaderDSN,
	} {
		frames = nil
		s.mustLoad(settings{name: "frames", catalog: catalogOf(t, map[string]string{"one": sayOne}), postgres: source})
		s.login()
		if status, answer, err := s.ask(s.clientHelper, http.MethodPost, "/api/v1/data-api/default/one/execute.csv", `{}`); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s %v", status, answer, err)
		}
		t.Logf("%s:\n%s", name, strings.Join(frames, "\n"))
		if len(frames) == 0 || !strings.HasSuffix(frames[0], ".ServeHTTP") {
			t.Fatalf("the way does not begin with the plug-in's handler: %q", frames)
		}
		if len(frames) > maxFrames {
			t.Errorf("on %s a request passes %d frames before its first row is encoded, and %d at most are allowed", name, len(frames), maxFrames)
		}
		for _, frame := range frames[:len(frames)-1] {
			if !strings.Contains(string(content), "`"+frame+"`") {
				t.Errorf("docs/architecture.md does not name %s", frame)
			}
		}
	}
}

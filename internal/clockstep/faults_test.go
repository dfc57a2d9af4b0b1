//go:build faults

package clockstep_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/clockstep"
)

// The system's clock is set back and forth while jobs run and callbacks are on their way.
func TestFaultsClockSteps(t *testing.T) {
	overlay, err := clockstep.Overlay(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tests := exec.CommandContext(t.Context(), "go", "test", "-count", "1", "-v", "-overlay", overlay, "-tags", "clockstep",
		"-run", "^TestSystemClock", "../job", "../callback")
	output, err := tests.CombinedOutput()
	t.Logf("%s", output)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(output), "--- PASS: TestSystemClock"); n != 2 {
		t.Errorf("%d tests ran, want 2", n)
	}
}

package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// peakMemory returns the most memory that the server's process has held, in bytes (VmHWM of proc(5)).
func (s *server) peakMemory() int64 {
	s.T.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.T.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				s.T.Fatal(err)
			}
			return kib << 10
		}
	}
	s.T.Fatal("no VmHWM")
	return 0
}

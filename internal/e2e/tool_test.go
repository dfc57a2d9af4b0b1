package e2e

import (
	"os"
	"os/exec"
	"testing"
)

// tool returns the path of a program, and installs Debian's package of the same name where that is allowed.
func tool(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	aptGet, err := exec.LookPath("apt-get")
	if err != nil || os.Getuid() != 0 {
		t.Fatalf("this test needs %s: install it (Debian: apt-get install %s)", name, name)
	}
	for _, arguments := range [][]string{{"-q", "update"}, {"-q", "install", "-y", "--no-install-recommends", name}} {
		install := exec.Command(aptGet, arguments...)
		install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if output, err := install.CombinedOutput(); err != nil {
			t.Fatalf("this test needs %s, and apt-get cannot install it: %v\n%s", name, err, output)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

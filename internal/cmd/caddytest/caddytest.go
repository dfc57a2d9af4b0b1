package caddytest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// Run runs the tests of a package with directories of their own, and returns the code to exit with. It is for TestMain.
func Run(m *testing.M) (code int) {
	home, err := os.MkdirTemp("", "caddy-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "caddytest:", err)
		return 1
	}
	defer os.RemoveAll(home)
	if err := os.Setenv("XDG_DATA_HOME", home); err != nil {
		fmt.Fprintln(os.Stderr, "caddytest:", err)
		return 1
	}
	// Caddy has made these of the environment already.
	caddy.DefaultStorage.Path = caddy.AppDataDir()
	caddy.ConfigAutosavePath = filepath.Join(home, "autosave.json")
	return m.Run()
}

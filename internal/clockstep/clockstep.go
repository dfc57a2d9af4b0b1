package clockstep

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Overlay writes a file for the go command's flag -overlay into dir, and returns its path.
func Overlay(ctx context.Context, dir string) (path string, err error) {
	root, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output() // a test that was built with -trimpath does not know it
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	source, err := os.ReadFile(original)
	if err != nil {
		return "", err
	}
	const call = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}\n"
	if bytes.Count(source, []byte(call)) != 1 {
		return "", errors.New("time.Now is not as this package knows it")
	}
	const read = "\tsec, nsec, mono := runtimeNow()\n"
	changed := bytes.Replace(source, []byte(call), []byte(read+"\tsec += ClockStep\n"+call[len(read):]), 1)
	changed = append(changed, "\n// ClockStep is added to the wall clock, in seconds.\nvar ClockStep int64\n"...)
	replacement := filepath.Join(dir, "time.go")
	if err := os.WriteFile(replacement, changed, 0o600); err != nil {
		return "", err
	}
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err != nil {
		return "", fmt.Errorf("overlay: %w", err)
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

package caddydataapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "draw the diagram of docs/architecture.md again")

const (
	architecture = "docs/architecture.md"
	diagramBegin = "```mermaid\n"
	diagramEnd   = "```\n"

	// A reader cannot hold more of a package in mind.
	mostFiles = 25
	mostLines = 4000
)

// TestPackagesAreSmall fails for a package of more files, or more lines, than a reader can hold in mind. Tests do not count, and files
// for other systems do. A package that has grown too large has a part that is a package of its own.
func TestPackagesAreSmall(t *testing.T) {
	list := exec.Command("go", "list", "-f", "{{.Dir}}", "./...")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(output)) {
		directory := strings.TrimSuffix(line, "\n")
		files, err := filepath.Glob(filepath.Join(directory, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		files = slices.DeleteFunc(files, func(file string) bool { return strings.HasSuffix(file, "_test.go") })
		lines := 0
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			lines += bytes.Count(text, []byte("\n"))
		}
		if len(files) > mostFiles || lines > mostLines {
			t.Errorf("%s has %d files and %d lines, tests apart; a package may have %d and %d", directory, len(files), lines, mostFiles, mostLines)
		}
	}
}

// TestDiagramShowsTheImports compares the diagram of docs/architecture.md with what the packages import. An arrow is
// an import, and is left out where a longer way of arrows leads to the same package.
func TestDiagramShowsTheImports(t *testing.T) {
	content, err := os.ReadFile(architecture)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(content), diagramBegin)
	drawn, after, closed := strings.Cut(rest, diagramEnd)
	if !found || !closed {
		t.Fatalf("%s has no block that begins with %q", architecture, diagramBegin)
	}
	want := diagram(reduced(imports(t)))
	switch {
	case drawn == want:
	case *update:
		if err := os.WriteFile(architecture, []byte(before+diagramBegin+want+diagramEnd+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s does not show what the packages import; `go test . -update` draws it again.\ndrawn:\n%s\nimported:\n%s", architecture, drawn, want)
	}
}

// graph holds, for each package, those that it imports.
type graph map[string]map[string]bool

// imports asks the go command for the module's packages, tests left out.
func imports(t *testing.T) graph {
	t.Helper()
	list := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	list.Stderr = os.Stderr
	output, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	module, err := exec.Command("go", "list", "-m").Output()
	if err != nil {
		t.Fatal(err)
	}
	prefix := strings.TrimSpace(string(module)) + "/"
	found := graph{}
	for decoder := json.NewDecoder(strings.NewReader(string(output))); decoder.More(); {
		var listed struct {
			ImportPath string
			Imports    []string
		}
		if err := decoder.Decode(&listed); err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutPrefix(listed.ImportPath, prefix)
		if !ok || strings.HasPrefix(name, "examples/") || strings.HasSuffix(name, "test") || strings.HasPrefix(name, "internal/e2e") {
			continue // what is no part of the server
		}
		found[name] = map[string]bool{}
		for _, imported := range listed.Imports {
			if other, ok := strings.CutPrefix(imported, prefix); ok {
				found[name][other] = true
			}
		}
	}
	return found
}

// reduced leaves out each arrow beside which a longer way leads to the same package.
func reduced(all graph) graph {
	var reaches func(from, to string) bool
	reaches = func(from, to string) bool {
		return all[from][to] || slices.ContainsFunc(slices.Collect(maps.Keys(all[from])), func(next string) bool { return reaches(next, to) })
	}
	kept := graph{}
	for from, others := range all {
		kept[from] = map[string]bool{}
		for to := range others {
			longer := slices.ContainsFunc(slices.Collect(maps.Keys(others)), func(other string) bool { return other != to && reaches(other, to) })
			if !longer {
				kept[from][to] = true
			}
		}
	}
	return kept
}

func diagram(of graph) string {
	var lines strings.Builder
	lines.WriteString("flowchart TD\n")
	short := func(name string) string { return strings.TrimPrefix(name, "internal/") }
	for _, from := range slices.Sorted(maps.Keys(of)) {
		to := slices.Sorted(maps.Keys(of[from]))
		for i := range to {
			to[i] = short(to[i])
		}
		if len(to) > 0 {
			fmt.Fprintf(&lines, "  %s --> %s\n", short(from), strings.Join(to, " & "))
		}
	}
	return lines.String()
}

package buildinfo

import (
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
)

// module is the path of this module, and caddy that of Caddy.
var module = strings.TrimSuffix(reflect.TypeFor[Info]().PkgPath(), "/internal/buildinfo")

const caddy = "github.com/caddyserver/caddy/v2"

// Info is of what a program was built.
type Info struct {
	Version  string `json:"version"`            // of this module, such as v0.4.0; "unknown" when nothing tells
	Commit   string `json:"commit,omitempty"`   // that it was built from, 12 digits or more; empty: unknown
	Modified bool   `json:"modified,omitempty"` // the checkout had changes that the commit has not
	Go       string `json:"go"`
	Caddy    string `json:"caddy,omitempty"`
}

// Read returns of what this program was built. It does not block.
var Read = sync.OnceValue(func() Info {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return Info{Version: unknown}
	}
	return of(build)
})

// stamped is the version that the Makefile has the linker write, since Go does not tell that of a program's own module in every
// checkout; empty: none.
var stamped string

// What Go and we say of a version that is not known.
const (
	unknown = "unknown"
	develop = "(devel)"
)

// dirty ends the version of a checkout with changes: Go's own word, and that of xcaddy.sh, since a required version can have
// no plus sign.
const (
	dirty         = "+dirty"
	dirtyRequired = ".dirty"
	dirtyRelease  = "-dirty"
)

func of(build *debug.BuildInfo) Info {
	info := Info{Version: unknown, Go: build.GoVersion}
	for _, dependency := range append(build.Deps, &build.Main) {
		switch dependency.Path {
		case module:
			info.read(dependency)
		case caddy:
			info.Caddy = dependency.Version
		}
	}
	if info.Version == unknown && stamped != "" {
		info.read(&debug.Module{Version: stamped})
	}
	if build.Main.Path != module {
		return info // what Go says of the checkout is about the program that we are a part of
	}
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			info.Commit = setting.Value
		case "vcs.modified":
			info.Modified = setting.Value == "true"
		}
	}
	return info
}

// read takes what a module's version tells. One that was replaced by a directory keeps the version that was asked for.
func (i *Info) read(found *debug.Module) {
	version := found.Version
	if found.Replace != nil && found.Replace.Version != "" {
		version = found.Replace.Version
	}
	if version == "" || version == develop {
		return
	}
	for _, mark := range []string{dirty, dirtyRequired, dirtyRelease} {
		if clean, ok := strings.CutSuffix(version, mark); ok {
			version, i.Modified = clean, true
		}
	}
	i.Version, i.Commit = version, commitOf(version)
	if slices.Contains(noVersions, i.Version) {
		i.Version = unknown
	}
}

// noVersions are what Go, and xcaddy.sh, ask for where there is none.
var noVersions = []string{"v0.0.0-00010101000000-000000000000", "v0.0.0"}

// commitOf returns the beginning of the commit that a pseudo-version names; empty: it names none.
func commitOf(version string) string {
	version, _, _ = strings.Cut(version, "+")
	parts := strings.Split(version, "-")
	if len(parts) < 3 {
		return ""
	}
	commit, when := parts[len(parts)-1], parts[len(parts)-2]
	if len(commit) != 12 || len(when) < 14 || strings.Trim(commit, "0123456789abcdef") != "" || strings.Trim(commit, "0") == "" {
		return ""
	}
	return commit
}

// String writes it in one line.
func (i *Info) String() string {
	text := i.Version
	if i.Commit != "" && !strings.Contains(i.Version, i.Commit[:12]) {
		text += " (" + i.Commit[:12] + ")"
	}
	if i.Modified {
		text += ", modified"
	}
	if i.Caddy != "" {
		text += ", Caddy " + i.Caddy
	}
	return text + ", " + i.Go
}

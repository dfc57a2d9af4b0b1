package buildinfo

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	ours := func(version string, replace *debug.Module) *debug.Module {
		return &debug.Module{Path: module, Version: version, Replace: replace}
	}
	other := debug.Module{Path: "caddy", Version: "(devel)"}
	here := &debug.Module{Path: "/home/x"}
	stamped := []debug.BuildSetting{{Key: "vcs.revision", Value: "da1124a0cafe00112233445566778899aabbccdd"}, {Key: "vcs.modified", Value: "true"}}
	for name, c := range map[string]struct {
		build debug.BuildInfo
		want  Info
	}{
		"a release, by xcaddy":        {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v0.4.0", nil)}}, Info{Version: "v0.4.0"}},
		"a commit, by xcaddy":         {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v0.0.0-20261129175818-da1124a0cafe", nil)}}, Info{Version: "v0.0.0-20261129175818-da1124a0cafe", Commit: "da1124a0cafe"}},
		"after a tag":                 {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v0.4.1-0.20261129175818-da1124a0cafe", nil)}}, Info{Version: "v0.4.1-0.20261129175818-da1124a0cafe", Commit: "da1124a0cafe"}},
		"a directory, by xcaddy":      {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("(devel)", here)}, Settings: stamped}, Info{Version: "unknown"}},
		"a directory without version": {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours(noVersions[0], here)}}, Info{Version: "unknown"}},
		"a checkout, by xcaddy.sh":    {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v0.0.0-20261129175818-da1124a0cafe.dirty", here)}}, Info{Version: "v0.0.0-20261129175818-da1124a0cafe", Commit: "da1124a0cafe", Modified: true}},
		"our own program": {
			debug.BuildInfo{Main: *ours("v0.4.1-0.20261129175818-da1124a0cafe+dirty", nil), Settings: stamped},
			Info{Version: "v0.4.1-0.20261129175818-da1124a0cafe", Commit: "da1124a0cafe00112233445566778899aabbccdd", Modified: true},
		},
		"our own, without a checkout": {debug.BuildInfo{Main: *ours("(devel)", nil)}, Info{Version: "unknown"}},
		"a pre-release":               {debug.BuildInfo{Main: other, Deps: []*debug.Module{ours("v1.0.0-rc-1", nil)}}, Info{Version: "v1.0.0-rc-1"}},
	} {
		if got := of(&c.build); got != c.want {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
	info := Info{Version: "v0.4.0", Commit: "da1124a0cafe00112233445566778899aabbccdd", Modified: true, Go: "go1.26.8", Caddy: "v2.11.9"}
	if got, want := info.String(), "v0.4.0 (da1124a0cafe), modified, Caddy v2.11.9, go1.26.8"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

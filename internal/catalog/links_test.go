package catalog_test

import (
	"os"
	"path/filepath"
	"testing"
)

// turn points a symbolic link elsewhere, as deployments do: in one step.
func turn(t *testing.T, link, target string) {
	t.Helper()
	if err := os.Symlink(target, link+".next"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".next", link); err != nil {
		t.Fatal(err)
	}
}

// A release is a directory, and a link above the catalog, or in it, names the one that counts. Nothing but notices of the
// system tells the catalog of a turned link here.
func TestLinksOnTheWayCanBeTurned(t *testing.T) {
	t.Parallel()
	green := titled("green")
	for name, c := range map[string]struct {
		files files
		links [][2]string // link and target, below the directory
		root  string
		turn  [2]string
		edit  string // a file that is looked at when the link has been turned
	}{
		"a parent": {
			files{"v1/catalog/acme/default/a.sql": titled("one"), "v2/catalog/acme/default/a.sql": green},
			[][2]string{{"current", "v1"}}, "current/catalog", [2]string{"current", "v2"}, "v2/catalog/acme/default/a.sql",
		},
		"a link that a link leads to": {
			files{"v1/x/catalog/acme/default/a.sql": titled("one"), "v2/x/catalog/acme/default/a.sql": green},
			[][2]string{{"far/release", "../v1"}, {"current", "far/release/x"}}, "current/catalog", [2]string{"far/release", "../v2"}, "v2/x/catalog/acme/default/a.sql",
		},
		"a parent that is missing for a while": {
			files{"v1/catalog/acme/default/a.sql": titled("one"), "v2/catalog/acme/default/a.sql": green},
			[][2]string{{"current", "v1"}}, "current/catalog", [2]string{"", ""}, "v2/catalog/acme/default/a.sql",
		},
		"a hidden link inside of the catalog": {
			files{"catalog/.v1/acme/default/a.sql": titled("one"), "catalog/.v2/acme/default/a.sql": green},
			[][2]string{{"catalog/.data", ".v1"}, {"catalog/acme", ".data/acme"}}, "catalog", [2]string{"catalog/.data", ".v2"}, "catalog/.v2/acme/default/a.sql",
		},
		"a link to a file in a hidden directory": {
			files{"catalog/acme/default/b.sql": titled("b"), "catalog/.store/one/a.sql": titled("one"), "catalog/.store/two/a.sql": green},
			[][2]string{{"catalog/.store/now", "one"}, {"catalog/acme/default/a.sql", "../../.store/now/a.sql"}}, "catalog",
			[2]string{"catalog/.store/now", "two"}, "catalog/.store/two/a.sql",
		},
	} {
		t.Run(name, func(t *testing.T) {
			top := build(t, c.files)
			for path := range c.files {
				company := filepath.Dir(filepath.Dir(path))
				if filepath.Base(company) == "acme" {
					write(t, top, filepath.Join(company, "company.yaml"), "")
				}
			}
			for _, link := range c.links {
				path := filepath.Join(top, link[0])
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink(link[1], path); err != nil {
					t.Fatal(err)
				}
			}
			opened := open(t, filepath.Join(top, c.root), nil)
			if title(opened, "a") != "one" {
				t.Fatal(opened.Diagnostics())
			}
			if c.turn[0] == "" {
				if err := os.Remove(filepath.Join(top, "current")); err != nil {
					t.Fatal(err)
				}
				eventually(t, "that the link is gone is seen", func() bool { return len(opened.Diagnostics()) == 1 })
				c.turn = [2]string{"current", "v2"}
			}
			turn(t, filepath.Join(top, c.turn[0]), c.turn[1])
			eventually(t, "what the link leads to now is live", func() bool { return title(opened, "a") == "green" })
			write(t, top, c.edit, titled("greener"))
			eventually(t, "and is watched", func() bool { return title(opened, "a") == "greener" })
		})
	}
}

package config

import (
	"errors"
	"fmt"
	"strings"
)

// Console configures the console.
type Console struct {
	// The path that the console is served at, and below. The default is /console.
	Path string `json:"path,omitempty"`

	// Where the documentation page is on the same site, so that the console can lead there. By default it does not.
	Docs string `json:"docs,omitempty"`
}

// DefaultConsolePath is where the console is when the configuration does not say.
const DefaultConsolePath = "/console"

// Validate reports a path that is not valid, that the API needs, or that is the documentation page's. An empty one is allowed.
func (c *Console) Validate() error {
	if c.Path != "" && c.Docs != "" && (below(c.Path, c.Docs) || below(c.Docs, c.Path)) {
		return fmt.Errorf("console is %s and docs is %s: one must not lie below the other", c.Path, c.Docs)
	}
	return errors.Join(checkPath("console", c.Path, "off, or ", DefaultConsolePath), checkPath("docs", c.Docs, "off, or ", DefaultDocsPath))
}

// below reports whether a path is another one, or below it.
func below(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

// Place is a path of a site that a handler answers, and what the setting of it is called.
type Place struct {
	Setting, Path string // without a path it is nowhere
	Below         bool   // it answers what lies below the path, too
}

// CheckPlaces reports a place whose requests would get to another one.
func CheckPlaces(places ...Place) error {
	for i, first := range places {
		for _, second := range places[i+1:] {
			if first.Path == "" || second.Path == "" {
				continue
			}
			if second.Path != first.Path && second.Below && below(first.Path, second.Path) {
				first, second = second, first
			}
			if second.Path == first.Path || first.Below && below(second.Path, first.Path) {
				return fmt.Errorf("%s is %s and %s is %s: requests for the second would get to the first",
					first.Setting, first.Path, second.Setting, second.Path)
			}
		}
	}
	return nil
}

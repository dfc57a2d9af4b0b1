package config

import "errors"

// Docs configures the documentation page.
type Docs struct {
	// The path that the page is served at, and below. The default is /docs.
	Path string `json:"path,omitempty"`

	// Where the console is on the same site, so that the page can lead there. By default it does not.
	Console string `json:"console,omitempty"`
}

// DefaultDocsPath is where the documentation page is when the configuration does not say.
const DefaultDocsPath = "/docs"

// Validate reports a path that is not valid, or that the API needs. An empty one is allowed.
func (d *Docs) Validate() error {
	return errors.Join(checkPath("docs", d.Path, "off, or ", DefaultDocsPath), checkPath("console", d.Console, "off, or ", DefaultConsolePath))
}

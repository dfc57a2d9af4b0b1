package config

// Docs configures the documentation page.
type Docs struct {
	// The path that the page is served at, and below. The default is /docs.
	Path string `json:"path,omitempty"`
}

// DefaultDocsPath is where the documentation page is when the configuration does not say.
const DefaultDocsPath = "/docs"

// Validate reports a path that is not valid, or that the API needs. An empty one is allowed.
func (d *Docs) Validate() error { return checkPath("docs", d.Path, "off, or ", DefaultDocsPath) }

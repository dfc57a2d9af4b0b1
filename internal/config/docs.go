package config

import (
	"errors"
	"strings"
)

// Docs configures the documentation page.
type Docs struct {
	// The path that the page is served at, and below. The default is /docs.
	Path string `json:"path,omitempty"`
}

// DefaultDocsPath is where the documentation page is when the configuration does not say.
const DefaultDocsPath = "/docs"

// Validate reports a path that is not valid, or that the API needs. An empty one is allowed.
func (d *Docs) Validate() error {
	switch path := d.Path; {
	case path == "":
		return nil
	case !strings.HasPrefix(path, "/") || len(path) < 2 || strings.HasSuffix(path, "/") || strings.ContainsAny(path, "*?#{} \t"):
		return errors.New("docs must be off, or a path such as /docs: beginning with a slash, not ending with one, without wildcards")
	case path == "/api" || strings.HasPrefix(path, "/api/") || path == "/.well-known" || strings.HasPrefix(path, "/.well-known/"):
		return errors.New("docs must not lie below /api or /.well-known, which belong to the API")
	default:
		return nil
	}
}

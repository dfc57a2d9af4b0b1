package mcp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// metadataPath is where RFC 9728, 3.1, has a resource described: the resource's own path follows.
const metadataPath = "/.well-known/oauth-protected-resource"

// MetadataPath is where [Handler.ServeMetadata] serves the description of a handler at path.
func MetadataPath(path string) string { return metadataPath + path }

// resource describes what tokens are for (RFC 9728, 2).
type resource struct {
	Resource      string   `json:"resource"`
	Servers       []string `json:"authorization_servers,omitempty"` // whose tokens are accepted
	BearerMethods []string `json:"bearer_methods_supported"`
	Name          string   `json:"resource_name"`
}

// ServeMetadata says at MetadataPath, and below it for the paths of namespaces, who issues tokens for this resource. origin is the
// scheme and host that clients use, and issuers are the authorization servers that are trusted. When it fails, it has not begun an answer.
func (h *Handler) ServeMetadata(w http.ResponseWriter, r *http.Request, origin string, issuers []string) error {
	if _, ok := h.namespace(strings.TrimPrefix(r.URL.Path, metadataPath)); !ok {
		return h.notHere()
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		return &dataapi.Error{Code: dataapi.CodeMethodNotAllowed}
	}
	body, err := json.Marshal(resource{
		Resource: origin + strings.TrimPrefix(r.URL.EscapedPath(), metadataPath), Servers: issuers, BearerMethods: []string{"header"}, Name: "Data API",
	})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Cache-Control", "max-age=300")
	_, _ = w.Write(body) // the client may have gone
	return nil
}

// Challenge adds to the challenge of a 401 where the resource at path, which is escaped, is described (RFC 9728, 5.1): clients find
// their way to an authorization server by it.
func Challenge(header http.Header, origin, path string) {
	const name = "WWW-Authenticate"
	challenge := header.Get(name)
	separator := ", "
	if !strings.Contains(challenge, "=") {
		separator = " "
	}
	header.Set(name, challenge+separator+`resource_metadata="`+origin+metadataPath+path+`"`)
}

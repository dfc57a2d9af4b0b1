package httpapi

import (
	"net/http"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/job"
)

const (
	revisionQuery = "revision"            // asks for a revision of an endpoint
	revisionField = "X-Data-Api-Revision" // names the one that was run
)

// announceRetirement says from when the endpoint is deprecated (RFC 9745) and when it is expected to go (RFC 8594).
func announceRetirement(header http.Header, endpoint *catalog.Endpoint) {
	if !endpoint.Deprecated.IsZero() {
		header.Set("Deprecation", "@"+strconv.FormatInt(endpoint.Deprecated.Unix(), 10))
	}
	if !endpoint.Sunset.IsZero() {
		header.Set("Sunset", endpoint.Sunset.UTC().Format(http.TimeFormat))
	}
}

// setRevisionOf names the revision that a job has run, in place of the one that it was accepted for. When the endpoint has
// changed since, either may have been run, and nothing is said.
func (e *executions) setRevisionOf(header http.Header, ended job.Job) {
	if ended.PinRevision {
		header.Set(revisionField, ended.Revision)
		return
	}
	present, err := e.plan().Find(ended.Company, ended.Address.Namespace, ended.Address.Slug)
	if err != nil || present.Endpoint.Revision != ended.Revision {
		header.Del(revisionField)
		return
	}
	header.Set(revisionField, ended.Revision)
}

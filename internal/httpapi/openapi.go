package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/openapi"
	"github.com/solucao42/caddy-data-api/internal/result/formats"
)

// What is kept of documents: making one takes some milliseconds, and a page that is opened by many asks for the same ones.
const (
	maxDocumentBytes = 32 << 20
	documentIdle     = 10 * time.Minute
)

// view is what a document depends on. Companies, users and plans are immutable, so that their addresses identify them.
type view struct {
	plan    *execution.Plan
	learned uint64 // what the plan knows of columns
	company *identity.Company
	user    *identity.User
	base    string // of paths, or the whole URL of the server
}

type openAPIDocument struct {
	body []byte
	etag string
}

// newDocuments makes the cache of documents, by whom they are for.
func newDocuments() *otter.Cache[view, openAPIDocument] {
	return otter.Must(&otter.Options[view, openAPIDocument]{
		MaximumWeight:    maxDocumentBytes,
		Weigher:          func(_ view, d openAPIDocument) uint32 { return uint32(len(d.body)) + 256 },
		ExpiryCalculator: otter.ExpiryAccessing[view, openAPIDocument](documentIdle),
	})
}

// openAPI answers with the OpenAPI document of what the caller may run. A caller who has it already gets 304.
func (e *endpoints) openAPI(w http.ResponseWriter, r *http.Request) error {
	if !fields.AcceptsJSON(r.Header) {
		return fields.ErrNotJSON
	}
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller, plan := respond.CallerOf(r), e.plan()
	key := view{plan: plan, learned: plan.Learned(), company: caller.Company, user: caller.User, base: cmp.Or(fields.BaseOf(r).URL, fields.BaseOf(r).Path)}
	found, err := e.documents.Get(r.Context(), key, otter.LoaderFunc[view, openAPIDocument](
		func(context.Context, view) (openAPIDocument, error) { return makeDocument(caller, plan, key.base) }))
	if err != nil {
		return err
	}
	header := w.Header()
	header.Set("Content-Type", fields.JSONType)
	header.Set("Cache-Control", "private, no-cache") // it may be kept, and is asked about each time
	header.Add("Vary", "Authorization")
	header.Set("ETag", found.etag)
	whole := r.Clone(r.Context())
	for _, name := range []string{"Range", "If-Range", "If-Match", "If-Unmodified-Since"} {
		whole.Header.Del(name)
	}
	http.ServeContent(w, whole, "", time.Time{}, bytes.NewReader(found.body))
	return nil
}

func makeDocument(caller identity.Principal, plan *execution.Plan, base string) (openAPIDocument, error) {
	offers, _ := plan.Offers(caller, execution.Wanted{})
	body, err := openapi.Document(caller, offers, OpenAPIOptions(base))
	if err != nil {
		return openAPIDocument{}, err
	}
	digest := sha256.Sum256(body)
	return openAPIDocument{body: append(body, '\n'), etag: strconv.Quote(hex.EncodeToString(digest[:16]))}, nil
}

// OpenAPIOptions says what the documents of this API tell of results. Server is the URL that paths are relative to, empty
// for the server that is asked.
func OpenAPIOptions(server string) openapi.Options {
	return openapi.Options{Server: server, Formats: formats.Streamed, Kept: formats.All, Reserved: executeQueries}
}

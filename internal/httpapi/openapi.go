package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
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

// maxDescribed is how many endpoints a document describes: each takes some 10 KB of it, and 200 KB while it is made.
const maxDescribed = 1000

// view is what a document depends on. Companies and plans are immutable, so that their addresses identify them.
type view struct {
	plan    *execution.Plan
	learned uint64 // what the plan knows of columns
	company *identity.Company
	class   string // of the caller: the users of a company who may do the same have the same document
	base    string // of paths, or the whole URL of the server

	namespace string // that it is of; empty: of all
}

// classOf writes all that decides what a user of a company may do.
func classOf(user *identity.User) (string, error) {
	context, err := user.ShareContext.Canonical()
	if err != nil {
		return "", err
	}
	policies := slices.Compact(slices.Sorted(slices.Values(user.Policies)))
	return strings.Join(policies, "\n") + "\n\n" + string(context), nil
}

type openAPIDocument struct {
	body []byte
	etag string
}

// newDocuments makes the cache of documents, by the callers that they are for.
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
	query, err := fields.ParseQuery(r, "namespace")
	if err != nil {
		return err
	}
	caller, plan := respond.CallerOf(r), e.plan()
	class, err := classOf(caller.User)
	if err != nil {
		return err
	}
	key := view{
		plan: plan, learned: plan.Learned(), company: caller.Company, class: class, base: cmp.Or(fields.BaseOf(r).URL, fields.BaseOf(r).Path),
		namespace: query["namespace"],
	}
	found, err := e.documents.Get(r.Context(), key, otter.LoaderFunc[view, openAPIDocument](
		func(context.Context, view) (openAPIDocument, error) { return makeDocument(caller, key) }))
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

func makeDocument(caller identity.Principal, of view) (openAPIDocument, error) {
	offers, more := of.plan.Offers(caller, execution.Wanted{Namespace: of.namespace, Limit: maxDescribed})
	if more {
		return openAPIDocument{}, dataapi.Errorf(dataapi.CodeInvalidRequest,
			"You may run more than %d endpoints, which one document does not describe: ask for those of one namespace, as in openapi.json?namespace=NAME. "+
				"GET /api/v1/data-api lists all of them, page by page.", maxDescribed)
	}
	body, err := openapi.Document(caller, offers, OpenAPIOptions(of.base))
	if err != nil {
		return openAPIDocument{}, err
	}
	digest := sha256.Sum256(body)
	return openAPIDocument{body: append(body, '\n'), etag: strconv.Quote(hex.EncodeToString(digest[:16]))}, nil
}

// OpenAPIOptions says what the documents of this API tell of results. Server is the URL that paths are relative to, empty
// for the server that is asked.
func OpenAPIOptions(server string) openapi.Options {
	return openapi.Options{Server: server, Formats: formats.All, Reserved: executeQueries}
}

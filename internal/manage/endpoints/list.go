package endpoints

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// How many endpoints a page of the list holds.
const (
	defaultPage = 50
	maxPage     = 200
)

// listAnswer is the body of GET .../catalog.
type listAnswer struct {
	Endpoints  []endpointDocument `json:"endpoints"`
	NextCursor *string            `json:"next_cursor"` // null on the last page
	MayCreate  bool               `json:"may_create"`
}

// list answers with the endpoints of the company as they are written, ordered by namespace and slug.
func (e *endpoints) list(w http.ResponseWriter, r *http.Request) error {
	query, err := fields.ParseQuery(r, "q", "namespace", "origin", "mode", "source", "active", "faulty", "limit", "cursor")
	if err != nil {
		return err
	}
	for name, values := range map[string][]string{
		"origin": {string(catalog.OfFile), string(catalog.OfConsole)}, "mode": {string(catalog.Sync), string(catalog.Async)},
		"active": {"true", "false"}, "faulty": {"true", "false"},
	} {
		if err := oneOf(query, name, values...); err != nil {
			return err
		}
	}
	limit, err := query.Number("limit", defaultPage, maxPage)
	if err != nil {
		return err
	}
	after, err := base64.RawURLEncoding.Strict().DecodeString(query["cursor"])
	if err != nil {
		return fields.ErrCursor(err)
	}
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionView); err != nil {
		return err
	}
	answer := listAnswer{Endpoints: []endpointDocument{}, MayCreate: e.mayCreate(caller)}
	words := strings.Fields(folded(query["q"]))
	for _, entry := range e.Catalog.Entries(caller.Company.Slug) {
		if string(after) != "" && compareKeys(keyOf(&entry), string(after)) <= 0 ||
			!caller.Authorize(dataapi.ActionView, entry.Path()) || !matches(&entry, query, words) {
			continue
		}
		if len(answer.Endpoints) == limit {
			last := answer.Endpoints[limit-1]
			cursor := base64.RawURLEncoding.EncodeToString([]byte(last.Namespace + "/" + last.Slug + "/" + last.Origin))
			answer.NextCursor = &cursor
			query.SetNext(w, r, cursor, limit)
			break
		}
		answer.Endpoints = append(answer.Endpoints, e.documentOf(caller, &entry, nil))
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// mayCreate reports whether there is anything that a caller could create.
func (e *endpoints) mayCreate(caller identity.Principal) bool {
	return caller.AuthorizeSomewhere(dataapi.ActionEdit) && len(e.Catalog.Authors().Of(caller.Company.Slug)) > 0
}

func keyOf(entry *catalog.Entry) string {
	return entry.Namespace + "/" + entry.Slug + "/" + string(entry.Origin)
}

// compareKeys compares keys as the list is ordered: file before console.
func compareKeys(a, b string) int {
	one, other := strings.SplitN(a, "/", 3), strings.SplitN(b, "/", 3)
	if len(other) < 3 {
		return 1
	}
	return cmp.Or(cmp.Compare(one[0], other[0]), cmp.Compare(one[1], other[1]), cmp.Compare(other[2], one[2]))
}

// matches reports whether an endpoint is among those that are asked for.
func matches(entry *catalog.Entry, query fields.Query, words []string) bool {
	is := func(name, value string) bool {
		wanted, asked := query[name]
		return !asked || wanted == value
	}
	var mode, on string
	active := false
	if entry.Written != nil {
		mode, on, active = string(entry.Written.Mode), entry.Written.Source, entry.Written.Active
	}
	if !is("namespace", entry.Namespace) || !is("origin", string(entry.Origin)) || !is("mode", mode) || !is("source", on) ||
		!is("active", fmt.Sprint(active)) || !is("faulty", fmt.Sprint(len(entry.Faults) > 0)) {
		return false
	}
	if len(words) == 0 {
		return true
	}
	text := folded(searchable(entry))
	return !slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
}

// searchable is everything in which an endpoint is looked for.
func searchable(entry *catalog.Entry) string {
	parts := []string{entry.Path()}
	if written := entry.Written; written != nil {
		parts = append(parts, written.Title, written.Description, written.Source, written.Statement.SQL)
		if written.Contract != nil {
			for _, param := range written.Contract.Params() {
				parts = append(parts, param.Name, param.Title, param.Description)
			}
		}
		for _, column := range entry.Columns {
			parts = append(parts, column.Name, written.Columns[column.Name].Description)
		}
	}
	return strings.Join(append(parts, string(entry.Text)), "\n")
}

// folded is a text without case and accents.
func folded(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFD.String(text))
}

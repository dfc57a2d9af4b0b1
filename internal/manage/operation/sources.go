package operation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
	"github.com/solucao42/caddy-data-api/internal/httpapi/respond"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/source"
)

// Source is what the routes need of a source.
type Source struct {
	Name   string
	Kind   string                    // as Caddyfiles name it, such as postgres
	Author func(company string) bool // whether users of the company may publish statements on it
	Health func() (up bool, since time.Time)

	// Describe is [source.Describer]'s, in the turn of a company; nil: it cannot tell its tables.
	Describe func(ctx context.Context, company string, maxTables, maxColumns int) (source.Schema, error)
}

// sourceDocument describes a source to a company.
type sourceDocument struct {
	Name        string  `json:"name"`
	Kind        string  `json:"kind"`
	Author      bool    `json:"author"`
	HowToAuthor *string `json:"how_to_author"` // the line of the source's block in the Caddyfile
	Schema      bool    `json:"schema"`        // its tables can be asked for
}

// known are the sources that a company knows of: those that its endpoints run on, and those that it may publish on. An administrator
// of endpoints whose company has neither sees all names, to be able to ask for one.
func (o *operation) known(caller identity.Principal) (known []*Source) {
	used := make(map[string]bool)
	for _, endpoint := range o.Catalog.Current().Endpoints() {
		if endpoint.Company == caller.Company.Slug {
			used[endpoint.Source] = true
		}
	}
	for i := range o.Sources {
		if s := &o.Sources[i]; used[s.Name] || s.Author(caller.Company.Slug) {
			known = append(known, s)
		}
	}
	return known
}

// listSources answers with the sources that the company knows of.
func (o *operation) listSources(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionView, dataapi.ActionEdit); err != nil {
		return err
	}
	answer := map[string][]sourceDocument{"sources": {}}
	for _, s := range o.known(caller) {
		d := sourceDocument{Name: s.Name, Kind: s.Kind, Author: s.Author(caller.Company.Slug)}
		d.Schema = d.Author && s.Describe != nil
		if !d.Author {
			d.HowToAuthor = new("authors " + caller.Company.Slug)
		}
		answer["sources"] = append(answer["sources"], d)
	}
	return respond.WriteJSON(w, http.StatusOK, answer)
}

// schemaDocument is what statements on a source can read.
type schemaDocument struct {
	Source    string          `json:"source"`
	ReadAt    time.Time       `json:"read_at"`
	Truncated bool            `json:"truncated"`
	Tables    []tableDocument `json:"tables"`
}

type tableDocument struct {
	Schema  *string          `json:"schema"`
	Name    string           `json:"name"`
	Kind    source.TableKind `json:"kind"`
	Comment *string          `json:"comment"`
	Plain   bool             `json:"in_search_path"`
	Columns []columnDocument `json:"columns"`
}

type columnDocument struct {
	Name     string  `json:"name"`
	Type     *string `json:"type"`
	Nullable bool    `json:"nullable"`
	Comment  *string `json:"comment"`
}

// getSchema answers with the tables of a source, to those who may publish statements on it: others are not told what there is.
func (o *operation) getSchema(w http.ResponseWriter, r *http.Request) error {
	if _, err := fields.ParseQuery(r); err != nil {
		return err
	}
	caller := respond.CallerOf(r)
	if err := caller.RequireSomewhere(dataapi.ActionEdit); err != nil {
		return err
	}
	var asked *Source
	for _, s := range o.known(caller) {
		if s.Name == r.PathValue("name") {
			asked = s
		}
	}
	switch {
	case asked == nil:
		return dataapi.Errorf(dataapi.CodeNotFound, "Your company has no such source.")
	case !asked.Author(caller.Company.Slug):
		return dataapi.Errorf(dataapi.CodeForbidden,
			"Your company may not publish statements on this source. The line that lets it, in the source's block of the Caddyfile: authors %s",
			caller.Company.Slug)
	case asked.Describe == nil:
		return dataapi.Errorf(dataapi.CodeNotFound, "This source cannot tell which tables it has.")
	}
	read, err := o.schemas.of(asked, caller.Company.Slug, fields.NoCache(r.Header))
	if err != nil {
		return err
	}
	w.Header().Set("ETag", read.etag)
	w.Header().Set("Cache-Control", "no-store")
	if fields.Matches(r.Header.Values("If-None-Match"), read.etag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set("Content-Type", fields.JSONType)
	w.Header().Set("Content-Length", strconv.Itoa(len(read.body)))
	_, err = w.Write(read.body)
	return err
}

// writeSchema writes the document of a schema. Its tag does not change with the time at which it was read.
func writeSchema(name string, schema *source.Schema, now time.Time) (body []byte, etag string, err error) {
	d := schemaDocument{Source: name, Truncated: schema.Truncated, Tables: []tableDocument{}}
	for i := range schema.Tables {
		table := &schema.Tables[i]
		described := tableDocument{
			Schema: textOrNull(table.Schema), Name: table.Name, Kind: table.Kind, Comment: shortOrNull(table.Comment), Plain: table.Plain,
			Columns: make([]columnDocument, len(table.Columns)),
		}
		for j, column := range table.Columns {
			described.Columns[j] = columnDocument{column.Name, textOrNull(column.Type), column.Nullable, shortOrNull(column.Comment)}
		}
		d.Tables = append(d.Tables, described)
	}
	timeless, err := json.Marshal(d)
	if err != nil {
		return nil, "", err
	}
	digest := sha256.Sum256(timeless)
	d.ReadAt = now.UTC().Truncate(time.Second)
	body, err = json.Marshal(d)
	return body, strconv.Quote(hex.EncodeToString(digest[:12])), err
}

// maxComment bounds a comment, in bytes: databases let them be a gigabyte.
const maxComment = 1000

func shortOrNull(text string) *string { return textOrNull(dataapi.Shorten(text, maxComment)) }

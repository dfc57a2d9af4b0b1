package caddyfile

import (
	"slices"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// splitAuthors takes the option authors out of a source's segment, with the dispenser on the word source. Every kind
// of source has it, and their modules do not parse it. It returns the rest of the segment, for the source, and the companies.
func splitAuthors(d *caddyfile.Dispenser) (rest *caddyfile.Dispenser, authors []string, err error) {
	segment := d.NextSegment()
	var kept, lines []caddyfile.Token
	depth, within := 0, false
	for i, token := range segment {
		begins := i == 0 || token.Line != segment[i-1].Line || token.File != segment[i-1].File
		if begins && depth == 1 {
			within = token.Text == "authors" && !token.Quoted()
		}
		switch {
		case within:
			lines = append(lines, token)
		default:
			kept = append(kept, token)
		}
		if !token.Quoted() && token.Text == "{" {
			depth++
		}
		if !token.Quoted() && token.Text == "}" {
			depth--
		}
	}
	rest = caddyfile.NewDispenser(kept)
	rest.Next()
	options := caddyfile.NewDispenser(lines)
	for options.Next() {
		given := options.RemainingArgs()
		switch {
		case len(authors) > 0:
			return nil, nil, options.Err("authors is set twice: list all companies behind one")
		case len(given) == 0:
			return nil, nil, options.Err("authors needs at least one company whose users may publish statements on this source, such as `authors acme`")
		}
		for _, company := range given {
			if !dataapi.ValidSlug(company) {
				return nil, nil, options.Errf("authors: %q cannot be a company; a company's slug is %s", company, dataapi.SlugRule)
			}
			if slices.Contains(authors, company) {
				return nil, nil, options.Errf("authors lists %s twice", company)
			}
			authors = append(authors, company)
		}
	}
	return rest, authors, nil
}

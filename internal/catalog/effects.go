package catalog

import (
	"path/filepath"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
)

// The effects of diagnostics.
const (
	effectLastGood          = "the last good revision stays live"
	effectAsItIs            = "it stays live as it is"
	effectUnpublished       = "the endpoint is not published"
	effectSwitchedOff       = "the last good revision is switched off"
	effectNoShare           = "the endpoint is live without this share"
	effectUserRefused       = "the user is refused, and the rest of the file is live"
	effectStoredUserRefused = "the user of the store is refused"
	effectNoCompany         = "the company and its endpoints are not published"
	effectPolicyLeftOut     = "the policy is left out, and users who have it by the store are refused"
	effectWaiting           = "the last good revision stays live until the source can be asked"
	effectUnchecked         = "the endpoint is published, and its statement is checked before it first runs"
	effectWholeCatalog      = "the last good catalog stays live"
)

// tellEffects says in each diagnostic what is live all the same.
func (r *resolution) tellEffects() {
	for i := range r.faults {
		fault := &r.faults[i]
		link, between := r.between[spotOf(*fault)]
		between = between && link.Message == fault.Message
		slug, name := r.companyOf(fault.File)
		user, isUser := strings.CutPrefix(name, usersDirectory+"/")
		_, isPolicy := strings.CutPrefix(name, policiesDirectory+"/")
		_, stored := document.StoredPath(fault.File)
		stored = stored && !strings.HasSuffix(name, ".sql")
		switch {
		case name == companyFileName:
			fault.Effect = r.companyEffect(slug, link.user)
		case stored && isUser && !strings.Contains(user, "/"):
			fault.Effect = r.userEffect(slug, user, fault.File)
		case stored && isPolicy:
			fault.Effect = effectPolicyLeftOut
		default:
			fault.Effect = r.endpointEffect(slug, fault.File, between)
		}
	}
}

// companyOf returns the company that a file belongs to, and its path below the company's directory.
func (r *resolution) companyOf(file string) (slug, name string) {
	if path, stored := document.StoredPath(file); stored {
		slug, name, _ = strings.Cut(path, "/")
		return slug, name
	}
	below, err := filepath.Rel(r.root, file)
	if err != nil {
		return "", ""
	}
	slug, name, _ = strings.Cut(below, string(filepath.Separator))
	return slug, name
}

func (r *resolution) companyEffect(slug, user string) string {
	live := r.live.companies[slug]
	var read *readCompany
	if b := r.branches[slug]; b != nil {
		read = b.company
	}
	switch {
	case live == nil:
		return effectNoCompany
	case read == nil || read.sound == nil || live.Digest != read.text:
		return effectLastGood
	case live.refused[user]:
		return effectUserRefused
	case live == read.sound:
		return effectAsItIs
	default:
		return effectLastGood
	}
}

// userEffect is that of a diagnostic of a user of the store.
func (r *resolution) userEffect(slug, user, document string) string {
	live := r.live.companies[slug]
	switch {
	case live == nil:
		return effectNoCompany
	case live.Stored[user] != document || live.refused[user]:
		return effectStoredUserRefused
	default:
		return effectAsItIs
	}
}

func (r *resolution) endpointEffect(slug, file string, between bool) string {
	var read *readFile
	if b := r.branches[slug]; b != nil {
		read = b.files[file]
	}
	live := r.live.endpoints[file]
	switch {
	case live != nil && r.live.companies[live.Company] == nil:
		return effectUnpublished
	case live != nil && live.SwitchedOff:
		return effectSwitchedOff
	case live != nil && read != nil && read.text == live.Digest && between:
		return effectNoShare
	case live != nil && read != nil && read.text == live.Digest:
		return effectAsItIs
	case live != nil:
		return effectLastGood
	case read != nil:
		return effectUnpublished
	default:
		return ""
	}
}

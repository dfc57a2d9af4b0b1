package document

import (
	"strings"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
)

// maxSubject bounds the length in bytes of what a trusted issuer calls a user (RFC 9068, 2.2 leaves it open; OpenID
// Connect allows 255).
const maxSubject = 255

// subject reads what a trusted issuer calls the user; "" when it is left out.
func (f fields) subject() string {
	member, ok := f.by["subject"]
	if !ok {
		return ""
	}
	subject := f.textOf(member.value, f.name("subject"))
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if member.value.kind == scalarNode &&
		(subject == "" || len(subject) > maxSubject || !utf8.ValidString(subject) || strings.ContainsFunc(subject, control)) {
		f.Fault(member.value.Place, "%s must have 1 to %d bytes, without control characters", f.name("subject"), maxSubject)
	}
	return subject
}

// checkSubjects looks for users whom a trusted issuer could not tell apart.
func (r *Report) checkSubjects(users []member, company *identity.Company) {
	first := make(map[string]string)
	for _, user := range users {
		subject := company.Users[user.key].SubjectName()
		if other, taken := first[subject]; taken && other != user.key {
			r.Fault(user.Place, "users.%s: trusted issuers call the user %q, as they do the user %s; "+
				"a subject, or the name of a user without one, must be unique", dataapi.Echo(user.key), dataapi.Echo(subject), dataapi.Echo(other))
		}
		first[subject] = user.key
	}
}

package fields

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxWait is the longest that a caller is kept waiting for a job.
const maxWait = 60 * time.Second

// Preferences are those of a request's Prefer headers (RFC 7240) that this API knows.
type Preferences struct {
	RespondAsync bool          // respond-async: make a job of it
	Wait         time.Duration // wait=N: how long the caller wants to wait, at most maxWait
	HasWait      bool
}

// ParsePreferences reads the Prefer headers. Of a preference that is given more than once the first counts. What is not
// known, and what cannot be read, is ignored, as the RFC asks: a preference is no command.
func ParsePreferences(header http.Header) Preferences {
	var found Preferences
	seen := make(map[string]bool)
	for _, field := range header.Values("Prefer") {
		for rest := field; rest != ""; {
			var name, value string
			name, value, rest = nextPreference(rest)
			if name == "" || seen[name] {
				continue
			}
			seen[name] = true
			found = found.with(name, value)
		}
	}
	return found
}

func (p Preferences) with(name, value string) Preferences {
	switch name {
	case "respond-async":
		p.RespondAsync = value == ""
	case "wait":
		p.Wait, p.HasWait = parseWait(value)
	}
	return p
}

// parseWait reads whole seconds (delta-seconds of RFC 9110); any number of digits is a number.
func parseWait(text string) (time.Duration, bool) {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	seconds, err := strconv.Atoi(text)
	if err != nil { // more than an int holds
		return maxWait, true
	}
	return min(time.Duration(min(seconds, int(maxWait/time.Second)))*time.Second, maxWait), true
}

// nextPreference cuts the first preference off a field: its name in lower case, its value, and what follows its comma.
// Parameters are skipped. The name is empty when the element is empty or malformed.
func nextPreference(field string) (name, value, rest string) {
	element, rest := cutOutsideQuotes(field, ',')
	preference, _ := cutOutsideQuotes(element, ';')
	name, value, hasValue := strings.Cut(preference, "=")
	name = strings.ToLower(TrimSpace(name))
	if !isToken(name) {
		return "", "", rest
	}
	if !hasValue {
		return name, "", rest
	}
	value, ok := parseWord(TrimSpace(value))
	if !ok {
		return "", "", rest
	}
	return name, value, rest
}

// cutOutsideQuotes cuts at the first separator that is not inside a quoted string.
func cutOutsideQuotes(text string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case quoted && text[i] == '\\':
			i++
		case text[i] == '"':
			quoted = !quoted
		case !quoted && text[i] == separator:
			return text[:i], text[i+1:]
		}
	}
	return text, ""
}

// parseWord reads a token or a quoted string; nothing at all is the empty value.
func parseWord(text string) (string, bool) {
	if text == "" || isToken(text) {
		return text, true
	}
	return parseQuoted(text)
}

// parseQuoted reads a quoted string (RFC 9110, 5.6.4).
func parseQuoted(text string) (string, bool) {
	if len(text) < 2 || text[0] != '"' {
		return "", false
	}
	var value strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case '"':
			return value.String(), i == len(text)-1
		case '\\':
			i++
			if i == len(text) {
				return "", false
			}
			value.WriteByte(text[i])
		default:
			value.WriteByte(c)
		}
	}
	return "", false
}

// isToken reports whether text is a token (RFC 9110, 5.6.2).
func isToken(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return text != ""
}

// TrimSpace cuts what HTTP calls optional white space (RFC 9110, 5.6.3) from both ends.
func TrimSpace(text string) string { return strings.Trim(text, " \t") }

// SetApplied says which preferences have been honoured (RFC 7240, 3). Who got the result was not answered asynchronously.
func (p Preferences) SetApplied(header http.Header, accepted bool) {
	var applied []string
	if p.RespondAsync && accepted {
		applied = append(applied, "respond-async")
	}
	if p.HasWait {
		applied = append(applied, "wait="+strconv.Itoa(int(p.Wait/time.Second)))
	}
	if len(applied) > 0 {
		header.Set("Preference-Applied", strings.Join(applied, ", "))
	}
}

package fields

import (
	"crypto/sha256"
	"encoding/binary"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// ParseIdempotencyKey returns the request's Idempotency-Key, or "" when it has none: 1 to 255 visible ASCII characters,
// as they are or as a quoted string of RFC 9651, the form of the IETF's draft on this header. Both forms of a key are
// the same key.
func ParseIdempotencyKey(header http.Header) (string, error) {
	values := header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	if len(values) > 1 {
		return "", dataapi.Errorf(dataapi.CodeInvalidRequest, "Idempotency-Key was sent %d times; send it once.", len(values))
	}
	key := TrimSpace(values[0])
	if len(key) > 0 && key[0] == '"' {
		unquoted, ok := parseQuoted(key)
		if !ok {
			return "", dataapi.Errorf(dataapi.CodeInvalidRequest,
				`Idempotency-Key begins with a quotation mark and is no quoted string; write \" and \\ inside of one.`)
		}
		key = unquoted
	}
	if len(key) == 0 || len(key) > job.MaxIdempotencyKey {
		return "", dataapi.Errorf(dataapi.CodeInvalidRequest,
			"Idempotency-Key has %d characters; 1 to %d are allowed.", len(key), job.MaxIdempotencyKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return "", dataapi.Errorf(dataapi.CodeInvalidRequest,
				"Character %d of Idempotency-Key is not allowed: visible ASCII characters are, without space.", i+1)
		}
	}
	return key, nil
}

// Digest tells requests of the same Idempotency-Key apart by what they ask for: the bound parameters, in which defaults and
// what a share context pins are filled in, the callback, the revision, and, where the rows depend on who asks, the
// user. Users of a company who may see different rows so never get each other's answers, though they send the same bytes.
func Digest(bound *execution.Bound, canonical []byte, callback string) job.Digest {
	framed := binary.BigEndian.AppendUint64(nil, uint64(len(canonical)))
	framed = append(framed, canonical...)
	framed = append(framed, callback...)
	revision, user := pinned(bound), bound.PersonalTo()
	if revision != "" || user != "" { // neither they nor a URL hold a NUL
		framed = append(append(framed, 0), revision...)
	}
	if user != "" {
		framed = append(append(framed, 0), user...)
	}
	return sha256.Sum256(framed)
}

// pinned is the revision that a call has asked for.
func pinned(bound *execution.Bound) string {
	if bound.Pinned {
		return bound.Endpoint.Revision
	}
	return ""
}

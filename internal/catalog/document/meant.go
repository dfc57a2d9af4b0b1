package document

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// This file guesses what an author meant. A guess only ends a message: nothing is accepted because of it.

// keysMeant are words that other systems use for keys of ours. Of several keys the one that the map allows counts.
var keysMeant = map[string][]string{
	"min": {"minimum"}, "gte": {"minimum"}, "from": {"minimum"}, "lower": {"minimum"},
	"max": {"maximum"}, "lte": {"maximum"}, "to": {"maximum"}, "upper": {"maximum"},
	"length": {"max_length"}, "size": {"max_length", "max_items"}, "maxlen": {"max_length"}, "minlen": {"min_length"},
	"regex": {"pattern"}, "regexp": {"pattern"}, "match": {"pattern"}, "format": {"pattern"},
	"values": {"enum"}, "options": {"enum"}, "choices": {"enum"}, "oneof": {"enum"}, "allowed": {"enum"}, "in": {"enum"},
	"optional": {"required"}, "mandatory": {"required"}, "defaultvalue": {"default"}, "fallback": {"default"},
	"sample": {"example"}, "secret": {"sensitive"}, "private": {"sensitive"}, "pii": {"sensitive"},
	"desc": {"description"}, "doc": {"description"}, "docs": {"description"}, "comment": {"description"}, "summary": {"description", "title"},
	"label": {"title", "name"}, "name": {"title"}, "displayname": {"name", "title"}, "title": {"name"},
	"executionmode": {"mode"}, "execution": {"mode"}, "async": {"mode"}, "sync": {"mode"}, "type": {"mode"},
	"parameters": {"params"}, "parameter": {"params"}, "args": {"params"}, "arguments": {"params"}, "inputs": {"params"}, "variables": {"params"},
	"database": {"source"}, "db": {"source"}, "datasource": {"source"}, "connection": {"source"}, "dsn": {"source"}, "warehouse": {"source"},
	"enabled": {"active"}, "disabled": {"active"}, "status": {"active"}, "state": {"active"}, "published": {"active"},
	"shares": {"share"}, "sharing": {"share"}, "shared": {"share"}, "sharedwith": {"share"},
	"ratelimit": {"rate"}, "ratelimits": {"rate"}, "throttle": {"rate"}, "quota": {"rate"}, "quotas": {"quota", "rate"},
	"keyquotas": {"key_quota"}, "quotaperkey": {"key_quota"}, "userquota": {"quota"},
	"output": {"columns"}, "outputs": {"columns"}, "fields": {"columns"}, "results": {"columns"}, "schema": {"columns", "params"},
	"rows": {"max_rows"}, "rowlimit": {"max_rows"}, "limit": {"max_rows", "limits"}, "top": {"max_rows"},
	"timelimit": {"timeout"}, "maxtime": {"timeout"}, "duration": {"timeout"}, "ttl": {"cache"}, "cachettl": {"cache"}, "maxage": {"cache"},
	"swr": {"stale_while_revalidate"}, "stale": {"stale_while_revalidate"}, "ontimeout": {"on_timeout"},
	"precision": {"scale"}, "digits": {"scale"}, "decimals": {"scale"}, "null": {"nullable"}, "notnull": {"nullable"},
	"policy": {"policies"}, "role": {"policies"}, "roles": {"policies"}, "groups": {"policies"}, "sub": {"subject"}, "externalid": {"subject"},
	"context": {"share_context"}, "constraints": {"share_context"}, "restrictions": {"share_context"},
	"action": {"actions"}, "permissions": {"actions", "grants", "policies"}, "permission": {"actions"},
	"endpoint": {"endpoints"}, "resources": {"endpoints"}, "paths": {"endpoints"}, "statements": {"grants"}, "rules": {"grants"},
	"host": {"hosts"}, "allow": {"hosts"}, "allowedhosts": {"hosts"}, "callback": {"callbacks"}, "webhooks": {"callbacks"}, "webhook": {"callbacks"},
	"accounts": {"users"}, "members": {"users"}, "people": {"users"},
}

// misplaced says of keys that are known elsewhere where that is. It is for the outermost map of a file that has the key
// beside which it is listed.
var misplaced = map[string]map[string]string{
	"params": {
		"timeout": "it belongs in limits, as limits: { timeout: 5s }", "job_timeout": "it belongs in limits, as limits: { job_timeout: 5m }",
		"max_rows": "it belongs in limits, as limits: { max_rows: 1000 }", "cache": "it belongs in limits, as limits: { cache: 60s }",
		"stale_while_revalidate": "it belongs in limits, beside limits.cache",
		"sql":                    "the statement follows the line " + FrontMatterEnd, "query": "the statement follows the line " + FrontMatterEnd,
		"statement": "the statement follows the line " + FrontMatterEnd,
		"slug":      "the file's name without .sql is the slug", "namespace": "the directory's name is the namespace",
		"company": "the directory's name is the company", "path": "the file's own path is the endpoint's", "method": "endpoints are run with POST",
	},
	"users": {
		"slug": "the directory's name is the company's slug", "keys": "keys are made with caddy data-api keys create",
		"api_keys": "keys are made with caddy data-api keys create", "share_context": "it belongs below a user",
		"endpoints": "an endpoint is a file, <company>/<namespace>/<slug>.sql", "sources": "sources belong in the server's configuration",
	},
}

// keyAdvice is the end of a sentence about a key that is not one of those allowed.
func keyAdvice(key string, allowed []string) string {
	for beside, places := range misplaced {
		if advice := places[key]; advice != "" && slices.Contains(allowed, beside) {
			return "; " + advice
		}
	}
	word := strings.ToLower(strings.NewReplacer("_", "", "-", "", " ", "").Replace(key))
	for _, meant := range keysMeant[word] {
		if slices.Contains(allowed, meant) && meant != key {
			return DidYouMean(meant) + " Allowed are " + strings.Join(allowed, ", ")
		}
	}
	if before, _, found := strings.Cut(key, "="); found && slices.Contains(allowed, strings.TrimSpace(before)) {
		return DidYouMean(strings.TrimSpace(before)+": "+strings.TrimSpace(key[len(before)+1:])) + " Allowed are " + strings.Join(allowed, ", ")
	}
	return Alternatives(key, allowed)
}

// Alternatives ends a sentence about a word that is not one of those allowed.
func Alternatives(word string, allowed []string) string {
	list := strings.Join(allowed, ", ")
	if near := dataapi.Nearest(word, allowed); near != "" {
		return DidYouMean(near) + " Allowed are " + list
	}
	return "; allowed are " + list
}

// DidYouMean asks; nothing is asked about nothing.
func DidYouMean(meant string) string {
	if meant == "" {
		return ""
	}
	return "; did you mean " + meant + "?"
}

// wordsMeant are words that mean one of a few values.
var wordsMeant = map[string]string{
	"asynchronous": "async", "job": "async", "background": "async", "synchronous": "sync", "immediate": "sync", "direct": "sync",
	"error": "fail", "cancel": "fail", "abort": "fail", "detach": "continue", "async": "continue",
	"yes": "true", "on": "true", "y": "true", "enabled": "true", "no": "false", "off": "false", "n": "false", "disabled": "false", "1": "true", "0": "false",
}

// valueMeant is the one of a few values that was probably meant.
func valueMeant(n *node, values ...string) string {
	word := strings.ToLower(strings.TrimSpace(n.text))
	for _, candidate := range []string{word, wordsMeant[word], dataapi.Nearest(word, values)} {
		if candidate != "" && slices.Contains(values, candidate) {
			return DidYouMean(candidate)
		}
	}
	return ""
}

// Types of other systems, in lower case and without what is in brackets, as parameters and as columns.
var (
	paramTypesMeant = map[string]string{
		"int": "integer", "int2": "integer", "int4": "integer", "int8": "integer", "int32": "integer", "int64": "integer", "bigint": "integer",
		"smallint": "integer", "long": "integer", "short": "integer", "serial": "integer", "bigserial": "integer", "number": "integer or decimal",
		"numeric": "decimal", "float": "decimal", "float4": "decimal", "float8": "decimal", "double": "decimal", "double precision": "decimal",
		"real": "decimal", "money": "decimal", "dec": "decimal",
		"text": "string", "varchar": "string", "char": "string", "character": "string", "character varying": "string", "nvarchar": "string",
		"str": "string", "citext": "string", "email": "string", "url": "string", "enum": "string with enum",
		"bool": "boolean", "bit": "boolean", "datetime": "timestamp", "timestamptz": "timestamp", "date-time": "timestamp",
		"timestamp with time zone": "timestamp", "timestamp without time zone": "timestamp", "guid": "uuid", "uniqueidentifier": "uuid",
		"json": "string, and a cast in the statement", "jsonb": "string, and a cast in the statement", "object": "string, and a cast in the statement",
		"array": "array<string>", "list": "array<string>",
	}
	columnTypesMeant = map[string]string{
		"string": "varchar", "text": "varchar", "char": "varchar", "character varying": "varchar", "str": "varchar", "nvarchar": "varchar", "citext": "varchar",
		"int": "integer", "int4": "integer", "int32": "integer", "int2": "smallint", "int8": "bigint", "int64": "bigint", "long": "bigint",
		"numeric": "decimal", "number": "decimal", "money": "decimal", "dec": "decimal", "float4": "real", "float8": "double", "float": "double",
		"double precision": "double", "bool": "boolean", "datetime": "timestamp", "timestamp with time zone": "timestamptz", "date-time": "timestamptz",
		"guid": "uuid", "jsonb": "json", "object": "json", "bytea": "varbinary", "blob": "varbinary", "binary": "varbinary", "bytes": "varbinary",
	}
)

// arrayForms are ways to write an array of a type.
var arrayForms = regexp.MustCompile(`(?i)^(?:(?:array|list|set)\s*(?:<|\(|\[|of\s+)\s*(.+?)\s*[>)\]]?|\[\s*(.+?)\s*\]|(.+?)\s*\[\s*\])$`)

// typeMeant is the type that was probably meant by another word, or by another way to write an array.
func typeMeant(written string, known []string, meant map[string]string) string {
	if parts := arrayForms.FindStringSubmatch(strings.TrimSpace(written)); parts != nil {
		inner := parts[1] + parts[2] + parts[3]
		if scalar := scalarMeant(inner, known, meant); slices.Contains(known, scalar) {
			return DidYouMean("array<" + scalar + ">")
		}
		return ""
	}
	return DidYouMean(scalarMeant(written, known, meant))
}

func scalarMeant(written string, known []string, meant map[string]string) string {
	word, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(written)), "(") // varchar(40)
	word = strings.TrimSpace(word)
	switch {
	case slices.Contains(known, word):
		return word
	case meant[word] != "":
		return meant[word]
	default:
		return dataapi.Nearest(word, known)
	}
}

// SlugMeant is a slug that is made of another text.
func SlugMeant(text string) string {
	if slug := joined(text, "-"); dataapi.ValidSlug(slug) {
		return slug
	}
	return ""
}

// joined writes a text's letters and digits in lower case and without accents, and what is between them as one separator.
// A capital in the middle of a word begins a new one: maxPrice becomes max_price.
func joined(text, separator string) string {
	var made strings.Builder
	pending, before := false, rune(0)
	for _, r := range norm.NFD.String(text) {
		if unicode.Is(unicode.Mn, r) {
			continue
		}
		if unicode.IsUpper(r) && (unicode.IsLower(before) || unicode.IsDigit(before)) {
			pending = true
		}
		before = r
		if r = unicode.ToLower(r); (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			pending = true
			continue
		}
		if pending && made.Len() > 0 {
			made.WriteString(separator)
		}
		pending = false
		made.WriteRune(r)
	}
	return made.String()
}

// span parts are a number and its unit, as people write time spans that Go does not read.
var spanParts = regexp.MustCompile(`(?i)^(\d{1,6})\s*([a-z]*)$`)

// durationMeant is a time span that was probably meant by another way to write it.
func durationMeant(written string) string {
	parts := spanParts.FindStringSubmatch(strings.TrimSpace(written))
	if parts == nil {
		return ""
	}
	unit := strings.ToLower(parts[2])
	if len(unit) > 1 && unit != "ms" {
		unit = strings.TrimSuffix(unit, "s")
	}
	switch unit {
	case "", "sec", "second":
		return DidYouMean(parts[1] + "s")
	case "min", "minute":
		return DidYouMean(parts[1] + "m")
	case "hr", "hour":
		return DidYouMean(parts[1] + "h")
	case "msec", "millisecond", "milli":
		return DidYouMean(parts[1] + "ms")
	case "d", "day":
		days, err := time.ParseDuration(parts[1] + "h")
		if err != nil {
			return ""
		}
		return DidYouMean(dataapi.Span(24 * days))
	default:
		return ""
	}
}

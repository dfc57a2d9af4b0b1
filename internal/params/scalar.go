package params

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/source"
)

// literal is one JSON value as it was written, decoded only as far as every type needs.
type literal struct {
	kind jsontext.Kind // '"', '0', 't', 'f', 'n', '[' or '{'
	text string        // a string without quotes and escapes; everything else as written
}

// readScalar reads a literal as a value of type t. The second result says, as the end of a sentence that begins with
// the parameter's name, what is wrong; it is empty when nothing is.
func readScalar(t source.ParamType, l literal) (source.Argument, string) {
	switch t {
	case source.ParamString:
		return readString(l)
	case source.ParamInteger:
		return readInteger(l)
	case source.ParamDecimal:
		return readDecimal(l)
	case source.ParamBoolean:
		if l.kind == 't' {
			return source.Argument{Type: source.ParamBoolean, Text: "true", Int: 1}, ""
		}
		if l.kind == 'f' {
			return source.Argument{Type: source.ParamBoolean, Text: "false"}, ""
		}
		return source.Argument{}, "must be true or false" + got(l)
	}
	if l.kind != '"' {
		return source.Argument{}, mustBe(t) + got(l)
	}
	text, ok := canonicalText(t, l.text)
	if !ok {
		return source.Argument{}, mustBe(t) + got(l)
	}
	return source.Argument{Type: t, Text: text}, ""
}

// mustBe says how a value of a type that travels as a JSON string is written.
func mustBe(t source.ParamType) string {
	switch t {
	case source.ParamDate:
		return "must be a date written YYYY-MM-DD"
	case source.ParamTimestamp:
		return "must be a timestamp with an offset, such as 2026-01-31T10:30:00Z or 2026-01-31T10:30:00.25-03:00"
	default:
		return "must be a UUID such as 0f8fad5b-d9cb-469f-a165-70867728950e"
	}
}

func readString(l literal) (source.Argument, string) {
	if l.kind != '"' {
		return source.Argument{}, "must be a string" + got(l)
	}
	if strings.IndexByte(l.text, 0) >= 0 {
		return source.Argument{}, "must not contain the NUL character (U+0000)"
	}
	return source.Argument{Type: source.ParamString, Text: l.text}, ""
}

// readInteger takes every number that is an integer, however it is written: JSON Schema, and the callers who hold to one, tell
// 1, 1.0 and 1e0 not apart.
func readInteger(l literal) (source.Argument, string) {
	if l.kind != '0' {
		return source.Argument{}, "must be an integer, written as a JSON number" + got(l)
	}
	text := l.text
	if strings.ContainsAny(text, ".eE") {
		plain, problem := plainDecimal(text)
		whole, fraction, _ := strings.Cut(plain, ".")
		if problem == "" && strings.Trim(fraction, "0") != "" {
			return source.Argument{}, "must be an integer" + got(l)
		}
		text = whole // of a number that is too long there is none, as of one that is too large
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return source.Argument{}, "must be an integer from -9223372036854775808 to 9223372036854775807" + got(l)
	}
	if number == 0 {
		text = "0" // JSON allows -0
	}
	return source.Argument{Type: source.ParamInteger, Text: text, Int: number}, ""
}

func readDecimal(l literal) (source.Argument, string) {
	if l.kind != '0' {
		return source.Argument{}, "must be a number, written as a JSON number" + got(l)
	}
	text, problem := plainDecimal(l.text)
	if problem != "" {
		return source.Argument{}, problem + got(l)
	}
	return source.Argument{Type: source.ParamDecimal, Text: text}, ""
}

// canonicalText returns the canonical spelling of a date, timestamp or UUID, and whether s is one.
func canonicalText(t source.ParamType, s string) (string, bool) {
	switch t {
	case source.ParamDate:
		date, err := time.Parse(time.DateOnly, s)
		return s, err == nil && date.Year() >= 1 // databases know no year 0
	case source.ParamTimestamp:
		return canonicalTimestamp(s)
	case source.ParamUUID:
		if len(s) != 36 { // the library also reads urn:uuid: and braces
			return "", false
		}
		id, err := uuid.Parse(s)
		return id.String(), err == nil
	}
	return s, true
}

// timestampShape is RFC 3339, 5.6, in which T and Z may be small. Package time would also take a comma, a one-digit hour and an offset
// of 99 hours.
var timestampShape = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// canonicalTimestamp reads RFC 3339 strictly and writes it in UTC. What is finer than microseconds, as the clocks of some languages
// are, is cut off: a database would round it, and so move it across a bound that it was held against.
func canonicalTimestamp(s string) (string, bool) {
	s = strings.ToUpper(s)
	if len(s) > 64 || !timestampShape.MatchString(s) {
		return "", false
	}
	moment, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return "", false
	}
	moment = moment.UTC().Truncate(time.Microsecond)
	if moment.Year() < 1 || moment.Year() > 9999 { // databases know no year 0, and RFC 3339 none above 9999
		return "", false
	}
	return moment.Format(time.RFC3339Nano), true
}

// compare orders two values of one ordered type.
func compare(a, b source.Argument) int {
	switch a.Type {
	case source.ParamInteger:
		return cmp.Compare(a.Int, b.Int)
	case source.ParamDecimal:
		return compareDecimals(a.Text, b.Text)
	default:
		return compareTexts(a.Text, b.Text)
	}
}

// compareTexts orders canonical dates, or canonical timestamps: their year has four digits and their fraction of a
// second no trailing zeros, so that without the Z the order of the texts is the order of time.
func compareTexts(a, b string) int {
	return strings.Compare(strings.TrimSuffix(a, "Z"), strings.TrimSuffix(b, "Z"))
}

// key is one text for all spellings of the same scalar.
func key(v source.Argument) string {
	if v.Type == source.ParamDecimal {
		return decimalKey(v.Text)
	}
	return v.Text
}

// appendScalar appends the scalar as JSON.
func appendScalar(dst []byte, v source.Argument) []byte {
	switch v.Type {
	case source.ParamInteger, source.ParamDecimal, source.ParamBoolean:
		return append(dst, v.Text...)
	default:
		dst, _ = jsontext.AppendQuote(dst, v.Text) // its only error is invalid UTF-8, which the decoder refused
		return dst
	}
}

// got ends a sentence with the value that was met.
func got(l literal) string { return gotWords + echo(l) }

func echo(l literal) string {
	if l.kind != '"' {
		return dataapi.Echo(l.text)
	}
	if short := dataapi.Echo(l.text); short != l.text {
		return quote(strings.TrimSuffix(short, dataapi.Ellipsis)) + dataapi.Ellipsis
	}
	return quote(l.text)
}

// quote puts a text into quotes so that two texts that differ do not look the same: what nobody sees, spaces other than
// the common one, and characters that are composed in another way than Unicode's normalization form C are escaped.
func quote(text string) string {
	quoted := strconv.Quote(text) // which escapes what is no letter, mark, number, punctuation, symbol or common space
	normal := norm.NFC.IsNormalString(text)
	lookalike := func(r rune) bool {
		return unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) ||
			!normal && (!norm.NFC.IsNormalString(string(r)) || !norm.NFC.PropertiesString(string(r)).BoundaryBefore())
	}
	if normal && !strings.ContainsFunc(quoted, lookalike) {
		return quoted
	}
	var escaped strings.Builder
	for _, r := range quoted {
		if lookalike(r) {
			escaped.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		escaped.WriteRune(r)
	}
	return escaped.String()
}

// show writes a value for an error message.
func show(v source.Argument) string {
	if v.Type == source.ParamInteger || v.Type == source.ParamDecimal || v.Type == source.ParamBoolean {
		return dataapi.Echo(v.Text)
	}
	return echo(literal{'"', v.Text})
}

// showList writes values for an error message, the first twenty of them.
func showList(values []source.Argument) string {
	const most = 20
	var texts []string
	for _, value := range values[:min(len(values), most)] {
		texts = append(texts, show(value))
	}
	list := strings.Join(texts, ", ")
	if len(values) > most {
		list += fmt.Sprintf(", %s (%d in all)", dataapi.Ellipsis, len(values))
	}
	return list
}

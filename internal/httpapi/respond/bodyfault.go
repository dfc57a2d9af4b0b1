package respond

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

// describeJSON says in a caller's words what is wrong with a body that should be read into target, and where.
func describeJSON(body []byte, err error, target any) string {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		line, column := position(body, syntactic.ByteOffset)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			return fmt.Sprintf("The field %s is given twice (line %d, column %d).", quoted(syntactic.JSONPointer), line, column)
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Sprintf("The JSON ends early (line %d, column %d).", line, column)
		}
		return fmt.Sprintf("The body is not valid JSON: %v (line %d, column %d).", syntactic.Err, line, column)
	}
	if semantic, ok := errors.AsType[*jsonv2.SemanticError](err); ok {
		if errors.Is(err, jsonv2.ErrUnknownName) {
			return unknownField(semantic.JSONPointer, target)
		}
		if semantic.JSONPointer == "" {
			return fmt.Sprintf(noObject, kindName(semantic.JSONKind))
		}
		return wrongType(semantic, target)
	}
	return "The body is not valid JSON."
}

// wrongType says what a field must be, and what it is in this request. A value is shown only where it is of the kind that is wanted: a
// secret in the place of a flag is not repeated.
func wrongType(fault *jsonv2.SemanticError, target any) string {
	field, wanted := quoted(fault.JSONPointer), wantedAt(fault.JSONPointer, target)
	if wanted == nil {
		return fmt.Sprintf("The field %s has the wrong type: got %s.", field, kindName(fault.JSONKind))
	}
	phrase, kind := wantedPhrase(wanted)
	switch {
	case fault.JSONKind != kind:
		return fmt.Sprintf("The field %s must be %s; got %s.", field, phrase, kindName(fault.JSONKind))
	case len(fault.JSONValue) > 0:
		return fmt.Sprintf("The field %s must be %s; got %s.", field, phrase, fields.Shorten(string(fault.JSONValue)))
	default:
		return fmt.Sprintf("The field %s must be %s.", field, phrase)
	}
}

// unknownField says which fields there are where an unknown one was sent.
func unknownField(pointer jsontext.Pointer, target any) string {
	var known []string
	if holder := wantedAt(pointer.Parent(), target); holder != nil && holder.Kind() == reflect.Struct {
		for _, member := range reflect.VisibleFields(holder) {
			if name := memberName(member); name != "" && member.Type != shownType {
				known = append(known, name)
			}
		}
	}
	sentence := fmt.Sprintf("The field %s is not known here", quoted(pointer))
	if near := dataapi.Nearest(pointer.LastToken(), known); near != "" {
		sentence += fmt.Sprintf("; did you mean %s?", near)
	} else {
		sentence += "."
	}
	if len(known) > 0 {
		sentence += " Known are " + dataapi.Listing(known)
		if hinting, ok := target.(interface{ UnknownFieldHint() string }); ok && pointer.Parent() == "" {
			sentence += "; " + hinting.UnknownFieldHint()
		}
		sentence += "."
	}
	return sentence
}

// wantedAt finds the type of the value that a pointer leads to in a request that is read into target; nil where only the value itself knows,
// as one that reads its own JSON.
func wantedAt(pointer jsontext.Pointer, target any) reflect.Type {
	at := reflect.TypeOf(target).Elem()
	for token := range pointer.Tokens() {
		switch at = plain(at); at.Kind() {
		case reflect.Struct:
			member, found := memberOf(at, token)
			if !found {
				return nil
			}
			at = member.Type
		case reflect.Slice, reflect.Map:
			at = at.Elem()
		default:
			return nil
		}
	}
	return plain(at)
}

func plain(at reflect.Type) reflect.Type {
	for at.Kind() == reflect.Pointer {
		at = at.Elem()
	}
	return at
}

func memberOf(at reflect.Type, name string) (reflect.StructField, bool) {
	for _, member := range reflect.VisibleFields(at) {
		if memberName(member) == name {
			return member, true
		}
	}
	return reflect.StructField{}, false
}

func memberName(member reflect.StructField) string {
	name, _, _ := strings.Cut(member.Tag.Get("json"), ",")
	return name
}

// wantedPhrase says in a caller's words what is read into a type, and which kind of JSON that is.
func wantedPhrase(wanted reflect.Type) (phrase string, kind jsontext.Kind) {
	if wanted == reflect.TypeFor[time.Time]() {
		return "a time such as 2026-01-31T10:30:00Z", '"'
	}
	switch wanted.Kind() {
	case reflect.String:
		return "a string", '"'
	case reflect.Bool:
		return "true or false", 't'
	case reflect.Int, reflect.Int32, reflect.Int64:
		return "a whole number of 64 bits, without a point or an exponent", '0'
	case reflect.Slice:
		if plain(wanted.Elem()).Kind() == reflect.String {
			return "an array of strings", '['
		}
		return "an array", '['
	default:
		return "an object", '{'
	}
}

// quoted is a field as a reader finds it: its own name, behind the names of what it is in, as in "grants[0].actions".
func quoted(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.Atoi(token); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteByte('.')
		}
		path.WriteString(token)
	}
	return fmt.Sprintf("%q", fields.Shorten(path.String()))
}

func kindName(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	default:
		return "something else"
	}
}

// position returns the line and column of a byte offset, both from 1, for people.
func position(body []byte, offset int64) (line, column int) {
	before := body[:min(int(offset), len(body))]
	lastBreak := bytes.LastIndexByte(before, '\n')
	return bytes.Count(before, []byte{'\n'}) + 1, len(before) - lastBreak
}

package params

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/message"

	"github.com/solucao42/caddy-data-api/source"
)

// compileSchema makes the validator of a document. Its formats and bounds are this package's own.
func compileSchema(document json.RawMessage) (*jsonschema.Schema, error) {
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	compiler.AssertFormat()
	for _, format := range formats {
		compiler.RegisterFormat(format)
	}
	vocabulary, err := boundsVocabulary()
	if err != nil {
		return nil, err
	}
	compiler.RegisterVocabulary(vocabulary)
	compiler.AssertVocabs()
	const url = "urn:parameters"
	if err := compiler.AddResource(url, parsed); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}

var formats = []*jsonschema.Format{
	{Name: "int64", Validate: numberFormat(source.ParamInteger)},
	{Name: "decimal", Validate: numberFormat(source.ParamDecimal)},
	{Name: "date", Validate: textFormat(source.ParamDate)},
	{Name: "date-time", Validate: textFormat(source.ParamTimestamp)},
	{Name: "uuid", Validate: textFormat(source.ParamUUID)},
}

// textFormat validates strings with the function that also reads them for binding.
func textFormat(t source.ParamType) func(any) error {
	return func(v any) error {
		if text, ok := v.(string); ok {
			if _, ok := canonicalText(t, text); !ok {
				return errors.New(mustBe(t))
			}
		}
		return nil
	}
}

// numberFormat validates numbers with the function that also reads them for binding.
func numberFormat(t source.ParamType) func(any) error {
	return func(v any) error {
		if number, ok := v.(json.Number); ok {
			if _, problem := readScalar(t, literal{'0', string(number)}); problem != "" {
				return errors.New(problem)
			}
		}
		return nil
	}
}

// boundsVocabulary adds formatMinimum and formatMaximum: inclusive bounds of dates and timestamps, which JSON Schema
// itself cannot express. The names are those that other validators use for the same purpose.
var boundsVocabulary = sync.OnceValues(func() (*jsonschema.Vocabulary, error) {
	const url = "urn:parameters:bounds"
	compiler := jsonschema.NewCompiler()
	syntax := map[string]any{"properties": map[string]any{
		"formatMinimum": map[string]any{"type": "string"},
		"formatMaximum": map[string]any{"type": "string"},
	}}
	if err := compiler.AddResource(url, syntax); err != nil {
		return nil, err
	}
	schema, err := compiler.Compile(url)
	if err != nil {
		return nil, err
	}
	return &jsonschema.Vocabulary{URL: url, Schema: schema, Compile: compileBounds}, nil
})

func compileBounds(_ *jsonschema.CompilerContext, object map[string]any) (jsonschema.SchemaExt, error) {
	minimum, _ := object["formatMinimum"].(string)
	maximum, _ := object["formatMaximum"].(string)
	if minimum == "" && maximum == "" {
		return nil, nil
	}
	return bounds{minimum, maximum}, nil
}

// bounds is the compiled form of formatMinimum and formatMaximum; an empty one is no bound.
type bounds struct{ minimum, maximum string }

// Validate implements jsonschema.SchemaExt for values in canonical spelling.
func (b bounds) Validate(ctx *jsonschema.ValidatorContext, v any) {
	text, ok := v.(string)
	if !ok {
		return
	}
	if b.minimum != "" && compareTexts(text, b.minimum) < 0 {
		ctx.AddError(outOfBounds{"formatMinimum", b.minimum})
	}
	if b.maximum != "" && compareTexts(text, b.maximum) > 0 {
		ctx.AddError(outOfBounds{"formatMaximum", b.maximum})
	}
}

// outOfBounds is the error of the bounds vocabulary.
type outOfBounds struct{ keyword, bound string }

// KeywordPath implements jsonschema.ErrorKind.
func (e outOfBounds) KeywordPath() []string { return []string{e.keyword} }

// LocalizedString implements jsonschema.ErrorKind.
func (e outOfBounds) LocalizedString(*message.Printer) string { return e.sentence() }

func (e outOfBounds) sentence() string {
	side := "before"
	if strings.HasSuffix(e.keyword, "Maximum") {
		side = "after"
	}
	return fmt.Sprintf("must not be %s %s", side, e.bound)
}

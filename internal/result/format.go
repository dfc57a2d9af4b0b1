package result

import (
	"io"
	"slices"
)

// Format describes a form in which a result can be asked for: what is known of it is here and nowhere else. A format is
// immutable, and compared by its address.
type Format struct {
	Name        string // in words for people
	Suffix      string // of paths and files
	MediaType   string // what it is asked for with, without parameters
	ContentType string // the media type of what is written, with its parameters
	Download    bool   // people save it as a file
	Gathers     bool   // its encoder holds some megabytes, which is counted instead of measured

	// Schema is how OpenAPI describes it.
	Schema Schema

	// Variants are other ways to write it, which can be combined. There are eight at most.
	Variants []Variant

	// Memory is what an encoder holds, with what feeds it, once a result does not fit into its first buffer, in bytes.
	Memory int64

	// Encoder makes an encoder that writes to w.
	Encoder func(w io.Writer, options EncoderOptions) Encoder
}

// Schema is how OpenAPI describes a format.
type Schema uint8

// The schemas.
const (
	SchemaText   Schema = iota // a string
	SchemaBinary               // a string of bytes
	SchemaResult               // that of the endpoint's result
)

// VariantOf returns the place of the variant that a query parameter asks for; -1: the format has none.
func (f *Format) VariantOf(query string) int {
	return slices.IndexFunc(f.Variants, func(v Variant) bool { return v.Query == query })
}

// Variant is asked for with a query parameter. Formats may share a parameter.
type Variant struct {
	Query  string    // its name
	Values [2]string // of which the second asks for the variant
	Name   string    // of the variant, in ETags and keys
}

// Chosen are the variants that are asked for, by their places in [Format.Variants].
type Chosen uint8

// With returns these and one more.
func (c Chosen) With(place int) Chosen { return c | 1<<place }

// Has reports whether a variant is among them.
func (c Chosen) Has(place int) bool { return c&(1<<place) != 0 }

// EncoderOptions vary what an encoder writes.
type EncoderOptions struct {
	Chosen     Chosen // of the format's variants
	OmitLimits bool   // of a JSON document: see [JSONOptions]

	// BeforeFirstWrite may be nil.
	BeforeFirstWrite Beginning
}

// encoderMemory is what encoders of rows hold.
const encoderMemory = 160 << 10

// JSON is one document with the columns, the rows and what is known of them.
var JSON = &Format{
	Name: "JSON", Suffix: "json", MediaType: "application/json", ContentType: "application/json",
	Schema: SchemaResult, Memory: encoderMemory,
	Variants: []Variant{{Query: "rows_as", Values: [2]string{"objects", "arrays"}, Name: "arrays"}, numbersAsStrings},
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		layout := Objects
		if options.Chosen.Has(0) {
			layout = Arrays
		}
		return NewJSON(w, JSONOptions{
			Layout: layout, NumbersAsStrings: options.Chosen.Has(1), OmitLimits: options.OmitLimits, BeforeFirstWrite: options.BeforeFirstWrite,
		})
	},
}

// numbersAsStrings is for readers whose numbers are 64-bit floats.
var numbersAsStrings = Variant{Query: "numbers", Values: [2]string{"plain", "strings"}, Name: "strings"}

// NDJSON is newline-delimited JSON: one object a line.
var NDJSON = &Format{
	Name: "NDJSON", Suffix: "ndjson", MediaType: "application/x-ndjson", ContentType: "application/x-ndjson",
	Variants: []Variant{numbersAsStrings}, Memory: encoderMemory,
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		return NewJSON(w, JSONOptions{Layout: Lines, NumbersAsStrings: options.Chosen.Has(0), BeforeFirstWrite: options.BeforeFirstWrite})
	},
}

// CSV is that of RFC 4180.
var CSV = &Format{
	Name: "CSV", Suffix: "csv", MediaType: "text/csv", ContentType: "text/csv; charset=utf-8; header=present", // RFC 4180, 3
	Download: true, Memory: encoderMemory,
	Variants: []Variant{
		{Query: "csv_formulas", Values: [2]string{"keep", "escape"}, Name: "escaped"},
		{Query: "csv_for", Values: [2]string{"programs", "excel"}, Name: "excel"},
		{Query: "csv_locale", Values: [2]string{"en", "pt-BR"}, Name: "pt-br"},
	},
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		return NewCSV(w, CSVOptions{
			EscapeFormulas: options.Chosen.Has(0), Marked: options.Chosen.Has(1), DecimalComma: options.Chosen.Has(2),
			BeforeFirstWrite: options.BeforeFirstWrite,
		})
	},
}

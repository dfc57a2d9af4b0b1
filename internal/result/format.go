package result

import "io"

// Format describes a form in which a result can be asked for: what is known of it is here and nowhere else. A format is
// immutable, and compared by its address.
type Format struct {
	Name        string // in words for people
	Suffix      string // of paths and files
	MediaType   string // what it is asked for with, without parameters
	ContentType string // the media type of what is written, with its parameters
	Download    bool   // people save it as a file
	JobsOnly    bool   // it is gathered in memory, and so only results that are kept can be had in it

	// Schema is how OpenAPI describes it.
	Schema Schema

	// Variant is a second way to write it, if there is one.
	Variant Variant

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

// Variant is asked for with a query parameter.
type Variant struct {
	Query  string    // its name; empty: the format has no variant
	Values [2]string // of which the second asks for the variant
	Name   string    // of the variant, in ETags and keys
}

// EncoderOptions vary what an encoder writes.
type EncoderOptions struct {
	Varied     bool // the format's variant is asked for
	OmitLimits bool // of a JSON document: see [JSONOptions]

	// BeforeFirstWrite may be nil.
	BeforeFirstWrite BeforeFirstWrite
}

// encoderMemory is what encoders of rows hold.
const encoderMemory = 160 << 10

// JSON is one document with the columns, the rows and what is known of them.
var JSON = &Format{
	Name: "JSON", Suffix: "json", MediaType: "application/json", ContentType: "application/json",
	Schema: SchemaResult, Variant: Variant{Query: "rows_as", Values: [2]string{"objects", "arrays"}, Name: "arrays"}, Memory: encoderMemory,
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		layout := Objects
		if options.Varied {
			layout = Arrays
		}
		return NewJSON(w, JSONOptions{Layout: layout, OmitLimits: options.OmitLimits, BeforeFirstWrite: options.BeforeFirstWrite})
	},
}

// NDJSON is newline-delimited JSON: one object a line.
var NDJSON = &Format{
	Name: "NDJSON", Suffix: "ndjson", MediaType: "application/x-ndjson", ContentType: "application/x-ndjson", Memory: encoderMemory,
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		return NewJSON(w, JSONOptions{Layout: Lines, BeforeFirstWrite: options.BeforeFirstWrite})
	},
}

// CSV is that of RFC 4180.
var CSV = &Format{
	Name: "CSV", Suffix: "csv", MediaType: "text/csv", ContentType: "text/csv; charset=utf-8; header=present", // RFC 4180, 3
	Download: true, Variant: Variant{Query: "csv_formulas", Values: [2]string{"keep", "escape"}, Name: "escaped"}, Memory: encoderMemory,
	Encoder: func(w io.Writer, options EncoderOptions) Encoder {
		return NewCSV(w, CSVOptions{EscapeFormulas: options.Varied, BeforeFirstWrite: options.BeforeFirstWrite})
	},
}

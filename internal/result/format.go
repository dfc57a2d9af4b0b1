package result

// Format is a form in which a result can be asked for. Its text is its name, and the suffix of paths and files.
type Format string

// The formats.
const (
	FormatJSON    Format = "json"
	FormatNDJSON  Format = "ndjson"  // newline-delimited JSON: one object a line
	FormatCSV     Format = "csv"     // RFC 4180
	FormatArrow   Format = "arrow"   // the Arrow IPC streaming format
	FormatParquet Format = "parquet" // whose writer needs memory for a row group at a time: for results that are kept
)

const (
	jsonType   = "application/json"
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"
)

// Formats lists the formats, the one that is preferred first.
func Formats() []Format {
	return []Format{FormatJSON, FormatNDJSON, FormatCSV, FormatArrow, FormatParquet}
}

// StreamedFormats lists those that an endpoint answers with while its query runs.
func StreamedFormats() []Format { return Formats()[:4] }

// MediaType is what the format is asked for with, without parameters.
func (f Format) MediaType() string {
	switch f {
	case FormatNDJSON:
		return ndjsonType
	case FormatCSV:
		return csvType
	case FormatArrow:
		return "application/vnd.apache.arrow.stream"
	case FormatParquet:
		return "application/vnd.apache.parquet"
	default:
		return jsonType
	}
}

// ContentType is the media type of what is written, with its parameters.
func (f Format) ContentType() string {
	if f == FormatCSV {
		return csvType + "; charset=utf-8; header=present" // RFC 4180, 3
	}
	return f.MediaType()
}

// Download reports whether the format is one that people save as a file.
func (f Format) Download() bool { return f == FormatCSV || f == FormatArrow || f == FormatParquet }

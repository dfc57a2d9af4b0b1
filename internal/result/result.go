package result

import (
	"time"

	"github.com/solucao42/caddy-data-api/source"
)

// Summary is what is known of a result once it has been read.
type Summary struct {
	RowCount   int
	Truncated  bool // there were more than MaxRows rows
	MaxRows    int
	ExecutedAt time.Time
	Columns    []source.Column
}

// Encoder writes a result in one format. It holds at most one small buffer; Flush and End hand it to the writer.
type Encoder interface {
	source.Sink

	// End writes what follows the last row, and hands all that is buffered to the writer.
	// Without End what was written is incomplete, and is meant to be seen as such.
	End(summary Summary) error

	// Close frees what the encoder holds, whether or not the result has ended. It may be called more than once.
	Close()
}

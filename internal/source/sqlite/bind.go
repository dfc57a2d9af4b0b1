package sqlite

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/ncruces/go-sqlite3"

	"github.com/solucao42/caddy-data-api/source"
)

// bind binds one argument. The package's documentation says which storage class each type takes.
func bind(stmt *sqlite3.Stmt, parameter int, argument *source.Argument) error {
	switch {
	case argument.Null:
		return stmt.BindNull(parameter)
	case argument.Array:
		text, err := appendArray(nil, argument.Items)
		if err != nil {
			return err
		}
		return stmt.BindText(parameter, string(text))
	}
	switch argument.Type {
	case source.ParamInteger, source.ParamBoolean:
		return stmt.BindInt64(parameter, argument.Int)
	case source.ParamDecimal:
		return bindDecimal(stmt, parameter, argument.Text)
	default:
		return stmt.BindText(parameter, argument.Text)
	}
}

// maxExact is the magnitude below which every integer is a float64.
const maxExact = 1 << 53

// bindDecimal prefers REAL, since SQLite divides two INTEGERs without a remainder.
func bindDecimal(stmt *sqlite3.Stmt, parameter int, text string) error {
	double, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(double, 0) { // beyond a double's range infinity still compares as it should
		return err
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if math.Abs(double) >= maxExact && strings.Trim(fraction, "0") == "" {
		if integer, err := strconv.ParseInt(whole, 10, 64); err == nil {
			return stmt.BindInt64(parameter, integer)
		}
	}
	return stmt.BindFloat(parameter, double)
}

// appendArray writes the items as a JSON array for json_each.
func appendArray(out []byte, items []source.Argument) ([]byte, error) {
	out = append(out, '[')
	for i := range items {
		if i > 0 {
			out = append(out, ',')
		}
		switch items[i].Type {
		case source.ParamInteger:
			out = strconv.AppendInt(out, items[i].Int, 10)
		case source.ParamDecimal, source.ParamBoolean:
			out = append(out, items[i].Text...)
		default:
			var err error
			if out, err = jsontext.AppendQuote(out, items[i].Text); err != nil {
				return nil, err
			}
		}
	}
	return append(out, ']'), nil
}

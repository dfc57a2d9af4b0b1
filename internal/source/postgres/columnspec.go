package postgres

import (
	"fmt"
	"slices"

	"github.com/solucao42/caddy-data-api/source"
)

// PostgreSQL knows the types of its columns. What an endpoint declares can therefore only name a column after another
// type whose values look alike in JSON; to change the values is for a cast in the statement. These are the families.
var families = [][]source.Type{
	{source.TypeDecimal, source.TypeSmallInt, source.TypeInteger, source.TypeBigInt, source.TypeReal, source.TypeDouble},
	{
		source.TypeVarchar, source.TypeDate, source.TypeTime, source.TypeTimestamp, source.TypeTimestampTZ, source.TypeUUID,
		source.TypeVarBinary, source.TypeInterval,
	},
}

// scalable are the types whose values can be rounded to a scale without passing through a float.
var scalable = []source.Type{source.TypeDecimal, source.TypeSmallInt, source.TypeInteger, source.TypeBigInt}

// maxScale is what numeric can show after its point.
const maxScale = 1000

// applySpec puts what the endpoint declares of a column into its codec. A scale makes the column a decimal that the
// database rounds, half away from zero, to that many digits after the point.
func applySpec(name string, spec source.ColumnSpec, c *codec) error {
	fault := func(format string, args ...any) error {
		return &source.StatementError{Offset: -1, Message: fmt.Sprintf("column %s: ", name) + fmt.Sprintf(format, args...)}
	}
	if spec.Scale != nil {
		switch {
		case !slices.Contains(scalable, c.typ):
			return fault("a scale is for decimal and integer columns, and this one is %s: cast it to numeric in the statement", c.typ)
		case *spec.Scale < 0 || *spec.Scale > maxScale:
			return fault("scale is %d: it must be from 0 to %d", *spec.Scale, maxScale)
		case spec.Type != "" && spec.Type != source.TypeDecimal:
			return fault("a column with a scale is decimal, not %s", spec.Type)
		}
		c.typ = source.TypeDecimal
		return nil
	}
	if spec.Type == "" || spec.Type == c.typ {
		return nil
	}
	for _, family := range families {
		if slices.Contains(family, spec.Type) && slices.Contains(family, c.typ) {
			c.typ = spec.Type
			return nil
		}
	}
	return fault("it is %s in the database and cannot be declared %s: cast it in the statement", c.typ, spec.Type)
}

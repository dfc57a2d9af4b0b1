package values

import (
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// DigitsOf reads the precision and scale of numeric(p,s), or of an array of it, from a type modifier: 4 more than p in the
// upper 16 bits and s, a signed number of 11 bits, in the lower ones; -1 when nothing is declared. A scale that the
// endpoint declares rounds the numbers, and nothing bounds their digits then.
func DigitsOf(typ source.Type, modifier int32, spec source.ColumnSpec) source.Digits {
	switch {
	case spec.Scale != nil:
		return source.Digits{Fixed: true, Scale: *spec.Scale}
	case typ != source.TypeDecimal && typ != source.ArrayOf(source.TypeDecimal), modifier < modifierHeader:
		return source.Digits{}
	}
	modifier -= modifierHeader
	precision := int(modifier >> 16 & 0xFFFF)
	scale := int(modifier&0x7FF^1024) - 1024
	if scale < 0 { // rounded to hundreds, say: written out, with the zeros
		return source.Digits{Fixed: true, Precision: precision - scale}
	}
	return source.Digits{Fixed: true, Scale: scale, Precision: max(precision, scale)}
}

// modifierHeader is what PostgreSQL adds to a type modifier.
const modifierHeader = 4

// KeepsDigits reports whether a field still has the precision and scale that its column was described with.
func KeepsDigits(field pgconn.FieldDescription, column source.Column) bool {
	if column.Digits.Precision == 0 || !slices.Contains([]uint32{pgtype.NumericOID, pgtype.NumericArrayOID}, field.DataTypeOID) {
		return true // nothing was declared, or to_json hides it
	}
	return DigitsOf(column.Type, field.TypeModifier, source.ColumnSpec{}) == column.Digits
}

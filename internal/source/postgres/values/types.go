package values

import (
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// TypeInfo is what the catalog says of a type that is not in our tables.
type TypeInfo struct {
	Kind     byte   // pg_type.typtype
	Base     uint32 // of a domain
	Element  uint32 // of a true array: one that to_json treats as an array
	JSONCast bool   // to_json uses a cast of the type's own, as hstore has
}

// anyArrayOID is the type of pg_stats.most_common_vals: arrays whose elements differ in type from row to row.
const anyArrayOID = 2277

// CodecOf chooses how a column of a type travels, as to_json treats that type: arrays element by element, composites
// as objects, types with a cast to json by that cast, and all others as their text. Convert says that the statement
// must apply to_json to it.
func CodecOf(oid uint32, types map[uint32]TypeInfo) (c Codec, convert bool, err error) {
	if codec, ok := Known(oid); ok {
		return codec, false, nil
	}
	info, ok := types[oid]
	switch {
	case !ok:
		return Codec{}, false, fmt.Errorf("the database does not describe the type with oid %d", oid)
	case info.Kind == 'd':
		return CodecOf(info.Base, types)
	case info.Element != 0:
		element, _, err := CodecOf(info.Element, types)
		return asJSON(source.ArrayOf(element.Type)), true, err
	case info.Kind == 'c', oid == pgtype.RecordOID, info.JSONCast:
		return asJSON(source.TypeJSON), true, nil
	case oid == pgtype.RecordArrayOID:
		return asJSON(source.ArrayOf(source.TypeJSON)), true, nil
	case oid == anyArrayOID:
		return asJSON(source.ArrayOf(source.TypeVarchar)), true, nil
	default:
		return asText, false, nil
	}
}

// TypeOIDs returns the types of the fields.
func TypeOIDs(fields []pgconn.FieldDescription) []uint32 {
	oids := make([]uint32, len(fields))
	for i, field := range fields {
		oids[i] = field.DataTypeOID
	}
	return oids
}

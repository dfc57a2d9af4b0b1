package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/solucao42/caddy-data-api/source"
)

// typeInfo is what the catalog says of a type that is not in our tables.
type typeInfo struct {
	kind     byte   // pg_type.typtype
	base     uint32 // of a domain
	element  uint32 // of a true array: one that to_json treats as an array
	jsonCast bool   // to_json uses a cast of the type's own, as hstore has
}

// anyArrayOID is the type of pg_stats.most_common_vals: arrays whose elements differ in type from row to row.
const anyArrayOID = 2277

// Objects below 16384 are part of PostgreSQL itself; to_json looks for casts only from there on.
const typeLookup = `SELECT t.oid, t.typtype, t.typbasetype,
	CASE WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc THEN t.typelem ELSE 0 END,
	t.oid >= 16384 AND EXISTS (SELECT FROM pg_catalog.pg_cast AS c
		WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::pg_catalog.regtype AND c.castmethod = 'f')
	FROM pg_catalog.pg_type AS t WHERE t.oid = ANY ($1::pg_catalog.oid[])`

// lookUp reads the types of oids, and of what they are made of, that are not in our tables.
func lookUp(ctx context.Context, c *conn, oids []uint32) (map[uint32]typeInfo, error) {
	types := map[uint32]typeInfo{}
	for len(oids) > 0 {
		list := []byte{'{'}
		for _, oid := range oids {
			if _, ok := known(oid); ok {
				continue
			}
			if _, ok := types[oid]; ok || oid == 0 {
				continue
			}
			if len(list) > 1 {
				list = append(list, ',')
			}
			list = strconv.AppendUint(list, uint64(oid), 10)
		}
		if len(list) == 1 {
			break
		}
		answer := c.pg.ExecParams(ctx, typeLookup, [][]byte{append(list, '}')}, nil, nil, nil).Read()
		if answer.Err != nil {
			return nil, answer.Err
		}
		oids = oids[:0:0]
		for _, row := range answer.Rows {
			info := typeInfo{kind: row[1][0], jsonCast: string(row[4]) == "t"}
			oid, err := parseOID(row[0])
			var errBase, errElement error
			info.base, errBase = parseOID(row[2])
			info.element, errElement = parseOID(row[3])
			if err := errors.Join(err, errBase, errElement); err != nil {
				return nil, err
			}
			types[oid] = info
			oids = append(oids, info.base, info.element)
		}
	}
	return types, nil
}

func parseOID(text []byte) (uint32, error) {
	oid, err := strconv.ParseUint(string(text), 10, 32)
	return uint32(oid), err
}

// codecOf chooses how a column of a type travels, as to_json treats that type: arrays element by element, composites
// as objects, types with a cast to json by that cast, and all others as their text. Convert says that the statement
// must apply to_json to it.
func codecOf(oid uint32, types map[uint32]typeInfo) (c codec, convert bool, err error) {
	if codec, ok := known(oid); ok {
		return codec, false, nil
	}
	info, ok := types[oid]
	switch {
	case !ok:
		return codec{}, false, fmt.Errorf("the database does not describe the type with oid %d", oid)
	case info.kind == 'd':
		return codecOf(info.base, types)
	case info.element != 0:
		element, _, err := codecOf(info.element, types)
		return asJSON(source.ArrayOf(element.typ)), true, err
	case info.kind == 'c', oid == pgtype.RecordOID, info.jsonCast:
		return asJSON(source.TypeJSON), true, nil
	case oid == pgtype.RecordArrayOID:
		return asJSON(source.ArrayOf(source.TypeJSON)), true, nil
	case oid == anyArrayOID:
		return asJSON(source.ArrayOf(source.TypeVarchar)), true, nil
	default:
		return asText, false, nil
	}
}

// typeOIDs returns the types of the fields.
func typeOIDs(fields []pgconn.FieldDescription) []uint32 {
	oids := make([]uint32, len(fields))
	for i, field := range fields {
		oids[i] = field.DataTypeOID
	}
	return oids
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/values"
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
func applySpec(name string, spec source.ColumnSpec, c *values.Codec) error {
	fault := func(format string, args ...any) error {
		return &source.StatementError{Offset: -1, Message: fmt.Sprintf("column %s: ", name) + fmt.Sprintf(format, args...)}
	}
	if spec.Scale != nil {
		switch {
		case !slices.Contains(scalable, c.Type):
			return fault("a scale is for decimal and integer columns, and this one is %s: cast it to numeric in the statement", c.Type)
		case *spec.Scale < 0 || *spec.Scale > maxScale:
			return fault("scale is %d: it must be from 0 to %d", *spec.Scale, maxScale)
		case spec.Type != "" && spec.Type != source.TypeDecimal:
			return fault("a column with a scale is decimal, not %s", spec.Type)
		}
		c.Type = source.TypeDecimal
		return nil
	}
	if spec.Type == "" || spec.Type == c.Type {
		return nil
	}
	for _, family := range families {
		if slices.Contains(family, spec.Type) && slices.Contains(family, c.Type) {
			c.Type = spec.Type
			return nil
		}
	}
	return fault("it is %s in the database and cannot be declared %s: cast it in the statement", c.Type, spec.Type)
}

// Objects below 16384 are part of PostgreSQL itself; to_json looks for casts only from there on.
const typeLookup = `SELECT t.oid, t.typtype, t.typbasetype,
	CASE WHEN t.typsubscript = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc THEN t.typelem ELSE 0 END,
	t.oid >= 16384 AND EXISTS (SELECT FROM pg_catalog.pg_cast AS c
		WHERE c.castsource = t.oid AND c.casttarget = 'pg_catalog.json'::pg_catalog.regtype AND c.castmethod = 'f')
	FROM pg_catalog.pg_type AS t WHERE t.oid = ANY ($1::pg_catalog.oid[])`

// allKnown reports whether all types are in our tables.
func allKnown(oids []uint32) bool {
	return !slices.ContainsFunc(oids, func(oid uint32) bool {
		_, known := values.Known(oid)
		return !known
	})
}

// lookUp reads the types of oids, and of what they are made of, that are not in our tables.
func lookUp(ctx context.Context, c *conn, oids []uint32) (map[uint32]values.TypeInfo, error) {
	types := map[uint32]values.TypeInfo{}
	for len(oids) > 0 {
		list := []byte{'{'}
		for _, oid := range oids {
			if _, ok := values.Known(oid); ok {
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
			info := values.TypeInfo{Kind: row[1][0], JSONCast: string(row[4]) == "t"}
			oid, err := parseOID(row[0])
			var errBase, errElement error
			info.Base, errBase = parseOID(row[2])
			info.Element, errElement = parseOID(row[3])
			if err := errors.Join(err, errBase, errElement); err != nil {
				return nil, err
			}
			types[oid] = info
			oids = append(oids, info.Base, info.Element)
		}
	}
	return types, nil
}

func parseOID(text []byte) (uint32, error) {
	oid, err := strconv.ParseUint(string(text), 10, 32)
	return uint32(oid), err
}

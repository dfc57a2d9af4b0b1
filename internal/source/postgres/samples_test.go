package postgres_test

import "strings"

// fixtures make values of types that have no input of their own.
const fixtures = `
CREATE TABLE defaults (a int DEFAULT 1 + 2, b text DEFAULT 'x');
CREATE TABLE correlated AS SELECT i % 10 AS a, i % 20 AS b FROM generate_series(1, 1000) AS i;
CREATE STATISTICS all_kinds (ndistinct, dependencies, mcv) ON a, b FROM correlated;
ANALYZE correlated;
ANALYZE pg_class;
CREATE TYPE mood AS ENUM ('happy', 'so "so"');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN labels AS text[];
CREATE TYPE pair AS (number int, label text, day date);
CREATE DOMAIN pair_domain AS pair;`

// everyControl is a SQL expression for all control characters but NUL, and what encoding/json escapes beyond them.
const everyControl = `(SELECT string_agg(chr(i), '') FROM generate_series(1, 160) AS i) || U&'\2028\2029<>&' || U&'\+01F600'`

var digits = func(n int) string { return strings.Repeat("1234567890", n/10+1)[:n] }

// samples are SQL expressions for values of every built-in type, extremes first.
var samples = map[string][]string{
	"bool":    {"'t'", "'f'"},
	"bytea":   {`'\x00ff5c22'`, "''"},
	"char":    {`'"'`, `'\'`, "'a'", "''"},
	"name":    {`'a"b\c'`, "repeat('x', 70)"},
	"int2":    {"'-32768'", "'32767'", "'0'"},
	"int4":    {"'-2147483648'", "'2147483647'", "'0'"},
	"int8":    {"'-9223372036854775808'", "'9223372036854775807'", "'0'"},
	"numeric": {"'NaN'", "'Infinity'", "'-Infinity'", "'0'", "'-0'", "'0.000'", "'150000.00'", "'0.0001'", "'0.00001000'", "'10000'", "'100000000.0'", "'1e131071'", "'-1e-16383'", "'" + digits(38) + "'", "'-0." + digits(38) + "'", "'" + digits(1000) + "." + digits(1000) + "'"},
	"float4":  {"'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'0.1'", "'1e6'", "'999999'", "'9999999'", "'1e-4'", "'1e-5'", "'3.4028235e38'", "'1.4e-45'", "'16777216'", "'1.17549435e-38'"},
	"float8":  {"'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'0.1'", "'1e15'", "'999999999999999'", "'999999999999999.9'", "'1e14'", "'1e-4'", "'9.999e-5'", "'1.7976931348623157e308'", "'5e-324'", "'9007199254740993'", "'2.2250738585072014e-308'", "'1e22'", "'1e23'"},
	"money":   {"'-92233720368547758.08'", "'1234.5'"},
	"text":    {everyControl, "''", "'é'"},
	"varchar": {everyControl, "''"},
	"bpchar":  {"'ab   '", everyControl, "''"},
	"json":    {`'{"b": 1.10 ,  "a":[ 1,2,{"x":null}], "b":"\u00e9"}'`, "' 12345678901234567890123456789.00 '", "'null'", `'"x"'`, "E'[1,\\n 2]'"},
	"jsonb":   {`'{"b": 1.10 ,  "a":[ 1,2,{"x":null}], "b":"\u00e9<"}'`, "'12345678901234567890123456789012345678901234567890.1000'", "'1e400'", "'null'", `'"\u2028\u0001"'`},
	"xml":     {`'<a b="c">"\ </a>'`},
	"jsonpath": {
		`'$.a[*] ? (@.b > 1 && @.c like_regex "^x")'`, `'strict $'`,
	},

	"date":        {"'infinity'", "'-infinity'", "'4713-01-01 BC'", "'0001-12-31 BC'", "'0001-01-01'", "'1970-01-01'", "'2000-02-29'", "'20000-08-31'", "'5874897-12-31'"},
	"time":        {"'00:00'", "'24:00:00'", "'12:34:56.7'", "'23:59:59.999999'", "'01:02:03.00001'"},
	"timetz":      {"'24:00:00+15:59'", "'12:34:56.789-03'", "'00:00:00+05:30:20'"},
	"timestamp":   {"'infinity'", "'-infinity'", "'4713-01-01 00:00:00 BC'", "'0001-12-31 23:59:59.999999 BC'", "'1969-12-31 23:59:59.999999'", "'1970-01-01'", "'20000-01-01 00:00:00.1'", "'294247-01-10 04:00:54.775807'", "'294247-01-10 04:00:54.775808'", "'294276-12-31 23:59:59.999999'"},
	"timestamptz": {"'infinity'", "'-infinity'", "'4713-01-01 00:00:00+00 BC'", "'2026-01-01 10:00:00.5-03'", "'20000-01-01 00:00:00+00'", "'294276-12-31 23:59:59.999999+00'", "'1883-11-18 12:00:00 America/New_York'"},
	"interval":    {"'178000000 years'", "'-178000000 years'", "'1 year -2 mons 3 days -04:05:06.789'", "'0'", "'-1 day 25 hours'", "'1 mon -1 day'"},
	"uuid":        {"'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'550E8400-e29b-41d4-a716-446655440000'"},

	"oid": {"'4294967295'", "'0'"}, "xid": {"'4294967295'"}, "xid8": {"'18446744073709551615'"}, "cid": {"'7'"}, "tid": {"'(4294967295,65535)'"},
	"oidvector": {"'1 2 4294967295'", "''"}, "int2vector": {"'1 -2 3'", "''"},
	"pg_lsn":  {"'FFFFFFFF/FFFFFFFF'"},
	"regproc": {"'now'"}, "regprocedure": {"'sum(integer)'"}, "regoper": {"'pg_catalog.||/'"}, "regoperator": {"'+(integer,integer)'"},
	"regclass": {"'pg_class'", "'0'"}, "regcollation": {`'"C"'`}, "regtype": {"'timestamp with time zone'"}, "regrole": {"'postgres'"},
	"regnamespace": {"'pg_catalog'"}, "regconfig": {"'simple'"}, "regdictionary": {"'simple'"}, "regdatabase": {"'postgres'"},
	"refcursor": {`'a "b"'`}, "aclitem": {"'postgres=r*w/postgres'"}, "txid_snapshot": {"'10:20:10,14,15'"}, "pg_snapshot": {"'10:20:10,14,15'"},

	"point": {"'(1.5,-1e300)'"}, "lseg": {"'[(0,0),(1,1)]'"}, "path": {"'((0,0),(1,1))'", "'[(0,0),(NaN,Infinity)]'"}, "box": {"'(1,1),(0,0)'"},
	"polygon": {"'((0,0),(1,1),(2,0))'"}, "line": {"'{1,-1,0}'"}, "circle": {"'<(0,0),1.5>'"},
	"inet": {"'192.168.0.1/24'", "'::1'"}, "cidr": {"'10.0.0.0/8'"}, "macaddr": {"'08:00:2b:01:02:03'"}, "macaddr8": {"'08:00:2b:01:02:03:04:05'"},
	"bit": {"'1'"}, "varbit": {"'10101'", "''"},
	"tsvector": {`'a:1A "b\\c":2,3'`}, "tsquery": {`'a & !b:*'`},

	"int4range": {"'[1,5)'", "'empty'"}, "int8range": {"'[1,)'"}, "numrange": {"'(1.50,2]'"}, "daterange": {"'[2020-01-01,infinity)'"},
	"tsrange": {"'[2020-01-01 00:00,)'"}, "tstzrange": {"'[2020-01-01 00:00+02,)'"},
	"int4multirange": {"'{[1,5),[7,9)}'"}, "int8multirange": {"'{}'"}, "nummultirange": {"'{(1.50,2]}'"}, "datemultirange": {"'{[2020-01-01,)}'"},
	"tsmultirange": {"'{[2020-01-01 00:00,)}'"}, "tstzmultirange": {"'{[2020-01-01 00:00+02,)}'"},

	"pg_node_tree":    {"(SELECT adbin FROM pg_attrdef ORDER BY oid LIMIT 1)"},
	"pg_ndistinct":    {"(SELECT stxdndistinct FROM pg_statistic_ext_data LIMIT 1)"},
	"pg_dependencies": {"(SELECT stxddependencies FROM pg_statistic_ext_data LIMIT 1)"},
	"pg_mcv_list":     {"(SELECT stxdmcv FROM pg_statistic_ext_data LIMIT 1)"},
	// These three live only inside indexes: PostgreSQL lets nobody select one.
	"gtsvector": {"NULL"}, "pg_brin_bloom_summary": {"NULL"}, "pg_brin_minmax_multi_summary": {"NULL"},
}

// What the services share: the pool, the statements and the shape of the answer, the same as the product's.
import pg from 'pg'

// The driver would make a Date of each, only for JSON.stringify to take it apart again.
for (const oid of [1082, 1114, 1184]) pg.types.setTypeParser(oid, (text) => text)
// A number as JavaScript has it, as most services send it.
pg.types.setTypeParser(1700, Number)

export const pool = new pg.Pool({
	host: process.env.BENCH_PGHOST,
	user: process.env.BENCH_PGUSER,
	database: process.env.BENCH_PGDATABASE,
	max: Number(process.env.BENCH_POOL),
})

const statements = JSON.parse(process.env.BENCH_STATEMENTS)

const typeNames = { 16: 'boolean', 23: 'integer', 25: 'varchar', 1082: 'date', 1184: 'timestamptz', 1700: 'decimal' }

export const slugs = Object.keys(statements)

// run executes a statement, prepared once on each connection, with the values of its parameters.
export async function run(slug, given) {
	const { sql, parameters } = statements[slug]
	const result = await pool.query({ name: slug, text: sql, values: parameters.map((name) => given[name]) })
	return {
		columns: result.fields.map((field) => ({ name: field.name, type: typeNames[field.dataTypeID] })),
		rows: result.rows,
		row_count: result.rows.length,
		truncated: false,
		max_rows: 10000,
		executed_at: new Date().toISOString(),
	}
}

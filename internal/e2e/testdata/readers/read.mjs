// Reads results as customers' programs do: node read.mjs ORIGIN TOKEN SYNC JOB, where SYNC is the path of an endpoint's execution without
// its suffix, and JOB that of a job's result.
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { tableFromIPC } from 'apache-arrow'
import ExcelJS from 'exceljs'
import { asyncBufferFromUrl, parquetMetadataAsync, parquetReadObjects } from 'hyparquet'

const [origin, token, sync, job] = process.argv.slice(2)
const headers = { Authorization: `Bearer ${token}` }
const get = async (path) => {
  const response = await fetch(origin + path, { headers })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return Buffer.from(await response.arrayBuffer())
}
const plain = (row) => JSON.parse(JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}n` : value)))
const seen = {}

// hyparquet seeks: it asks for the length, then for the end of the file, then for what it needs.
{
  const answers = []
  const counting = async (url, init) => {
    const response = await fetch(url, init)
    answers.push({ method: init?.method ?? 'GET', status: response.status, bytes: Number(response.headers.get('content-length')) })
    return response
  }
  const file = await asyncBufferFromUrl({ url: `${origin}${job}.parquet`, requestInit: { headers }, fetch: counting })
  const metadata = await parquetMetadataAsync(file)
  const rows = await parquetReadObjects({ file, metadata, columns: ['big', 'total', 'cidade'], rowStart: 0, rowEnd: 2 })
  seen.hyparquet = { rows: plain(rows), count: Number(metadata.num_rows), length: file.byteLength, answers }
}

// DuckDB reads the types as they were written. Its extension for HTTP is no package of npm, so the file is fetched for it.
{
  const file = join(mkdtempSync(join(tmpdir(), 'parquet-')), 'result.parquet')
  writeFileSync(file, await get(`${job}.parquet`))
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  const ask = async (sql) => (await connection.runAndReadAll(sql)).getRowObjectsJson()
  seen.duckdb = {
    types: Object.fromEntries((await ask(`DESCRIBE SELECT * FROM '${file}'`)).map((column) => [column.column_name, column.column_type])),
    first: (await ask(`SELECT * REPLACE (epoch_us(instante) AS instante) FROM '${file}' LIMIT 1`))[0],
    sums: (await ask(`SELECT COUNT(*) AS n, SUM(total) AS total, MAX(big) AS big, COUNT(razao) AS razao FROM '${file}'`))[0],
  }
}

{
  const table = tableFromIPC(await get(`${sync}.arrow?rows=1000`))
  const row = table.get(0)
  seen.arrow = {
    count: table.numRows,
    types: Object.fromEntries(table.schema.fields.map((field) => [field.name, String(field.type)])),
    first: plain({ big: row.big, cidade: row.cidade, par: row.par, dia: new Date(row.dia).toISOString() }),
  }
}

{
  const workbook = new ExcelJS.Workbook()
  await workbook.xlsx.load(await get(`${sync}.xlsx?rows=1000`))
  const sheet = workbook.worksheets[0]
  const cells = (number) => sheet.getRow(number).values.slice(1).map((value) => (value instanceof Date ? value.toISOString() : (value ?? null)))
  seen.exceljs = { count: sheet.rowCount, names: cells(1), first: cells(2) }
}
console.log(JSON.stringify(seen))

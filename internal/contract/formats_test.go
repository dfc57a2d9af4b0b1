package contract

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"

	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

const seriesPath = "/api/v1/data-api/default/capped/execute"

// lines counts what NDJSON and CSV have of rows.
func lines(body []byte) int { return bytes.Count(body, []byte("\n")) }

// TestFormatsOfASyncAnswer: by Accept, by weights, by suffix; what the format does not tell, the header and trailer do.
func TestFormatsOfASyncAnswer(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		s.WriteCatalog("acme/default/capped.sql", "/*---\nsource: main\nparams: { rows: { type: integer, required: true } }\nlimits: { max_rows: 10000 }\n---*/\n"+e.Series)
		s.Reload()
		token := s.Login("acme", "integration").Access
		ask := func(path, accept, rows string) answer {
			t.Helper()
			return s.Send(http.MethodPost, path, token, `{"parameter_values":{"rows":`+rows+`}}`, "Accept", accept)
		}
		for _, test := range []struct{ path, accept, want string }{
			{seriesPath, "*/*", "application/json"},
			{seriesPath, "text/*", "text/csv; charset=utf-8; header=present"},
			{seriesPath, "text/csv;q=0.5, application/json;q=0.4", "text/csv; charset=utf-8; header=present"},
			{seriesPath, "text/csv, application/json", "application/json"},
			{seriesPath, "text/csv, */*", "text/csv; charset=utf-8; header=present"},
			{seriesPath, "application/json;q=0, */*;q=0.1", "application/x-ndjson"},
			{seriesPath, "application/vnd.apache.arrow.stream", "application/vnd.apache.arrow.stream"},
			{seriesPath + ".ndjson", "text/html", "application/x-ndjson"},
			{seriesPath + ".csv", "application/json", "text/csv; charset=utf-8; header=present"},
			{seriesPath + ".arrow", "*/*", "application/vnd.apache.arrow.stream"},
			{seriesPath + ".json", "text/csv", "application/json"},
		} {
			got := ask(test.path, test.accept, "3").Want(http.StatusOK)
			if got.Header.Get("Content-Type") != test.want || got.Header.Get("Cache-Control") != "no-store" ||
				slices.Contains(got.Header.Values("Vary"), "Accept") != (test.path == seriesPath) {
				t.Errorf("%s %s: %v, want %s", test.path, test.accept, got.Header, test.want)
			}
			if told := got.Header.Get("X-Data-Api-Row-Count") + got.Header.Get("X-Data-Api-Truncated") + got.Header.Get("X-Data-Api-Max-Rows"); told != "3false10000" && test.want != "application/json" {
				t.Errorf("%s %s: the header tells %q", test.path, test.accept, told)
			}
		}
		refused := ask(seriesPath, "image/png", "3").Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
		for _, there := range []string{"application/json (.json)", "application/x-ndjson (.ndjson)", "text/csv (.csv)", "application/vnd.apache.arrow.stream (.arrow)"} {
			if !strings.Contains(string(refused.Body), there) {
				t.Errorf("406 does not list %s: %s", there, refused.Body)
			}
		}
		ask(seriesPath+".xls", "*/*", "3").Problem(http.StatusNotFound, "NOT_FOUND")
		streamed, err := file.NewParquetReader(bytes.NewReader(ask(seriesPath+".parquet", "*/*", "3").Want(http.StatusOK).Body))
		if err != nil || streamed.NumRows() != 3 {
			t.Errorf("Parquet: %+v, %v", streamed, err)
		}
		ask(seriesPath+"?rows_as=columns", "*/*", "3").Problem(http.StatusBadRequest, "INVALID_REQUEST")
		ask(seriesPath+".csv?rows_as=arrays", "*/*", "3").Problem(http.StatusBadRequest, "INVALID_REQUEST")
		ask(seriesPath+"?csv_formulas=escape", "*/*", "3").Problem(http.StatusBadRequest, "INVALID_REQUEST")
		ask(seriesPath+"?format=csv", "*/*", "3").Problem(http.StatusBadRequest, "INVALID_REQUEST")

		var arrays struct {
			Rows      [][]any
			Truncated bool
			MaxRows   int `json:"max_rows"`
		}
		ask(seriesPath+"?rows_as=arrays", "*/*", "2").Decode(&arrays)
		if len(arrays.Rows) != 2 || len(arrays.Rows[1]) != 2 || arrays.Rows[1][0] != 2.0 || arrays.MaxRows != 10000 {
			t.Errorf("arrays: %+v", arrays)
		}
		if file := ask(seriesPath+".csv", "*/*", "1").Header.Get("Content-Disposition"); file != `attachment; filename="capped.csv"` {
			t.Errorf("Content-Disposition: %s", file)
		}

		// More than a buffer: how it ended is known only then. 10,001 rows are one more than there may be.
		for rows, truncated := range map[string]string{"9999": "false", "10001": "true"} {
			for _, format := range []string{"csv", "ndjson", "arrow"} {
				got := ask(seriesPath+"."+format, "*/*", rows).Want(http.StatusOK)
				count := min(10000, len(rows)*10000)
				if rows == "9999" {
					count = 9999
				}
				if got.Header.Get("X-Data-Api-Truncated") != "" || got.Header.Get("X-Data-Api-Max-Rows") != "10000" ||
					got.Trailer.Get("X-Data-Api-Truncated") != truncated || got.Trailer.Get("X-Data-Api-Row-Count") != strconv.Itoa(count) {
					t.Errorf("%s of %s rows: header %v, trailer %v", format, rows, got.Header, got.Trailer)
				}
			}
		}
		few := s.Send(http.MethodPost, "/api/v1/data-api/default/few/execute.csv", token, `{}`).Want(http.StatusOK)
		if string(few.Body) != "regiao\r\nNorte\r\nSul\r\n" || few.Header.Get("X-Data-Api-Truncated") != "true" {
			t.Errorf("a truncated result: %q, %v", few.Body, few.Header)
		}
	})
}

// TestFormatsOfAJob: a job that was asked for without a word of formats can be had in each of them.
func TestFormatsOfAJob(t *testing.T) {
	t.Parallel()
	onEveryEngine(t, func(t *testing.T, e engine) {
		s := controlServer(t, e)
		token := s.Login("acme", "integration").Access
		accepted := s.Send(http.MethodPost, "/api/v1/data-api/default/series-job/execute", token, `{"parameter_values":{"rows":12345}}`, "Accept", "text/csv")
		job := accepted.Want(http.StatusAccepted).Job()
		ended := s.Await(job, token)
		var kept struct{ Rows []json.RawMessage }
		if err := json.Unmarshal(ended.Result, &kept); err != nil {
			t.Fatal(err)
		}
		csvBody := s.Get(job+"/result.csv", token).Want(http.StatusOK)
		id := job[strings.LastIndexByte(job, '/')+1:]
		if lines(csvBody.Body) != 12346 || csvBody.Header.Get("X-Data-Api-Row-Count") != "12345" || csvBody.Header.Get("X-Data-Api-Truncated") != "false" ||
			csvBody.Header.Get("Content-Disposition") != `attachment; filename="series-job-`+id+`.csv"` || csvBody.Header.Get("Accept-Ranges") != "bytes" ||
			csvBody.Header.Get("Content-Length") != strconv.Itoa(len(csvBody.Body)) {
			t.Errorf("CSV has %d lines: %v", lines(csvBody.Body), csvBody.Header)
		}
		again := s.Send(http.MethodGet, job+"/result.csv", token, "", "If-None-Match", `"x", W/`+csvBody.Header.Get("ETag"))
		if again.Status != http.StatusNotModified || len(again.Body) > 0 {
			t.Errorf("If-None-Match: %d", again.Status)
		}
		if json := s.Get(job+"/result.json", token); json.Header.Get("ETag") == csvBody.Header.Get("ETag") || !bytes.Equal(json.Body, ended.Result) {
			t.Errorf("JSON: %v", json.Header)
		}
		ndjson := s.Send(http.MethodGet, job+"/result", token, "", "Accept", "application/x-ndjson").Want(http.StatusOK)
		if want := append(bytes.Join(rawRows(kept.Rows), []byte("\n")), '\n'); !bytes.Equal(ndjson.Body, want) {
			t.Errorf("NDJSON of %d bytes differs from the JSON's rows of %d", len(ndjson.Body), len(want))
		}
		reader, err := ipc.NewReader(bytes.NewReader(s.Get(job+"/result.arrow", token).Want(http.StatusOK).Body))
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Release()
		rows := int64(0)
		for reader.Next() {
			rows += reader.RecordBatch().NumRows()
		}
		parquet, err := file.NewParquetReader(bytes.NewReader(s.Get(job+"/result.parquet", token).Want(http.StatusOK).Body))
		if err != nil {
			t.Fatal(err)
		}
		if rows != 12345 || parquet.NumRows() != 12345 || reader.Err() != nil {
			t.Errorf("Arrow has %d rows, Parquet %d: %v", rows, parquet.NumRows(), reader.Err())
		}
		if head := s.Send(http.MethodHead, job+"/result.parquet", token, ""); head.Status != http.StatusOK || head.Header.Get("Content-Type") != "application/vnd.apache.parquet" {
			t.Errorf("HEAD: %d %v", head.Status, head.Header)
		}
		var arrays struct{ Rows [][]any }
		s.Get(job+"/result?rows_as=arrays", token).Want(http.StatusOK).Decode(&arrays)
		if len(arrays.Rows) != 12345 || len(arrays.Rows[0]) != 2 {
			t.Errorf("%d arrays", len(arrays.Rows))
		}
		s.Get(job+"/result.csv?limit=10", token).Problem(http.StatusBadRequest, "INVALID_REQUEST")
		s.Get(job+"/result.csv", s.Login("globex", "reader").Access).Problem(http.StatusNotFound, "JOB_NOT_FOUND")

		// A caller who waits for a job gets the format that it has asked for.
		waited := s.Send(http.MethodPost, "/api/v1/data-api/default/quick/execute.csv", token, `{}`, "Prefer", "wait=20").Want(http.StatusOK)
		keyed := s.Send(http.MethodPost, "/api/v1/data-api/default/few/execute.csv", token, `{}`, "Idempotency-Key", "formats").Want(http.StatusOK)
		replayed := s.Send(http.MethodPost, "/api/v1/data-api/default/few/execute", token, `{}`, "Idempotency-Key", "formats").Want(http.StatusOK)
		if !strings.HasPrefix(string(waited.Body), "regiao,total\r\nNorte,7.50\r\n") || string(keyed.Body) != "regiao\r\nNorte\r\nSul\r\n" ||
			replayed.Header.Get("Idempotent-Replayed") != "true" || !strings.HasPrefix(string(replayed.Body), `{"columns":`) {
			t.Errorf("waited %q, with a key %q, replayed %q", waited.Body, keyed.Body, replayed.Body)
		}
	})
}

func rawRows(rows []json.RawMessage) [][]byte {
	raw := make([][]byte, len(rows))
	for i := range rows {
		raw[i] = rows[i]
	}
	return raw
}

// allTypes has a column of every type, and rows that a careless encoder gets wrong.
//
//nolint:dupword // a row of NULL
const allTypes = `
CREATE TYPE mood AS ENUM ('calm', 'a "loud", one');
CREATE TABLE kinds (id int PRIMARY KEY, small smallint, big bigint, single real, double double precision, price numeric(20,4), free numeric, yes boolean,
	word text, short varchar(9), fixed char(4), day date, clock time, moment timestamp, zoned timestamptz, ident uuid, raw bytea, doc jsonb, plain json,
	span interval, feeling mood, numbers int[], words text[]);
INSERT INTO kinds VALUES
	(1, -32768, 9223372036854775807, 0.1, 1e-300, 1234567890123456.7890, 0.000000000000000000000000000001, true, E'a,"b"\r\nc', '', 'x', '2026-04-11', '23:59:59.999999',
	 '2026-01-01 00:00:00.000001', '2026-01-01 00:00:00+03', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\x00ff', '{"a": [1.50, null]}', '{"a":  "x"}', '1 day 02:00', 'a "loud", one', '{1,NULL,-3}', '{"a,b","\"",NULL}'),
	(2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
	(3, 7, -1, 'NaN', '-Infinity', -0.0001, 'NaN', false, '', ' é ', '', '0044-03-15 BC', '00:00', '1969-12-31 23:59:59.5', '99999-12-31 23:59:59+00', '00000000-0000-0000-0000-000000000000', '', 'null', '"x"', '-00:00:01.5', 'calm', '{}', '{}'),
	(4, 0, 0, 0, 0, 0, 0, false, '\.', '=1+1', 'ab', 'infinity', '12:00', '-infinity', 'infinity', '00000000-0000-0000-0000-000000000001', '\x5c2e', '[]', '[]', '0', 'calm', '{2147483647}', '{=1}')`

// TestCSVIsReadByPostgresItself: COPY FROM makes the same rows of it, NULL and the empty text told apart.
func TestCSVIsReadByPostgresItself(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(allTypes)
	// What Postgres writes as an array, JSON has in brackets: it is compared as jsonb.
	db.Exec("CREATE TABLE copied AS SELECT * FROM kinds LIMIT 0; ALTER TABLE copied ALTER numbers TYPE jsonb USING NULL, ALTER words TYPE jsonb USING NULL")
	s := newServer(t, servertest.Config{
		Database: servertest.PostgresOf(db),
		Files: map[string]string{
			"acme/default/kinds.sql":     "/*---\nsource: main\n---*/\nSELECT * FROM kinds ORDER BY id",
			"acme/default/kinds-job.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT * FROM kinds ORDER BY id",
		},
	})
	token := s.Login("acme", "integration").Access
	job := s.Send(http.MethodPost, "/api/v1/data-api/default/kinds-job/execute", token, `{}`).Want(http.StatusAccepted).Job()
	s.Await(job, token)
	streamed := s.Send(http.MethodPost, "/api/v1/data-api/default/kinds/execute.csv", token, `{}`).Want(http.StatusOK)
	kept := s.Get(job+"/result.csv", token).Want(http.StatusOK)

	admin, err := pgconn.Connect(t.Context(), db.AdminDSN)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close(t.Context())
	for name, body := range map[string][]byte{"streamed": streamed.Body, "kept": kept.Body} {
		db.Exec("TRUNCATE copied")
		if _, err := admin.CopyFrom(t.Context(), bytes.NewReader(body), "COPY copied FROM STDIN (FORMAT csv, HEADER match)"); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, body)
		}
		// The kept result has no JSON null beside NULL.
		null := "k.doc::text"
		if name == "kept" {
			null = "NULLIF(k.doc::text, 'null')"
		}
		const columns = "small, big, single, double, price, price::text, free::text, yes, word, short, fixed, day, clock, moment, zoned, ident, raw, plain::text, span::text, feeling::text"
		of := func(alias string) string { return alias + "." + strings.ReplaceAll(columns, ", ", ", "+alias+".") }
		answer := admin.ExecParams(t.Context(), "SELECT count(*) FROM kinds AS k JOIN copied AS c USING (id) WHERE ("+of("k")+", to_jsonb(k.numbers), to_jsonb(k.words), "+null+
			") IS NOT DISTINCT FROM ("+of("c")+", c.numbers, c.words, c.doc::text)", nil, nil, nil, nil).Read()
		if answer.Err != nil || string(answer.Rows[0][0]) != "4" {
			t.Errorf("%s: %v of 4 rows are the same: %v\n%s", name, answer.Rows, answer.Err, body)
		}
	}
	if !bytes.Equal(bytes.Replace(streamed.Body, []byte(`,\x,null,`), []byte(`,\x,,`), 1), kept.Body) {
		t.Errorf("streamed %s\nkept %s", streamed.Body, kept.Body)
	}

	// NDJSON has the rows of the JSON, byte for byte.
	var document struct{ Rows []json.RawMessage }
	s.Execute("kinds", token, `{}`).Want(http.StatusOK).Decode(&document)
	ndjson := s.Send(http.MethodPost, "/api/v1/data-api/default/kinds/execute.ndjson", token, `{}`).Want(http.StatusOK)
	if want := append(bytes.Join(rawRows(document.Rows), []byte("\n")), '\n'); !bytes.Equal(ndjson.Body, want) {
		t.Errorf("NDJSON is %s\nthe JSON has %s", ndjson.Body, want)
	}
	for decoder, n := json.NewDecoder(bytes.NewReader(ndjson.Body)), 1; n <= 4; n++ {
		var row map[string]any
		if err := decoder.Decode(&row); err != nil || row["id"] != float64(n) {
			t.Errorf("line %d: %v %v", n, row["id"], err)
		}
	}

	// A guarded text no longer begins as a formula does.
	guarded := s.Send(http.MethodPost, "/api/v1/data-api/default/kinds/execute.csv?csv_formulas=escape", token, `{}`).Want(http.StatusOK)
	records, err := csv.NewReader(bytes.NewReader(guarded.Body)).ReadAll()
	if err != nil || records[4][9] != "'=1+1" || records[1][1] != "-32768" {
		t.Errorf("%v: %q", err, guarded.Body)
	}

	// Arrow: the same from the database and from what was kept.
	direct := s.Send(http.MethodPost, "/api/v1/data-api/default/kinds/execute.arrow", token, `{}`).Want(http.StatusOK)
	stored := s.Get(job+"/result.arrow", token).Want(http.StatusOK)
	left, right := arrowRows(t, direct.Body), arrowRows(t, stored.Body)
	left[2][17] = right[2][17] // a JSON null, which is kept as NULL
	if len(left) != 4 || !slices.EqualFunc(left, right, slices.Equal) {
		t.Errorf("from the database %v\nfrom the store %v", left, right)
	}
	if left[0][5] != "decimal(20, 4) 1234567890123456.789" || left[2][6] != "utf8 NaN" || left[0][2] != "int64 9223372036854775807" {
		t.Errorf("row 1: %v", left[0])
	}
}

func arrowRows(t *testing.T, body []byte) (rows [][]string) {
	t.Helper()
	reader, err := ipc.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Release()
	for reader.Next() {
		record := reader.RecordBatch()
		for row := range int(record.NumRows()) {
			var cells []string
			for _, column := range record.Columns() {
				cells = append(cells, column.DataType().String()+" "+column.ValueStr(row))
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

// TestAFaultInTheMidstBreaksTheConnection: no format lets a part of a result pass for all of it. A value that Arrow has no
// place for is a plain refusal while nothing has been sent.
func TestAFaultInTheMidstBreaksTheConnection(t *testing.T) {
	t.Parallel()
	e := engines[1]
	catalog := files(e)
	catalog["acme/default/late.sql"] = "/*---\nsource: main\n---*/\nSELECT n, repeat(md5(n::text), 8) AS noise, 1 / (9000 - n) AS fault FROM generate_series(1, 9500) AS n"
	catalog["acme/default/early.sql"] = "/*---\nsource: main\n---*/\nSELECT TIME '24:00' AS midnight"
	s := newServer(t, servertest.Config{Database: e.Source(t, t.TempDir(), sales), Files: catalog})
	token := s.Login("acme", "integration").Access
	for _, format := range []string{"json", "ndjson", "csv", "arrow"} {
		got, err := s.TrySend(t.Context(), http.MethodPost, "/api/v1/data-api/default/late/execute."+format, token, `{}`)
		if err == nil {
			t.Errorf("%s: %d with %d bytes, and no error", format, got.Status, len(got.Body))
		}
	}
	refused := s.Send(http.MethodPost, "/api/v1/data-api/default/early/execute.arrow", token, `{}`).Problem(http.StatusNotAcceptable, "NOT_ACCEPTABLE")
	if !strings.Contains(string(refused.Body), "midnight") || refused.Header.Get("Trailer")+refused.Header.Get("Content-Disposition") != "" {
		t.Errorf("%s %v", refused.Body, refused.Header)
	}
	s.Send(http.MethodPost, "/api/v1/data-api/default/early/execute.csv", token, `{}`).Want(http.StatusOK)
}

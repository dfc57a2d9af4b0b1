//go:build npm

// These tests need Node.js, npm and its registry, Python and LibreOffice. They are run by `make interop`, fail where something is
// missing, and say what.

package e2e

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// oddValues are rows of what readers take for something else: accents and separators in texts, digits that no double holds, decimals, dates.
const oddValues = `params: { rows: { type: integer, default: 1000 } }
limits: { timeout: 60s, max_rows: 100000 }
---*/
SELECT n + 9007199254740992 AS big, (n * 0.01 + 1234.50)::numeric(12, 2) AS total, 'São João; "Água", ação ' || n AS cidade,
	date '2026-01-01' + (n % 365)::int AS dia, n % 2 = 0 AS par, CASE WHEN n % 5 <> 0 THEN n * 0.5::float8 END AS razao,
	timestamptz '2026-04-11 10:30:00+00' + n * interval '1 second' AS instante
FROM generate_series(1, @rows) AS n ORDER BY n
`

// readerServer serves them, as a result and as a job, whose result's path it returns.
func readerServer(t *testing.T) (s *server, token, result string) {
	t.Helper()
	s = newServer(t, serverConfig{
		sources: engines[1].Source(t, t.TempDir(), sales).Directive(),
		files:   map[string]string{"acme/default/valores.sql": "/*---\nsource: main\n" + oddValues, "acme/default/lote.sql": "/*---\nsource: main\nmode: async\n" + oddValues},
	})
	token = s.Login("acme", "integration").Access
	job := s.Execute("lote", token, `{"rows": 50000}`).Want(http.StatusAccepted).Job()
	if ended := s.Await(job, token); ended.Status != "completed" {
		t.Fatalf("the job ended as %+v", ended)
	}
	return s, token, job + "/result"
}

const syncPath = "/api/v1/data-api/default/valores/execute"

func TestReadersInJavaScript(t *testing.T) {
	s, token, result := readerServer(t)
	var seen struct {
		HyParquet struct {
			Rows    []map[string]any
			Count   int
			Length  int64
			Answers []struct {
				Method string
				Status int
				Bytes  int64
			}
		}
		DuckDB struct {
			Types       map[string]string
			First, Sums map[string]any
		}
		Arrow struct {
			Count int
			Types map[string]string
			First map[string]any
		}
		ExcelJS struct {
			Count        int
			Names, First []any
		}
	}
	printed := installNode(t, "readers").run("node", "read.mjs", strings.TrimSuffix(s.URL(""), "/"), token, syncPath, result)
	mustDecode(t, printed, &seen)
	expect := func(what string, got any, want string) {
		t.Helper()
		if text := fmt.Sprint(got); text != want {
			t.Errorf("%s: got\n%s\nwant\n%s", what, text, want)
		}
	}

	const cidade = `São João; "Água", ação 1`
	expect("hyparquet", seen.HyParquet.Rows, `[map[big:9007199254740993n cidade:`+cidade+` total:1234.51] map[big:9007199254740994n cidade:São João; "Água", ação 2 total:1234.52]]`)
	expect("hyparquet counts", seen.HyParquet.Count, "50000")
	var whole int
	for _, answer := range seen.HyParquet.Answers {
		if answer.Method == http.MethodGet && answer.Status != http.StatusPartialContent {
			whole++
		}
	}
	if answers := seen.HyParquet.Answers; len(answers) < 3 || whole > 0 || answers[0].Method != http.MethodHead {
		t.Errorf("hyparquet has not read by range: %+v", answers)
	}

	expect("DuckDB's types", seen.DuckDB.Types,
		`map[big:BIGINT cidade:VARCHAR dia:DATE instante:TIMESTAMP WITH TIME ZONE par:BOOLEAN razao:DOUBLE total:DECIMAL(12,2)]`)
	expect("DuckDB's row", seen.DuckDB.First,
		`map[big:9007199254740993 cidade:`+cidade+` dia:2026-01-02 instante:1775903401000000 par:false razao:0.5 total:1234.51]`)
	expect("DuckDB's sums", seen.DuckDB.Sums, `map[big:9007199254790992 n:50000 razao:40000 total:74225250.00]`)

	expect("Arrow counts", seen.Arrow.Count, "1000")
	expect("Arrow's row", seen.Arrow.First, `map[big:9007199254740993n cidade:`+cidade+` dia:2026-01-02T00:00:00.000Z par:false]`)
	expect("Arrow's types", seen.Arrow.Types,
		`map[big:Int64 cidade:Utf8 dia:Date32<DAY> instante:Timestamp<MICROSECOND, UTC> par:Bool razao:Float64 total:Decimal[12e+2]]`)

	expect("exceljs counts", seen.ExcelJS.Count, "1001")
	expect("exceljs' names", seen.ExcelJS.Names, "[big total cidade dia par razao instante]")
	expect("exceljs' row", seen.ExcelJS.First, `[9007199254740993 1234.51 `+cidade+` 2026-01-02T00:00:00.000Z false 0.5 2026-04-11T10:30:01.000Z]`)
	if _, text := seen.ExcelJS.First[0].(string); !text {
		t.Errorf("a number that no double holds is %T in the workbook", seen.ExcelJS.First[0])
	}
}

// Python's own libraries read a URL, of a result and of a job.
func TestReadersInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Fatalf("this test needs python3: %v", err)
	}
	s, token, result := readerServer(t)
	for path, count := range map[string]int{syncPath + ".csv?rows=1000": 1000, result + ".csv": 50_000} {
		out, err := exec.CommandContext(t.Context(), python, "testdata/readers/read.py", s.URL(path), token).Output()
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var seen struct {
			Kind, Total  string
			Count, Empty int
			First        map[string]string
		}
		mustDecode(t, string(out), &seen)
		first := map[string]string{
			"big": "9007199254740993", "total": "1234.51", "cidade": `São João; "Água", ação 1`, "dia": "2026-01-02", "par": "false", "razao": "0.5",
			"instante": "2026-04-11T10:30:01+00:00",
		}
		total := int64(count)*123450 + int64(count)*int64(count+1)/2
		if seen.Kind != "text/csv" || seen.Count != count || seen.Empty != count/5 || fmt.Sprint(seen.First) != fmt.Sprint(first) ||
			seen.Total != fmt.Sprintf("%d.%02d", total/100, total%100) {
			t.Errorf("%s: %+v", path, seen)
		}
	}
}

// calc converts a file with LibreOffice, as Calc opens it, to a CSV with points in decimals, and returns its rows.
func calc(t *testing.T, dir, name, filter string) [][]string {
	t.Helper()
	office, err := exec.LookPath("soffice")
	if err != nil {
		t.Fatalf("this test needs LibreOffice Calc: install libreoffice-calc, as `make interop` does where it may: %v", err)
	}
	// Separator, quotation mark, UTF-8, from the first line, no formats of columns, English, no needless quotation marks, and values as
	// they are in the cells, not as they are shown.
	const output = `csv:Text - txt - csv (StarCalc):44,34,76,1,,1033,false,false,false`
	args := []string{"-env:UserInstallation=file://" + filepath.Join(dir, "profile"), "--headless", "--convert-to", output, "--outdir", filepath.Join(dir, "out")}
	if filter != "" {
		args = append(args, "--infilter="+filter)
	}
	out, err := exec.CommandContext(t.Context(), office, append(args, filepath.Join(dir, name))...).CombinedOutput()
	if err != nil {
		t.Fatalf("LibreOffice: %v\n%s", err, out)
	}
	text, err := os.ReadFile(filepath.Join(dir, "out", strings.TrimSuffix(name, filepath.Ext(name))+".csv"))
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v\n%s", err, text[:min(len(text), 1000)])
	}
	return rows
}

// Calc opens the workbook, and the CSV for spreadsheets of countries with decimal commas, and takes numbers for numbers and dates for dates.
func TestReadersInLibreOffice(t *testing.T) {
	s, token, _ := readerServer(t)
	dir := t.TempDir()
	fetch := func(name, path string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), s.Get(path, token).Want(http.StatusOK).Body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	names := []string{"big", "total", "cidade", "dia", "par", "razao", "instante"}
	fetch("planilha.xlsx", syncPath+".xlsx?rows=1000")
	rows := calc(t, dir, "planilha.xlsx", "")
	want := []string{"9007199254740993", "1234.51", `São João; "Água", ação 1`, "2026-01-02", "FALSE", "0.5", "2026-04-11 10:30:01"}
	if len(rows) != 1001 || !slices.Equal(rows[0], names) || !slices.Equal(rows[1], want) {
		t.Errorf("%d rows of the workbook:\n%q\nwant\n%q", len(rows), rows[:2], want)
	}

	fetch("brasil.csv", syncPath+".csv?rows=1000&csv_for=excel&csv_locale=pt-BR")
	// Semicolons, UTF-8, Brazilian Portuguese, and numbers and dates are looked for. A comma that becomes a point was a number's.
	rows = calc(t, dir, "brasil.csv", "Text - txt - csv (StarCalc):59,34,76,1,,1046,false,true")
	want = []string{"9.00719925474099E+015", "1234.51", `São João; "Água", ação 1`, "2026-01-02", "false", "0.5"}
	if len(rows) != 1001 || !slices.Equal(rows[0], names) || !slices.Equal(rows[1][:6], want) {
		t.Errorf("%d rows of the CSV:\n%q\nwant\n%q", len(rows), rows[:2], want)
	}
}

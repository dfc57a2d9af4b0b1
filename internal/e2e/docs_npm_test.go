//go:build npm

package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

type shownResult struct {
	Facts string
	Rows  [][]string
}

type downloaded struct{ Name, Text string }

// docsReport is what web/test/docs.mjs has seen.
type docsReport struct {
	seenPage
	InlineScriptRan, InlineStyleHeld, Copied, ScriptsOfCells bool
	WrongSecret, AfterArrow, Refused, RefusedField           string
	Endpoints                                                []string
	Sync, Async                                              shownResult
	Bars, MarkdownScripts                                    int
	Programs                                                 map[string]string
	Title, Description                                       string
	Digits                                                   struct {
		Rows          [][]string
		Copied, Shown string
		JSON, CSV     downloaded
	}
	Stored struct {
		Local   []string
		Session int
		Cookies string
	}
	AfterSignOut struct{ Views int }
}

// exact has values that no double holds, in a number, in JSON, and beside markup that has to stay text.
const exact = `/*---
title: <b>Exact</b> digits
description: "**Bold**, and <script>window.cellScript = true</script> is text. [A link](javascript:alert(1))"
source: demo
columns:
  big: { type: bigint }
  price: { type: decimal, scale: 2 }
  long: { type: decimal }
  doc: { type: json }
---*/
SELECT 9007199254740993 AS big, '1.20' AS price, '12345678901234567890123456789012345678' AS long,
  '{"n": 9007199254740993, "p": [1.20, 12345678901234567890123456789012345678]}' AS doc, '<img src=x onerror="window.cellScript = true">' AS html
`

// A real browser signs in, runs both endpoints of the guide and sees their rows, digit by digit; nothing leaves the origin, no token is
// kept where a script could read it, and axe-core has nothing to say of the page, in light and dark.
func TestDocumentationPageInChromium(t *testing.T) {
	program := chromium(t)
	s := demoServer(t)
	// A catalog of the test's own: the one of the examples is only linked.
	if err := os.Remove(s.Dir + "/catalog"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(s.Dir+"/catalog", os.DirFS("../../examples/catalog")); err != nil {
		t.Fatal(err)
	}
	s.WriteCatalog("acme/default/exact.sql", exact)
	// Tokens that last no longer than a look at the page: it has to renew them.
	text, err := os.ReadFile(s.caddyfile)
	if err != nil {
		t.Fatal(err)
	}
	short := strings.Replace(string(text), "\tdata_api {\n", "\tdata_api {\n\t\ttokens {\n\t\t\taccess_ttl 7s\n\t\t}\n", 1)
	if err := os.WriteFile(s.caddyfile, []byte(short), 0o600); err != nil || short == string(text) {
		t.Fatalf("%v in %s", err, text)
	}
	if err := s.reload(); err != nil {
		t.Fatal(err)
	}
	key := s.CreateKey("acme", "integration")
	origin := strings.TrimSuffix(s.URL(""), "/")
	var seen docsReport
	drive(t, &seen, "docs.mjs", program, origin, "acme", key.Key, key.Secret, "default/exact")

	seen.check(t)
	if len(seen.Requests) < 10 || !slices.Contains(seen.Requests, "POST /api/v1/auth/session/refresh") {
		t.Errorf("no session was renewed: %q", seen.Requests)
	}
	if seen.InlineScriptRan || !seen.InlineStyleHeld || seen.ScriptsOfCells || seen.MarkdownScripts != 0 {
		t.Errorf("an inline script ran: %v, of a cell: %v; an inline style was held off: %v; scripts and images of Markdown: %d",
			seen.InlineScriptRan, seen.ScriptsOfCells, seen.InlineStyleHeld, seen.MarkdownScripts)
	}
	if !strings.Contains(seen.WrongSecret, "The credentials are missing or invalid") {
		t.Errorf("a wrong secret: %q", seen.WrongSecret)
	}
	if len(seen.Endpoints) != 7 {
		t.Errorf("listed are %q", seen.Endpoints)
	}
	if len(seen.Sync.Rows) != 1 || !slices.Equal(seen.Sync.Rows[0], []string{"Sul", "150000.00"}) || !strings.HasPrefix(seen.Sync.Facts, "1 row") || seen.Bars != 1 {
		t.Errorf("the sync endpoint: %+v, %d bars", seen.Sync, seen.Bars)
	}
	if len(seen.Async.Rows) != 5 || !slices.Equal(seen.Async.Rows[4][:4], []string{"Sul", "1300", "684", "52560.59"}) {
		t.Errorf("the async endpoint: %+v", seen.Async)
	}
	if !strings.Contains(seen.Refused, "INVALID_PARAMETER") || seen.RefusedField != "is required" {
		t.Errorf("a refusal: %q, %q", seen.Refused, seen.RefusedField)
	}
	if len(seen.Programs) != 8 || !seen.Copied || seen.AfterArrow != "curl" {
		t.Errorf("%d programs, copied %v, after an arrow %q", len(seen.Programs), seen.Copied, seen.AfterArrow)
	}
	seen.checkDigits(t)
	for _, kept := range seen.Stored.Local {
		if strings.Contains(kept, "eyJ") || strings.Contains(kept, key.Secret) || strings.Contains(kept, key.Key) {
			t.Errorf("local storage has %s", kept)
		}
	}
	if seen.Stored.Session != 0 || seen.Stored.Cookies != "" || seen.AfterSignOut.Views != 0 {
		t.Errorf("a script sees %+v; after signing out: %+v", seen.Stored, seen.AfterSignOut)
	}
	calls := newSnippets(t, s, installNode(t, "browser"))
	printed := calls.print(snippetCall{endpoint: "default/vendas-por-regiao", values: `{"data_inicio": "2026-01-01", "regiao": "Sul"}`},
		"acme", s.Exchange("acme", key).Access)
	for language, text := range seen.Programs {
		if strings.TrimSpace(text) != strings.TrimSpace(printed[language]) {
			t.Errorf("%s: the page shows\n%s\nand not\n%s", language, text, printed[language])
		}
	}
}

// checkDigits holds that every digit is shown, copied and downloaded.
func (r docsReport) checkDigits(t *testing.T) {
	t.Helper()
	const long = "12345678901234567890123456789012345678"
	doc := `{"n": 9007199254740993, "p": [1.20, ` + long + `]}`
	if len(r.Digits.Rows) != 1 || !slices.Equal(r.Digits.Rows[0][:4], []string{"9007199254740993", "1.20", long, doc}) {
		t.Errorf("shown are %q", r.Digits.Rows)
	}
	if r.Title != "<b>Exact</b> digits" || !strings.Contains(r.Description, "<script>") {
		t.Errorf("markup did not stay text: %q, %q", r.Title, r.Description)
	}
	if !strings.Contains(r.Digits.Copied, "\n9007199254740993\t1.20\t"+long+"\t") {
		t.Errorf("copied is %q", r.Digits.Copied)
	}
	if !strings.Contains(r.Digits.Shown, "9007199254740993") || !strings.Contains(r.Digits.Shown, "1.20") || !strings.Contains(r.Digits.Shown, long) {
		t.Errorf("as JSON: %s", r.Digits.Shown)
	}
	var row struct {
		Rows []struct {
			Big, Price, Long json.RawMessage
			Doc              json.RawMessage
		}
	}
	mustDecode(t, r.Digits.JSON.Text, &row)
	if string(row.Rows[0].Big) != "9007199254740993" || string(row.Rows[0].Price) != "1.20" || string(row.Rows[0].Long) != long {
		t.Errorf("downloaded as JSON: %s", r.Digits.JSON.Text)
	}
	if !strings.Contains(r.Digits.CSV.Text, "\r\n9007199254740993,1.20,"+long+",") || r.Digits.CSV.Name != "exact.csv" {
		t.Errorf("downloaded as CSV: %+v", r.Digits.CSV)
	}
}

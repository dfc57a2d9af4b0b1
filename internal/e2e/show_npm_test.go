//go:build npm

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// keyboardReport is what web/test/keyboard.mjs has seen.
type keyboardReport struct {
	seenPage
	Unseen []string // where the focus was, and could not be seen
	Stops  map[string]struct {
		Controls int
		Left     []string // what Tab does not reach
	}
	Returned struct {
		Cell, Activate, Key, Menu, Job, Link, Links string
		Save                                        bool
	}
	Skip, Skipped, Found, Cell, AfterGrid, LeftEditor, MenuItem, FirstOfConfirm string
	FirstOfRevoke, Link                                                         string
	Sorted                                                                      [][]string
	TabInEditor, Out                                                            bool
	Made                                                                        int
}

// Everything can be done without a mouse: in, to an endpoint, run and sort; written, saved, activated; a link, a key, a job's end; and out. The
// focus can be seen wherever it is, comes back from dialogs, and is caught nowhere.
func TestKeyboardInChromium(t *testing.T) {
	var seen keyboardReport
	site := newConsoleSite(t)
	key := site.CreateKey("acme", "ana")
	site.converse(t, &seen, "keyboard.mjs", "acme", key.Key, key.Secret, "numbers")

	seen.check(t)
	if len(seen.Unseen) > 0 {
		t.Errorf("the focus cannot be seen at %q", seen.Unseen)
	}
	for view, stops := range seen.Stops {
		if stops.Controls < 5 || len(stops.Left) > 0 {
			t.Errorf("%s: of %d controls Tab does not reach %q", view, stops.Controls, stops.Left)
		}
	}
	if !strings.Contains(seen.Skip, "Skip") || !strings.HasPrefix(seen.Skipped, "main#main") || seen.Found != "/console/endpoints/default/quick" {
		t.Errorf("%q led to %q; found %s", seen.Skip, seen.Skipped, seen.Found)
	}
	if len(seen.Sorted) != 3 || seen.Sorted[0][0] != "3" || seen.Cell != "3" || seen.AfterGrid == "" {
		t.Errorf("sorted %q, the cell %q, then %q", seen.Sorted, seen.Cell, seen.AfterGrid)
	}
	if !seen.TabInEditor || seen.LeftEditor == "" || !seen.Returned.Save || seen.Made != 2 || !seen.Out {
		t.Errorf("Tab in the editor: %v, left to %q; after the dialog: %v; %d values of a key; out: %v", seen.TabInEditor, seen.LeftEditor, seen.Returned.Save, seen.Made, seen.Out)
	}
	if r := seen.Returned; !strings.Contains(r.Cell, "Rows") || r.Activate == "" || !strings.Contains(r.Key, "New key") || r.Menu != "menu" || r.Job == "" {
		t.Errorf("the focus came back to %+v", r)
	}
	if !strings.Contains(seen.Link, "/default/by-keyboard/execute.csv?link=") || !strings.Contains(seen.Returned.Link, "New link") ||
		!strings.Contains(seen.FirstOfRevoke, "Cancel") || seen.Returned.Links == "" {
		t.Errorf("a link is %q; the focus came back to %q, then to %q in the dialog that asks, and then to %q",
			seen.Link, seen.Returned.Link, seen.FirstOfRevoke, seen.Returned.Links)
	}
	if !strings.Contains(seen.MenuItem, "Revoke") || !strings.Contains(seen.FirstOfConfirm, "Cancel") || strings.Contains(seen.FirstOfConfirm, "job") {
		t.Errorf("in a menu %q, in a dialog that asks %q", seen.MenuItem, seen.FirstOfConfirm)
	}
}

type layoutShift struct {
	Value float64
	What  []string
}

// weightReport is what web/test/weight.mjs has measured.
type weightReport struct {
	Console, Control []float64 // milliseconds
	Scripts          []struct {
		Name  string
		Bytes int
	}
	Shifts []layoutShift
	Views  map[string][]layoutShift
}

// Before one can sign in, 150 KB of scripts are loaded at most, on the wire; nothing moves once it is there, on this page and on the views;
// and one can work within a second, or, on a machine that is busy, within some times of what a page without scripts takes.
func TestWeightInChromium(t *testing.T) {
	site := newConsoleSite(t)
	site.WriteCatalog("acme/default/names.sql", "/*---\nsource: main\n---*/\nSELECT name FROM numbers\n")
	if err := site.reload(); err != nil {
		t.Fatal(err)
	}
	key := site.CreateKey("acme", "ana")
	var seen weightReport
	drive(t, &seen, "weight.mjs", chromium(t), strings.TrimSuffix(site.URL(""), "/"), "acme", key.Key, key.Secret)
	loaded := 0
	for _, script := range seen.Scripts {
		loaded += script.Bytes
	}
	if loaded < 20<<10 || loaded > 150<<10 {
		t.Errorf("%d bytes of scripts before the first view, of %d: %+v", loaded, 150<<10, seen.Scripts)
	}
	seen.Views["sign in"] = seen.Shifts
	for view, shifts := range seen.Views {
		if len(shifts) > 0 {
			t.Errorf("%s moves after it is there: %+v", view, shifts)
		}
	}
	took, control := slices.Min(seen.Console), slices.Min(seen.Control)
	t.Logf("%d bytes of scripts; one can work after %.0f ms, with a page without scripts after %.0f ms", loaded, took, control)
	if took > max(1000, 10*control) {
		t.Errorf("one can work after %.0f ms, with a page without scripts after %.0f ms", took, control)
	}
}

// hostileReport is what web/test/hostile.mjs has seen.
type hostileReport struct {
	seenPage
	Ran             bool
	Dialogs         int
	ForeignElements []string
	Shown           map[string]bool
	Title           string
	Links           [][]string
	RightToLeft     struct {
		Page, Cell string
		Wide       int
	}
	TruncatedChart, TruncatedTable string
	Cells                          int
	Huge                           map[string]struct{ Table, Dialog, Copied int } // characters of a cell
	Downloaded, Drawn              map[string]int
	Responsive                     map[string]float64
}

const markupText = `<img src=x onerror=window.ran=1><script>window.ran=1</script>`

// What a hostile author or a hostile row puts into a page stays text, everywhere; and what is only too much leaves the page usable.
func TestHostileTextsInChromium(t *testing.T) {
	warehouse := servertest.Postgres(t, "", "")
	site := newConsoleSite(t, strings.Replace(warehouse.Directive(), "source main", "source warehouse", 1))
	front := func(more, statement string) string {
		return "/*---\nsource: main\n" + more + "---*/\n" + statement + "\n"
	}
	var columns []string
	for i := range 500 {
		columns = append(columns, fmt.Sprintf("n + %d AS c%d", i, i+1))
	}
	quoted, _ := json.Marshal(markupText)
	describe, _ := json.Marshal(markupText + " [a](javascript:window.ran=1) [b](data:text/html,x) ![c](javascript:window.ran=1) <svg onload=window.ran=1> " +
		"[d](https://example.com) <a href=\"javascript:window.ran=1\">e</a>\n\n```\n</code><script>window.ran=1</script>\n```\n\n|" + markupText + "|\n|---|\n|" + markupText + "|\n")
	for name, text := range map[string]string{
		"markup": front(fmt.Sprintf("title: %s\ndescription: %s\ncolumns: { name: { type: varchar, description: %s } }\n", quoted, describe, quoted),
			"SELECT n, '"+markupText+"' AS name, '"+markupText+"' AS \""+markupText[:32]+"\" FROM numbers"),
		"choice":    front("params: { choice: { type: string, pattern: '^[a-z]+$', description: "+string(quoted)+" } }\n", "SELECT n FROM numbers WHERE name = @choice"),
		"faulty":    front("title: "+string(quoted)+"\nmode: "+string(quoted)+"\n", "SELECT n FROM numbers"),
		"arabic":    front("", "SELECT 'تقرير المبيعات \u202eABC' AS report, n FROM numbers"),
		"truncated": front("limits: { max_rows: 2 }\nchart: { type: bar, x: name, y: [n] }\n", "SELECT name, n FROM numbers"),
		"wide":      front("", "SELECT "+strings.Join(columns, ", ")+" FROM numbers"),
		"huge":      front("", "SELECT replace(hex(zeroblob(2000000)), '00', 'ab') AS text, n FROM numbers WHERE n = 1"),
		"huge-postgres": strings.Replace(front("", "SELECT repeat('ab', 2600000) AS text, jsonb_build_object('text', repeat('cd', 2600000)) AS doc, 1 AS n"),
			"source: main", "source: warehouse", 1),
	} {
		site.WriteCatalog("acme/default/"+name+".sql", text)
	}
	if err := site.reload(); err != nil {
		t.Fatal(err)
	}
	put := func(path string, document any) {
		body, _ := json.Marshal(document)
		site.Send(http.MethodPut, path, site.admin, string(body), "If-None-Match", "*").Want(http.StatusCreated)
	}
	put("/api/v1/data-api/default/kept", map[string]string{"text": front("title: "+string(quoted)+"\n", "SELECT '"+markupText+"' AS name"), "message": markupText})
	link, _ := json.Marshal(map[string]any{"name": markupText, "free": []string{"choice"}})
	site.Send(http.MethodPost, "/api/v1/data-api/default/choice/links", site.admin, string(link)).Want(http.StatusCreated)
	put("/api/v1/users/evil", map[string]any{"display_name": markupText, "policies": []string{"DataAPIConsumer"}})
	name, _ := json.Marshal(map[string]string{"user": "evil", "name": markupText})
	site.Send(http.MethodPost, "/api/v1/keys", site.admin, string(name)).Want(http.StatusCreated)
	key := site.CreateKey("acme", "ana")
	var seen hostileReport
	site.converse(t, &seen, "hostile.mjs", "acme", key.Key, key.Secret)

	seen.check(t)
	if seen.Ran || seen.Dialogs > 0 || len(seen.ForeignElements) > 0 {
		t.Errorf("a script ran: %v, %d dialogs; elements: %q", seen.Ran, seen.Dialogs, seen.ForeignElements)
	}
	for _, view := range []string{"endpoints", "endpoint", "table", "json", "faults", "revisions", "links", "user", "users", "keys", "docs", "docs endpoint"} {
		if !seen.Shown[view] {
			t.Errorf("%s does not show the text as it is", view)
		}
	}
	for _, link := range seen.Links {
		if !strings.HasPrefix(link[0], "https://") || !strings.Contains(link[1], "noopener") {
			t.Errorf("a link of the description leads to %q", link)
		}
	}
	if r := seen.RightToLeft; r.Page != "ltr" || r.Cell != "rtl" || r.Wide > 0 {
		t.Errorf("a text from right to left: %+v", r)
	}
	if !strings.Contains(seen.TruncatedChart, "2 rows") || seen.TruncatedTable != seen.TruncatedChart {
		t.Errorf("a cut result says %q at its chart, %q at its table", seen.TruncatedChart, seen.TruncatedTable)
	}
	if seen.Cells > 200 {
		t.Errorf("%d cells of 500 columns are drawn", seen.Cells)
	}
	for cell, whole := range map[string]int{"huge text": 4_000_000, "huge-postgres text": 5_200_000, "huge-postgres json": 5_200_000} {
		if of := seen.Huge[cell]; of.Table < 100 || of.Table > 300 || of.Dialog < 1000 || of.Dialog > 250_000 || of.Copied < whole || of.Copied > whole+20 {
			t.Errorf("%s: of %d characters are seen %+v", cell, whole, of)
		}
	}
	for result, whole := range map[string]int{"huge": 4_000_000, "huge-postgres": 10_400_000} {
		if of := seen.Downloaded[result]; of < whole || of > whole+1000 {
			t.Errorf("%s: the download has %d bytes", result, of)
		}
		if chart, json := seen.Drawn[result], seen.Drawn[result+" json"]; chart > 10_000 || json > 500_000 {
			t.Errorf("%s: the chart has %d characters, the JSON %d", result, chart, json)
		}
	}
	t.Logf("the longest that the page took for something small, in ms: %v", seen.Responsive)
	for what, took := range seen.Responsive {
		if took > 10_000 { // a page that draws everything takes minutes, or none
			t.Errorf("%s: the page took %.0f ms", what, took)
		}
	}
}

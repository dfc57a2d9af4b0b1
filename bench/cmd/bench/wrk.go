package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// target is where requests go, and which.
type target struct {
	name   string // of the file that holds the requests
	port   int
	path   string
	token  string
	bodies []string // sent one after the other, over and over
	paths  []string // asked instead, with GET; nil: bodies are sent
	rows   int      // of the answer
	row    string   // what each of them holds once
}

// check asks once, and fails when the answer is not the expected one.
func (t target) check(ctx context.Context) error {
	answer, err := t.first(ctx)
	if err == nil && (strings.Count(string(answer), t.row) != t.rows || strings.Contains(string(answer), `"errors"`)) {
		err = fmt.Errorf("%s does not answer with %d rows: %s", t.url(), t.rows, answer[:min(len(answer), 300)])
	}
	return err
}

// first sends the first request.
func (t target) first(ctx context.Context) ([]byte, error) {
	if t.paths != nil {
		return send(ctx, http.MethodGet, "http://"+address(t.port)+t.paths[0], t.token, nil)
	}
	return post(ctx, t.url(), t.token, []byte(t.bodies[0]))
}

func (t target) url() string { return "http://" + address(t.port) + t.path }

// targetOf is an endpoint wherever it is served.
func targetOf(slug string, port int, token string) target {
	s := statements[slug]
	return target{
		name: slug, port: port, path: executePath(slug), token: token, bodies: bodiesOf(slug), rows: s.rows, row: s.row,
	}
}

// variants is how many different requests a target has: enough that no cache knows them all, few enough to be made before.
const variants = 1000

// bodiesOf makes the bodies of an endpoint's requests, the same in every run.
func bodiesOf(slug string) []string {
	s := statements[slug]
	if len(s.parameters) == 0 {
		return []string{`{"parameter_values":{}}`}
	}
	return variantsOf(slug, func(n int) string { return fmt.Sprintf(`{"parameter_values":{"%s":%d}}`, s.parameters[0], n) })
}

// variantsOf makes texts that each ask for an endpoint's row by its number.
func variantsOf(slug string, write func(n int) string) []string {
	random := rand.New(rand.NewPCG(1, 2))
	texts := make([]string, variants)
	for i := range texts {
		texts[i] = write(1 + random.IntN(max(statements[slug].largest, 1)))
	}
	return texts
}

// script sends requests that were made before, so that Lua does no more than choose one, and prints what wrk counted.
//
//nolint:dupword // in Lua one end follows another
const script = `
local requests, n = {}, 0
function init()
	local headers = {["Content-Type"] = "application/json", ["Authorization"] = "Bearer %s"}
	for line in io.lines(%q) do requests[#requests + 1] = %s end
end
function request()
	n = n %% #requests + 1
	return requests[n]
end
function done(summary)
	local e = summary.errors
	io.write(string.format('\nRESULT {"requests":%%d,"microseconds":%%d,"bytes":%%d,"refused":%%d,"broken":%%d}\n',
		summary.requests, summary.duration, summary.bytes, e.status, e.connect + e.read + e.write + e.timeout))
end
`

// counted is what wrk has counted.
type counted struct {
	Requests     float64 `json:"requests"`
	Microseconds float64 `json:"microseconds"`
	Bytes        float64 `json:"bytes"`
	Refused      int     `json:"refused"`
	Broken       int     `json:"broken"`
}

func (c counted) perSecond() float64 { return c.Requests / c.Microseconds * 1e6 }

// script writes what makes wrk send a target's requests, and returns its path.
func (l *lab) script(t target) (string, error) {
	bodies := filepath.Join(l.dir, t.name+".bodies")
	lua := filepath.Join(l.dir, t.name+".lua")
	lines, format := t.bodies, fmt.Sprintf(`wrk.format("POST", %q, headers, line)`, t.path)
	if t.paths != nil {
		lines, format = t.paths, `wrk.format("GET", line, headers)`
	}
	if err := os.WriteFile(bodies, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		return "", err
	}
	return lua, os.WriteFile(lua, fmt.Appendf(nil, script, t.token, bodies, format), 0o600)
}

// wrk asks as fast as it can, over this many connections, and fails when anything but 2xx comes back. What is slow may
// not be answered once in the time.
func (l *lab) wrk(ctx context.Context, t target, clients, seconds int) (counted, error) {
	c, err := l.runWrk(ctx, t, clients, seconds)
	if err == nil && (c.Refused > 0 || c.Broken > 0) {
		err = fmt.Errorf("of %.0f requests %d were refused and %d broke", c.Requests, c.Refused, c.Broken)
	}
	return c, err
}

func (l *lab) runWrk(ctx context.Context, t target, clients, seconds int) (counted, error) {
	lua, err := l.script(t)
	if err != nil {
		return counted{}, err
	}
	printed, err := run(ctx, l.dir, "wrk", "-t1", "-c"+strconv.Itoa(clients), fmt.Sprintf("-d%ds", seconds),
		"--timeout", "30s", "-s", lua, t.url())
	if err != nil {
		return counted{}, err
	}
	_, result, found := strings.Cut(printed, "RESULT ")
	if !found {
		return counted{}, fmt.Errorf("wrk printed no result: %s", printed)
	}
	var c counted
	return c, json.Unmarshal([]byte(result), &c)
}

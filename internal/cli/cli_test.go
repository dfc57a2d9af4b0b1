package cli

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/spf13/cobra"

	_ "github.com/solucao42/caddy-data-api/caddyfile"
)

// runCommand runs `caddy data-api ARGS`.
func runCommand(ctx context.Context, args ...string) (string, error) {
	cmd := &cobra.Command{Use: "data-api", SilenceErrors: true, SilenceUsage: true}
	Command(nil).CobraFunc(cmd)
	root := &cobra.Command{Use: "caddy"}
	root.AddCommand(cmd)
	var out bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&out)
	root.SetArgs(append([]string{"data-api"}, args...))
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

func TestCommandsSayWhatIsWrongAndWhatToDo(t *testing.T) {
	directory := t.TempDir()
	off, on := filepath.Join(directory, "off"), filepath.Join(directory, "on")
	for path, text := range map[string]string{off: "{\n\tadmin off\n}\n", on: "{\n\tadmin 127.0.0.1:1\n}\n"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	foreign := httptest.NewServer(http.NotFoundHandler())
	defer foreign.Close()
	other := foreign.Listener.Addr().String()
	const closed = "127.0.0.1:1"
	const nobody = "no server answers at %s: is it running? Start it, or say with --address or --config where its admin API is. Under `admin off` it has none"
	for line, want := range map[string]string{
		"keys list --address " + closed:                         strings.Replace(nobody, "%s", closed, 1),
		"keys list --address unix/" + directory + "/none":       strings.Replace(nobody, "%s", "unix/"+directory+"/none", 1),
		"keys list --adapter caddyfile --config " + on:          strings.Replace(nobody, "%s", closed, 1),
		"keys list --adapter caddyfile --config " + off:         off + " says `admin off`, and this command speaks to the server through its admin API: switch it on",
		"keys list --config " + directory + "/nowhere":          "finding the admin address in " + directory + "/nowhere: ",
		"keys list --address http://127.0.0.1:2019":             `the admin address is "http://127.0.0.1:2019": it must be HOST:PORT, without a scheme, or unix/FILE`,
		"keys list --address " + other:                          "the server at " + other + " answers 404: is it a Caddy with this plug-in?",
		"keys create --company acme --user x --expires-in soon": `--expires-in is "soon": it must be a duration such as 90m, 24h or 90d`,
		"keys rotate s42_x --overlap 2":                         `--overlap is "2": it must be a duration such as 90m, 24h or 90d`,
		"keys create":                                           "--company and --user are missing. Usage: caddy data-api keys create --company SLUG --user NAME",
		"keys create --company acme":                            "--user is missing. Usage: caddy data-api keys create",
		"keys create --company a --user b --expires-in 0s":      "--expires-in is 0s: it must be above zero",
		"console-link --company a --user b --url api":           `--url is "api": it must be a URL with https or http, a host, and at most a path, such as https://api.example.com`,
		"console-link --company a --user b --url https://x/?a":  `--url is "https://x/?a": it must be a URL`,
		"openapi --company a --server api":                      `--server is "api": it must be a URL`,
		"openapi --company a --catalog x --config y":            "give --catalog or --config, not both",
		"usage --csv --json":                                    "give --csv or --json, not both",
		"health http://localhost/ --timeout -1s":                "--timeout is -1s: it must be above zero",
		"callback-secret --user x":                              "--company is missing. Usage: caddy data-api callback-secret --company SLUG --user NAME",
		"callback-secret rotate":                                "--company and --user are missing. Usage: caddy data-api callback-secret rotate",
		"callback-secret rotat":                                 `unknown command "rotat" for "caddy data-api callback-secret"; did you mean rotate?`,
		"openapi":                                               "--company is missing. Usage: caddy data-api openapi --company SLUG",
		"keys create --compny acme":                             `caddy data-api keys create has no flag "compny"; did you mean --company? Its flags are --adapter, --address, --company`,
		"keys create --company":                                 "--company needs a value: slug of the company (required)",
		"deliveries list --limit many":                          `--limit is "many": it must be a whole number`,
		"keys create acme":                                      `caddy data-api keys create takes no argument; got "acme". Usage: caddy data-api keys create`,
		"keys revoke":                                           "caddy data-api keys revoke takes one argument, API_KEY; got 0. Usage: caddy data-api keys revoke API_KEY",
		"keys crate":                                            `unknown command "crate" for "caddy data-api keys"; did you mean create? `,
		"chek ./catalog":                                        `unknown command "chek" for "caddy data-api"; did you mean check? `,
		"signing-keys withdraw":                                 "takes one argument, KID; got 0",
		"check " + directory + "/none":                          directory + "/none: 1 fault",
	} {
		out, err := runCommand(t.Context(), strings.Fields(line)...)
		if err == nil || !strings.HasPrefix(err.Error(), want) && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v %s\nwant %s", line, err, out, want)
		}
	}
}

// Durations have days, as in the Caddyfile, and reach the server as they are meant.
func TestCommandsTakeDays(t *testing.T) {
	bodies := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := new(bytes.Buffer)
		_, _ = body.ReadFrom(r.Body)
		bodies <- body.String()
		http.Error(w, `{"error":"seen"}`, http.StatusBadRequest)
	}))
	defer server.Close()
	in90Days := func() string { return time.Now().Add(90 * 24 * time.Hour).UTC().Format("2006-01-02") }
	for line, want := range map[string]string{
		"keys create --company a --user b --expires-in 90d": in90Days(),
		"keys rotate s42_x --overlap 2d":                    `"overlap":"48h0m0s"`,
		"keys rotate s42_x --overlap 0s":                    `"overlap":"0s"`,
		"keys rotate s42_x":                                 `"overlap":"24h0m0s"`,
		"callback-secret rotate --company a --user b":       `"overlap":"24h0m0s"`,
	} {
		if _, err := runCommand(t.Context(), append(strings.Fields(line), "--address", server.Listener.Addr().String())...); err == nil || err.Error() != "seen" {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if body := <-bodies; !strings.Contains(body, want) && !strings.Contains(body, in90Days()) { // midnight may have come meanwhile
			t.Errorf("%s sends %s", line, body)
		}
	}
}

// What nobody reads is told where a catalog is checked, and is no fault.
func TestCheckPrintsWarnings(t *testing.T) {
	root := t.TempDir()
	for path, text := range map[string]string{
		"acme/company.yaml": "", "acme/default/s.sql": "/*---\nsource: x\n---*/\nSELECT 1 AS n\n", "acme/default/t.psql": "SELECT 1",
	} {
		full := filepath.Join(root, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	out, err := runCommand(t.Context(), "check", root)
	want := filepath.Join(root, "acme/default/t.psql") + ":1:1: warning: is ignored; the catalog reads <company>/company.yaml and " +
		"<company>/<namespace>/<slug>.sql; did you mean t.sql?\n" + root + ": 1 company, 1 endpoint, no faults, 1 warning\n"
	if err != nil || out != want {
		t.Errorf("got  %v %s\nwant %s", err, out, want)
	}
}

// A health check succeeds with 200 and nothing else, and ends with its time limit.
func TestHealth(t *testing.T) {
	held := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "/ready", http.StatusFound)
		case "/down":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/hangs":
			<-held
		}
	}))
	defer server.Close()
	defer close(held)
	for line, want := range map[string]string{
		server.URL + "/ready":                   "",
		server.URL + "/moved":                   server.URL + "/moved answers 302 Found",
		server.URL + "/down":                    server.URL + "/down answers 503 Service Unavailable",
		server.URL + "/hangs --timeout 50ms":    server.URL + "/hangs does not answer: context deadline exceeded",
		"http://127.0.0.1:1/":                   "http://127.0.0.1:1/ does not answer: ",
		"localhost:8080/health":                 `"localhost:8080/health" is no URL that can be asked: it must be like http://`,
		server.URL + "/ready --timeout forever": `--timeout is "forever": it must be a duration`,
	} {
		out, err := runCommand(t.Context(), append([]string{"health"}, strings.Fields(line)...)...)
		switch {
		case want == "" && (err != nil || out != line+" answers 200 OK\n"):
			t.Errorf("%s: %v %s", line, err, out)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
			t.Errorf("%s\ngot  %v\nwant %s", line, err, want)
		}
	}
}

// TestBackupSaysWhatTheServerSays: advice for where no server runs is for where no server runs.
func TestBackupSaysWhatTheServerSays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error": "The configured store is no file."}`))
	}))
	defer server.Close()
	const advice = "Where no server runs, name the store's file with --store"
	_, err := runCommand(t.Context(), "store", "backup", filepath.Join(t.TempDir(), "copy.db"), "--address", strings.TrimPrefix(server.URL, "http://"))
	if err == nil || err.Error() != "The configured store is no file." {
		t.Error(err)
	}
	_, err = runCommand(t.Context(), "store", "backup", filepath.Join(t.TempDir(), "copy.db"), "--address", "127.0.0.1:1")
	if err == nil || !strings.HasSuffix(err.Error(), advice) {
		t.Error(err)
	}
}

// The test's own addresses: nothing must listen at port 1.
func TestNobodyListensAtPortOne(t *testing.T) {
	if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", "127.0.0.1:1"); err == nil {
		_ = conn.Close()
		t.Fatal("something listens at port 1: TestCommandsSayWhatIsWrongAndWhatToDo proves nothing here")
	}
}

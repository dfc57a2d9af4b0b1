//go:build npm

// This test needs Node.js, npm and its registry. It is run by `make interop`, fails where something is missing, and says
// what.

package callback_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

// delivered is a callback as its receiver has got it, and what the receiver makes of it with its secret.
type delivered struct {
	name    string
	secret  string
	header  http.Header
	payload []byte
	trusted bool
}

// TestReferenceLibrariesAgree lets the JavaScript and the Go library of the specification judge the same callbacks.
func TestReferenceLibrariesAgree(t *testing.T) {
	store, clock := newStore(t), newClock()
	receiver := newReceiver(t, status(200))
	d := start(t, store, callback.Options{Now: clock.Now})
	attachTo(t, d, callback.Config{AllowedHosts: []string{receiver.host()}})
	send := func() got {
		await(t, store, endJob(t, store, d, clock.Now(), receiver.URL, `{"rows":[{"cidade":"São Paulo","total":150000.00}]}`),
			in(callback.Delivered))
		all := receiver.all()
		return all[len(all)-1]
	}
	old, err := d.Secret(t.Context(), "acme", "integration")
	if err != nil {
		t.Fatal(err)
	}
	first := send()
	renewed, err := d.RotateSecret(t.Context(), "acme", "integration", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	overlapping := send()
	clock.advance(2 * time.Minute)
	rotated := send()
	clock.advance(-time.Hour)
	stale := send()
	clock.advance(2 * time.Hour)
	early := send()

	tampered := bytes.Replace(first.body, []byte("150000.00"), []byte("950000.00"), 1)
	other := first.header.Clone()
	other.Set("webhook-id", "msg_507f1f77bcf86cd799439011")
	moved := first.header.Clone()
	moved.Set("webhook-timestamp", strconv.FormatInt(time.Now().Unix()+1, 10))
	unsigned := first.header.Clone()
	unsigned.Del("webhook-signature")
	cases := []delivered{
		{"as it came", old, first.header, first.body, true},
		{"another secret", renewed, first.header, first.body, false},
		{"a changed body", old, first.header, tampered, false},
		{"another id", old, other, first.body, false},
		{"another timestamp", old, moved, first.body, false},
		{"without a signature", old, unsigned, first.body, false},
		{"during the overlap, the old secret", old, overlapping.header, overlapping.body, true},
		{"during the overlap, the new secret", renewed, overlapping.header, overlapping.body, true},
		{"after the overlap, the old secret", old, rotated.header, rotated.body, false},
		{"after the overlap, the new secret", renewed, rotated.header, rotated.body, true},
		{"replayed after an hour", renewed, stale.header, stale.body, false},
		{"an hour early", renewed, early.header, early.body, false},
	}
	judged := judgeInJavaScript(t, cases)
	for i, c := range cases {
		verifier, err := standardwebhooks.NewWebhook(c.secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(c.payload, c.header); (err == nil) != c.trusted {
			t.Errorf("%s: the Go library says %v", c.name, err)
		}
		if (judged[i] == "ok") != c.trusted {
			t.Errorf("%s: the JavaScript library says %s", c.name, judged[i])
		}
		t.Logf("%-36s %s", c.name, judged[i])
	}
}

// judgeInJavaScript returns the library's answer to each callback.
func judgeInJavaScript(t *testing.T, cases []delivered) []string {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatalf("this test needs %s, which Node.js brings: %v", program, err)
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "npm"))); err != nil {
		t.Fatal(err)
	}
	install := exec.CommandContext(t.Context(), "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	install.Dir = dir
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm cannot install the library, perhaps because its registry cannot be reached: %v\n%s", err, out)
	}
	var input bytes.Buffer
	for _, c := range cases {
		headers := map[string]string{}
		for name := range c.header {
			if strings.HasPrefix(name, "Webhook-") {
				headers[strings.ToLower(name)] = c.header.Get(name)
			}
		}
		err := json.NewEncoder(&input).Encode(map[string]any{"secret": c.secret, "headers": headers, "payload": string(c.payload)})
		if err != nil {
			t.Fatal(err)
		}
	}
	verify := exec.CommandContext(t.Context(), "node", "verify.js")
	verify.Dir, verify.Stdin, verify.Stderr = dir, &input, os.Stderr
	out, err := verify.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers []string
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		answers = append(answers, lines.Text())
	}
	if len(answers) != len(cases) {
		t.Fatalf("%d answers to %d callbacks:\n%s", len(answers), len(cases), out)
	}
	return answers
}

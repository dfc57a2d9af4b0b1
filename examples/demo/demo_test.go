package main

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

func TestPretty(t *testing.T) {
	tests := map[string]struct {
		in, want string
		width    int
	}{
		"fits":                 {`{"a":1,"b":[true,null]}`, `{ "a": 1, "b": [true, null] }`, 80},
		"empty":                {` {"a":{},"b":[]}` + "\n", `{ "a": {}, "b": [] }`, 80},
		"digits stay":          {`[150000.00,1e3,12345678901234567890]`, `[150000.00, 1e3, 12345678901234567890]`, 80},
		"one level spread":     {`{"a":1,"b":[1,2]}`, "{\n  \"a\": 1,\n  \"b\": [1, 2]\n}", 14},
		"two levels spread":    {`{"rows":[{"n":1},{"n":2}]}`, "{\n  \"rows\": [\n    { \"n\": 1 },\n    { \"n\": 2 }\n  ]\n}", 20},
		"the comma counts":     {`[[1,2,3],[4]]`, "[\n  [\n    1,\n    2,\n    3\n  ],\n  [4]\n]", 11},
		"letters, not bytes":   {`["ãããã"]`, `["ãããã"]`, 8},
		"a long string is cut": {`["` + strings.Repeat("x", 120) + `"]`, `["` + strings.Repeat("x", 93) + `…"]`, 120},
		"not JSON":             {"<html>\n", "<html>", 80},
		"not quite JSON":       {`{"a":1`, `{"a":1`, 80},
		"nothing":              {"", "", 80},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := pretty([]byte(test.in), test.width); got != test.want {
				t.Errorf("\n got %s\nwant %s", got, test.want)
			}
		})
	}
}

// What is printed must survive a shell: the request's body arrives as it was, whatever it holds.
func TestCurlSurvivesTheShell(t *testing.T) {
	c := call{method: http.MethodPost, path: "/p", token: "t", body: `{ "name": "it's $HOME \"and\" so" }`}
	script := `curl() { for argument in "$@"; do printf '[%s]\n' "$argument"; done; }; TOKEN=t; ` + c.curl("http://x")
	output, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	want := strings.Join([]string{"-X", "POST", "http://x/p", "-H", "Authorization: Bearer t", "-H",
		"Content-Type: application/json", "-d", c.body}, "]\n[")
	if got := string(output); got != "["+want+"]\n" {
		t.Errorf("\n got %s\nwant [%s]", got, want)
	}
}

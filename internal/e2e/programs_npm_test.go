//go:build npm

package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"
)

// programs are those that poll jobs; Power Query waits for its job in one request.
var programs = []string{"curl", "python", "typescript", "javascript", "appsscript"}

// digits is a row of values that JavaScript's numbers would change: their digits, and the scale of decimals.
const digits = `SELECT 9007199254740993::bigint AS big, 150000.00 AS money, 1.10::numeric(5, 2) AS scaled,
	12345678901234567890.123456789 AS long, ARRAY[1.10, 2.50] AS list, '{"a": 1.10, "b": [9007199254740993], "c": "say \"1.10\""}'::json AS doc,
	0.1::float8 AS ratio, 42 AS small, '007' AS code, '1.10' AS text, NULL::numeric AS nothing, true AS yes`

// No program changes a digit, wherever the number is: in a column, in an array, inside of JSON.
func TestSnippetsKeepEveryDigit(t *testing.T) {
	e := engines[1]
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(),
		files: map[string]string{
			"acme/default/digits.sql": "/*---\nsource: main\n---*/\n" + digits + "\n",
			"acme/default/report.sql": "/*---\nsource: main\nmode: async\n---*/\n" + digits + "\n",
		},
	})
	calls := newSnippets(t, s, installNode(t, "browser"))
	key := s.CreateKey("acme", "integration")
	token := s.Exchange("acme", key).Access
	for _, endpoint := range []string{"default/digits", "default/report"} {
		printed := calls.print(snippetCall{endpoint, "{}"}, "acme", token)
		for _, language := range programs {
			out, err := calls.execute(language, printed[language], key)
			if err != nil {
				t.Errorf("%s, %s: %v\n%s\n%s", endpoint, language, err, out, printed[language])
				continue
			}
			for _, value := range []string{"9007199254740993", "150000.00", "1.10", "12345678901234567890.123456789", "2.50", "0.1", "42", "007"} {
				if !strings.Contains(out, value) {
					t.Errorf("%s, %s: %s is missing in\n%s", endpoint, language, value, out)
				}
			}
			// Once in a column, in the array, in the JSON, and twice as text.
			if found := strings.Count(out, "1.10"); found < 5 {
				t.Errorf("%s, %s: 1.10 is there %d times in\n%s", endpoint, language, found, out)
			}
		}
	}
}

// A job that takes longer than an access token lasts is polled to its end by every program; one that fails makes each
// of them end as a failure, and curl's too. The programs run as they are, but poll every second: a long poll outlives the
// token that it began with.
func TestSnippetsOutliveTheirToken(t *testing.T) {
	e := engines[1]
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(),
		options: "tokens {\n\t\t\taccess_ttl 1s\n\t\t}\n\t\tjobs {\n\t\t\tworkers 12\n\t\t\tper_company 12\n\t\t}",
		files: map[string]string{
			// The server forgives 5 s of clock difference.
			"acme/default/long.sql": "/*---\nsource: main\nmode: async\n---*/\nSELECT 'done at last' || pg_sleep(9)::text AS answer\n",
			"acme/default/both.sql": "/*---\nsource: main\non_timeout: continue\nlimits: { timeout: 100ms }\n---*/\nSELECT 'done at last' || pg_sleep(9)::text AS answer\n",
			"acme/default/bad.sql":  "/*---\nsource: main\nmode: async\nlimits: { timeout: 1s }\n---*/\nSELECT 'never' || pg_sleep(600)::text AS answer\n",
		},
	})
	calls := newSnippets(t, s, installNode(t, "browser"))
	key := s.CreateKey("acme", "integration")
	for _, endpoint := range []string{"default/long", "default/both", "default/bad"} {
		printed := calls.print(snippetCall{endpoint, "{}"}, "acme", s.Exchange("acme", key).Access)
		var running sync.WaitGroup
		for _, language := range programs {
			running.Go(func() {
				polling := strings.Replace(printed[language], "wait=30", "wait=1", 1)
				out, err := calls.execute(language, polling, key)
				switch {
				case polling == printed[language]:
					t.Errorf("%s, %s does not poll:\n%s", endpoint, language, polling)
				case endpoint == "default/bad" && (err == nil || !strings.Contains(out, "EXECUTION_TIMEOUT")):
					t.Errorf("%s: a job that failed ends with %v\n%s\n%s", language, err, out, polling)
				case endpoint != "default/bad" && (err != nil || !strings.Contains(out, "done at last")):
					t.Errorf("%s, %s: %v\n%s\n%s", endpoint, language, err, out, polling)
				}
			})
		}
		running.Wait()
	}
}

// A request that is refused makes each program end as a failure, with the server's words.
func TestSnippetsFailWithTheServersWords(t *testing.T) {
	e := engines[0]
	s := newServer(t, serverConfig{
		sources: e.Source(t, t.TempDir(), sales).Directive(),
		files: map[string]string{
			"acme/default/strict.sql": "/*---\nsource: main\nparams: { n: { type: integer, maximum: 5 } }\n---*/\nSELECT @n AS n\n",
			"acme/default/job.sql":    "/*---\nsource: main\nmode: async\nparams: { n: { type: integer, maximum: 5 } }\n---*/\nSELECT @n AS n\n",
		},
	})
	calls := newSnippets(t, s, installNode(t, "browser"))
	key := s.CreateKey("acme", "integration")
	token := s.Exchange("acme", key).Access
	wrong := key
	wrong.Secret = s.CreateKey("acme", "integration").Secret
	for _, endpoint := range []string{"default/strict", "default/job"} {
		for _, test := range []struct {
			values, want string
			key          credentials
		}{
			{`{"n": 7}`, "must be at most 5; got 7", key},
			{`{"n": 1}`, "Check company_slug, api_key and api_secret", wrong},
		} {
			printed := calls.print(snippetCall{endpoint, test.values}, "acme", token)
			for _, language := range programs {
				if out, err := calls.execute(language, printed[language], test.key); err == nil || !strings.Contains(out, test.want) {
					t.Errorf("%s, %s: %v\n%s\n%s", endpoint, language, fmt.Sprint(err), out, printed[language])
				}
			}
		}
	}
}

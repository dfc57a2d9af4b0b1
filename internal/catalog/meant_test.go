package catalog_test

import (
	"strings"
	"testing"
)

// What is probably meant is at the end of a message. Each case is one mistake in an endpoint file.
func TestMessagesOfEndpointFilesNameAWayOut(t *testing.T) {
	const statement = "SELECT 1 AS n"
	for name, test := range map[string]struct{ matter, sql, want string }{
		"mode of the guide":      {"execution_mode: async\n", statement, `unknown key "execution_mode"; did you mean mode? Allowed are`},
		"a job":                  {"mode: job\n", statement, `mode must be sync or async; got job; did you mean async?`},
		"mode misspelt":          {"mode: assync\n", statement, `got assync; did you mean async?`},
		"on_timeout of others":   {"on_timeout: cancel\n", statement, `on_timeout must be fail or continue; got cancel; did you mean fail?`},
		"long sync":              {"limits: { timeout: 5m }\n", statement, `got 5m; a longer query runs as a job, for up to 24h: with mode: async, or with on_timeout: continue and limits.job_timeout`},
		"minutes in words":       {"limits: { timeout: 5 minutes }\n", statement, `got 5 minutes; did you mean 5m?`},
		"seconds without unit":   {"limits: { timeout: 30 }\n", statement, `got 30; did you mean 30s?`},
		"days":                   {"mode: async\nlimits: { timeout: 1d }\n", statement, `got 1d; did you mean 24h?`},
		"timeout outside":        {"timeout: 5s\n", statement, `unknown key "timeout"; it belongs in limits, as limits: { timeout: 5s }`},
		"statement in YAML":      {"sql: SELECT 1\n", statement, `unknown key "sql"; the statement follows the line ---*/`},
		"yes":                    {"active: Yes\n", statement, `active must be true or false; got Yes; did you mean true?`},
		"camel case":             {"limits: { maxRows: 5 }\n", statement, `in limits: unknown key "maxRows"; did you mean max_rows?`},
		"equals":                 {"limits: { timeout=5s }\n", statement, `in limits: unknown key "timeout=5s"; did you mean timeout: 5s?`},
		"limits as a list":       {"limits: [timeout]\n", statement, `limits must be a map of keys and values such as { timeout: 5s }; got a list`},
		"share as a list":        {"share: [globex]\n", statement, `share must be a map of keys and values such as { globex: {} }; got a list`},
		"share with one unknown": {"share: { globx: {} }\n", statement, `share.globx: there is no such company; the catalog has acme, globex; did you mean globex?`},
		"share of a capital":     {"share: { Globex: {} }\n", statement, `did you mean globex?`},
		"column's type":          {"columns: { n: { type: int8 } }\n", statement, `got "int8"; did you mean bigint?`},
		"column's arrays":        {"columns: { n: { type: 'text[]' } }\n", statement, `got "text[]"; did you mean array<varchar>?`},
		"column's scale":         {"columns: { n: { type: decimal, precision: 2 } }\n", statement, `unknown key "precision"; did you mean scale?`},
		"column as a word":       {"columns: { n: bigint }\n", statement, `columns.n must be a map of keys and values such as { type: bigint }; got bigint`},
		"rate":                   {"rate: 10/m\n", statement, `rate: 10/m has a period that is no duration such as 1s, 1m or 24h; did you mean 10/1m?`},
		"undeclared":             {"params: { regiao: { type: string } }\n", "SELECT @regiao AS a, @regioa AS b", `@regioa is not declared in params; declared are @regiao; did you mean @regiao?`},
		"colon":                  {"params: { regiao: { type: string } }\n", "SELECT @regiao AS a, :regiao AS b", `write a parameter as @regiao, not as :regiao; declared are @regiao`},
		"dollar":                 {"params: { regiao: { type: string } }\n", "SELECT @regiao AS a, $1 AS b", `write a parameter as @name, not as $1; declared are @regiao`},
		"braces":                 {"params: { n: { type: integer } }\n", "SELECT @n AS a, {{n}} AS b", `write a parameter as @n, not as {{n}}; declared are @n`},
		"in quotes":              {"params: { n: { type: integer } }\n", "SELECT 1 AS a\nWHERE x LIKE '%@n%'", `use @n there, or leave it out here; @n in line 6 is no use of it: a parameter is written @name, in lower case, outside of quotes and comments`},
	} {
		t.Run(name, func(t *testing.T) {
			one(t, files{"acme/company.yaml": "", "globex/company.yaml": "", "acme/default/s.sql": "/*---\nsource: demo\n" + test.matter + "---*/\n" + test.sql + "\n"}, test.want)
		})
	}
}

func TestMessagesOfParametersNameAWayOut(t *testing.T) {
	for definition, want := range map[string]string{
		"{ type: int }":                                 "got int; did you mean integer?",
		"{ type: text }":                                "got text; did you mean string?",
		"{ type: bool }":                                "got bool; did you mean boolean?",
		"{ type: timestamptz }":                         "got timestamptz; did you mean timestamp?",
		"{ type: numeric(10,2) }":                       "did you mean decimal?",
		"{ type: Integer }":                             "got Integer; did you mean integer?",
		"{ type: integr }":                              "got integr; did you mean integer?",
		"{ type: jsonb }":                               "got jsonb; did you mean string, and a cast in the statement?",
		"{ type: 'int[]' }":                             `got "int[]"; did you mean array<integer>?`,
		"{ type: list<text> }":                          "got list<text>; did you mean array<string>?",
		"{ type: array of date }":                       "got array of date; did you mean array<date>?",
		"{ type: array }":                               "got array; did you mean array<string>?",
		"{ type: integer, max: 5 }":                     `in params.n: unknown key "max"; did you mean maximum? Allowed are`,
		"{ type: integer, min: 5 }":                     `unknown key "min"; did you mean minimum?`,
		"{ type: string, maxLength: 5 }":                `unknown key "maxLength"; did you mean max_length?`,
		"{ type: string, regex: x }":                    `unknown key "regex"; did you mean pattern?`,
		"{ type: string, values: [a] }":                 `unknown key "values"; did you mean enum?`,
		"{ type: string, optional: true }":              `unknown key "optional"; did you mean required?`,
		"string":                                        "params.n must be a map of keys and values such as { type: string }; got string",
		"{ type: integer, min_length: 3 }":              "params.n.min_length is allowed for a parameter of type string only; for integer there are minimum and maximum",
		"{ type: string, maximum: 3 }":                  "this one is a string; for its length there are min_length and max_length",
		"{ type: string, max_items: 3 }":                "params.n.max_items is allowed for a parameter of an array only; for the length of a string there are min_length and max_length",
		"{ type: date, pattern: x }":                    "params.n.pattern is allowed for a parameter of type string only",
		"{ type: date, default: 31/01/2026 }":           "params.n.default must be a date written YYYY-MM-DD; got \"31/01/2026\"",
		"{ type: string, default: 10 }":                 "params.n.default must be a string; got 10; put quotes around it",
		"{ type: string, enum: [1, 2], a: 1 }":          "params.n.enum[0] must be a string; got 1; put quotes around it",
		"{ type: boolean, default: yes }":               "params.n.default must be true or false; got \"yes\"",
		"{ type: integer, default: 5, required: true }": "params.n.default must not be given with required",
	} {
		t.Run(definition, func(t *testing.T) {
			one(t, files{"acme/company.yaml": "", "acme/default/s.sql": "/*---\nsource: demo\nparams:\n  n: " + definition + "\n---*/\nSELECT @n AS n\n"}, want)
		})
	}
	for name, want := range map[string]string{"dataInicio": "did you mean data_inicio?", "Região": "did you mean regiao?", "max-price": "did you mean max_price?", "1st": ""} {
		one(t, files{"acme/company.yaml": "", "acme/default/s.sql": "/*---\nsource: demo\nparams:\n  " + name + ": { type: string }\n---*/\nSELECT 1 AS n\n"}, want)
	}
}

func TestMessagesOfCompanyFilesNameAWayOut(t *testing.T) {
	for text, want := range map[string]string{
		"users: { Ana: {} }\n":                                       "did you mean ana?",
		"users: [ana]\n":                                             "users must be a map of keys and values such as { erp: { policies: [DataAPIConsumer] } }; got a list",
		"users: { ana: DataAPIConsumer }\n":                          "users.ana must be a map of keys and values such as { policies: [DataAPIConsumer] }; got DataAPIConsumer",
		"users: { ana: { role: DataAPIConsumer } }\n":                `unknown key "role"; did you mean policies?`,
		"users: { ana: { policies: DataAPIConsumer } }\n":            "users.ana.policies must be a list such as [DataAPIConsumer]; got DataAPIConsumer",
		"users: { ana: { policies: [dataapiconsumer] } }\n":          "did you mean DataAPIConsumer?",
		"slug: acme\n":                                               `unknown key "slug"; the directory's name is the company's slug`,
		"api_keys: []\n":                                             `unknown key "api_keys"; keys are made with caddy data-api keys create`,
		"callbacks: { hosts: ['https://x.example/'] }\n":             `did you mean x.example?`,
		"policies: { P: { grants: [{ actions: [execute] }] } }\n":    `names the unknown action "execute"; did you mean data_api:execute?`,
		"policies: { P: { grants: [{ actions: [get-job] }] } }\n":    `names the unknown action "get-job"; did you mean data_api:get_job?`,
		"policies: { P: { permissions: [{ actions: [execute] }] } }": `unknown key "permissions"; did you mean grants?`,
		"name: Acme\n users: {}\n":                                   "the next line is indented deeper than this key, and holds a key too: the keys of one map begin in one column",
		"users:\n  a: {}\n b: {}\n":                                  "this line does not begin where its neighbours do: the keys of one map begin in one column",
		"name Acme\n":                                                `the YAML must be a map of keys and values; got name Acme`,
		"name Acme\nusers: {}\n":                                     `a key needs a colon and a space behind it, such as "source: demo"`,
		"users: { a: { rate: 10/m } }\n":                             "did you mean 10/1m?",
	} {
		t.Run(text, func(t *testing.T) { one(t, files{"acme/company.yaml": text}, want) })
	}
}

// one loads a tree and looks for a message.
func one(t *testing.T, tree files, want string) {
	t.Helper()
	if got := lines(t, build(t, tree)); !strings.Contains(got, want) || strings.Contains(got, "did you mean ?") {
		t.Errorf("got\n%s\nwant %s", got, want)
	}
}

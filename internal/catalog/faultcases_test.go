package catalog_test

var frontMatterCases = []faultCase{
	{
		`deprecated: 2026-13-01
sunset: soon
`,
		[]string{
			`3:13: deprecated must be a date such as 2026-12-01, or a timestamp such as 2026-12-01T12:00:00Z; got 2026-13-01`,
			`4:9: sunset must be a date such as 2026-12-01, or a timestamp such as 2026-12-01T12:00:00Z; got soon`,
		},
	},
	{
		`deprecated: 2026-12-01
sunset: 2026-11-30T23:59:59Z
columns: { n: { nullable: no, description: [x] } }
`,
		[]string{
			`4:9: sunset must not be before deprecated: 2026-11-30T23:59:59Z < 2026-12-01`,
			`5:27: columns.n.nullable must be true or false; got no; did you mean false?`,
			`5:44: columns.n.description must be text; got a list`,
		},
	},
	{
		`titel: x
sauce: y
`,
		[]string{
			`3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, rate, columns, chart, deprecated, sunset, share`,
			`4:1: unknown key "sauce"; did you mean source? Allowed are title, description, source, mode, on_timeout, active, params, limits, rate, columns, chart, deprecated, sunset, share`,
		},
	},
	{
		`title: a
title: b
`,
		[]string{
			`4:1: key "title" is given twice; it is in line 3 already`,
		},
	},
	{
		`mode: fast
active: yes
limits: { timeout: 2m, max_rows: 0, rows: 3 }
`,
		[]string{
			`3:7: mode must be sync or async; got fast`,
			`4:9: active must be true or false; got yes; did you mean true?`,
			`5:20: limits.timeout must be a duration such as 500ms, 5s or 10m, from 1ms to 1m; got 2m; a longer query runs as a job, for up to 24h: with mode: async, or with on_timeout: continue and limits.job_timeout`,
			`5:34: limits.max_rows must be a whole number from 1 to 10000000; got 0`,
			`5:37: in limits: unknown key "rows"; did you mean max_rows? Allowed are timeout, job_timeout, max_rows, cache, stale_while_revalidate`,
		},
	},
	{
		`mode: async
limits: { cache: 60s, stale_while_revalidate: 25h }
`,
		[]string{
			`4:18: limits.cache is for mode: sync with on_timeout: fail; other endpoints answer with jobs, whose results are kept anyway`,
			`4:47: limits.stale_while_revalidate must be a duration such as 500ms, 5s or 10m, from 1ms to 24h; got 25h`,
		},
	},
	{
		`limits: { stale_while_revalidate: 5s }
`,
		[]string{
			`3:35: limits.stale_while_revalidate is allowed beside limits.cache only`,
		},
	},
	{
		`rate: 10 per second
`,
		[]string{
			"3:7: rate: 10 per second must be written COUNT/PERIOD such as 100/1m or 5/1s, with `burst N` behind it where " +
				"fewer or more than COUNT may come at once, such as 100/1m burst 20; or unlimited; did you mean 10/1s?",
		},
	},
	{
		`rate: 0/1s
`,
		[]string{
			`3:7: rate: 0/1s has a count of 0: it must lie between 1 and 1000000`,
		},
	},
	{
		`mode: async
limits: { timeout: 25h, max_rows: 10000001 }
`,
		[]string{
			`4:20: limits.timeout must be a duration such as 500ms, 5s or 10m, from 1ms to 24h; got 25h`,
			`4:35: limits.max_rows must be a whole number from 1 to 10000000; got 10000001`,
		},
	},
	{
		`on_timeout: retry
limits: { job_timeout: 5m }
`,
		[]string{
			`3:13: on_timeout must be fail or continue; got retry`,
			`4:24: limits.job_timeout is allowed beside on_timeout: continue only; otherwise limits.timeout holds for jobs too`,
		},
	},
	{
		`mode: async
on_timeout: continue
`,
		[]string{
			`4:13: on_timeout: continue is for mode: sync; in mode: async nobody waits, and the job ends at limits.timeout`,
		},
	},
	{
		`on_timeout: continue
limits: { timeout: 61s, job_timeout: 25h }
`,
		[]string{
			`4:20: limits.timeout must be a duration such as 500ms, 5s or 10m, from 1ms to 1m; got 61s; a longer query runs as a job, for up to 24h: with mode: async, or with on_timeout: continue and limits.job_timeout`,
			`4:38: limits.job_timeout must be a duration such as 500ms, 5s or 10m, from 1ms to 24h; got 25h`,
		},
	},
	{
		`mode: [sync]
limits: 5
title: {a: b}
`,
		[]string{
			`3:7: mode must be text; got a list`,
			`4:9: limits must be a map of keys and values such as { timeout: 5s }; got 5`,
			`5:8: title must be text; got a map`,
		},
	},
	{
		`params:
  Região: { type: string }
  a: {}
  b:
  c: { type: text }
  d: { type: array<array<date>> }
  e: { type: integer, minimum: 010 }
  f: { type: integer, minimum: "1", maximum: 1.5 }
`,
		[]string{
			`4:3: params: the name "Região" must be 1 to 63 lower-case letters, digits and underscores, not beginning with a digit; did you mean regiao?`,
			`5:3: params.a.type is missing; it is one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>`,
			`6:3: params.b.type is missing; it is one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>`,
			`7:14: params.c.type must be one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>; got text; did you mean string?`,
			`8:14: params.d.type must be one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>; got array<array<date>>`,
			`9:32: 010 is not a plain number; write it in decimal notation such as 10 or -2.50, or put quotes around it if it is text`,
			`10:32: params.f.minimum must be an integer, written without quotes; got "1"`,
			`10:46: params.f.maximum must be an integer; got 1.5`,
		},
	},
	{
		`params:
  a: { type: string, enum: [Sul, 10, Sul], default: Norte }
  b: { type: string, enum: Sul }
  c: { type: date, default: 2026-02-30, required: true }
  d: { type: string, pattern: '(?=x)', min_length: 3, max_length: 2 }
  g: { type: integer, maxium: 3 }
`,
		[]string{
			`4:34: params.a.enum[1] must be a string; got 10; put quotes around it`,
			`4:38: params.a.enum[2] repeats the value at index 0: "Sul"`,
			`5:28: params.b.enum must be a list such as [Sul]; got Sul`,
			`6:29: params.c.default must not be given with required: a required parameter never falls back to a default`,
			"7:31: params.d.pattern must be a regular expression in RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: `(?=`",
			`7:52: params.d.min_length must not be above max_length: 3 > 2`,
			`8:23: in params.g: unknown key "maxium"; did you mean maximum? Allowed are type, required, default, enum, minimum, maximum, min_length, max_length, pattern, min_items, max_items, sensitive, title, description, example`,
		},
	},
	{
		`params:
  a: { type: integer, enum: [1, 9], maximum: 5, example: x }
`,
		[]string{
			`4:33: params.a.enum[1] must be at most 5; got 9`,
			`4:58: params.a.example must be an integer, written without quotes; got "x"`,
		},
	},
	{
		`columns:
  total: { type: money }
  n: { type: integer, scale: 2 }
  m: { type: array<date>, scal: 2 }
`,
		[]string{
			`4:18: columns.total.type must be one of varchar, decimal, smallint, integer, bigint, real, double, boolean, date, time, timestamp, timestamptz, uuid, json, varbinary, interval, or an array of one such as array<integer>; got "money"; did you mean decimal?`,
			`5:30: columns.n.scale is allowed beside type: decimal only`,
			`6:27: in columns.m: unknown key "scal"; did you mean scale? Allowed are type, scale, nullable, description`,
		},
	},
	{
		`params: { a: { type: string }, n: { type: integer } }
share:
  globex: { b: 1, a: {}, n: { minimum: 5, maximum: x } }
  Bad: {}
  acme: {}
  nobody: {}
`,
		[]string{
			`5:13: share.globex constrains "b", which is not a parameter of this endpoint; declared are @a, @n`,
			`5:22: share.globex.a has no bound; allowed is one value, a list of values such as [a, b], or bounds such as {minimum: 1, maximum: 5}`,
			`5:52: share.globex: n.maximum must be an integer, written without quotes; got "x"`,
			`6:3: share: "Bad" cannot be a company; a company's slug is 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit; did you mean bad?`,
			`7:3: share.acme: an endpoint needs no share with its own company`,
			`8:3: share.nobody: there is no such company; the catalog has acme, globex`,
		},
	},
	{
		`params: { a: { type: text }, b: { type: string } }
share:
  nobody: { a: 1, b: 2, c: 3 }
`,
		[]string{
			`3:22: params.a.type must be one of string, integer, decimal, boolean, date, timestamp, uuid, or an array of one such as array<integer>; got text; did you mean string?`,
			`5:3: share.nobody: there is no such company; the catalog has acme, globex`,
			`5:25: share.nobody constrains "c", which is not a parameter of this endpoint; declared are @a, @b`,
		},
	},
	{
		`params: { a: { type: string } }
share:
  globex: { a: [], }
`,
		[]string{
			`5:16: share.globex.a allows no value at all; allowed is one value, a list of values such as [a, b], or bounds such as {minimum: 1, maximum: 5}`,
		},
	},
	{
		`params: { a: { type: string } }
share:
  globex: { a: [[x]] }
`,
		[]string{
			`5:17: share.globex.a lists a list; allowed is one value, a list of values such as [a, b], or bounds such as {minimum: 1, maximum: 5}`,
		},
	},
	{
		`params: { a: { type: string } }
share:
  globex: { a: }
`,
		[]string{
			`5:15: share.globex.a has no value; allowed is one value, a list of values such as [a, b], or bounds such as {minimum: 1, maximum: 5}`,
		},
	},
	{
		`params: { a: { type: string } }
share:
  globex: { a: 5 }
`,
		[]string{
			`5:16: share.globex: a must be a string; got 5; put quotes around it`,
		},
	},
	{
		`title: &x a
description: *x
<<: *x
`,
		[]string{
			`3:8: anchors (&name) are not allowed: write the value out, or put quotes around text that begins with &`,
			`4:14: aliases (*name) are not allowed: write the value out, or put quotes around text that begins with *`,
			`5:1: merge keys (<<) are not allowed: write the keys out`,
		},
	},
	{
		`title: !!str 3
`,
		[]string{
			`3:8: tags (!name) are not allowed: leave it out, or put quotes around text that begins with !`,
		},
	},
	{
		`title: .inf
`,
		[]string{
			`3:8: infinity and NaN are not allowed; put quotes around it if it is text`,
		},
	},
	{
		`a: [1
`,
		[]string{
			`3:4: the YAML cannot be read: the list that begins here is not closed: ] is missing`,
		},
	},
	{
		`title: "x
`,
		[]string{
			`3:8: the YAML cannot be read: the text that begins here is not closed: " is missing at its end`,
		},
	},
	{
		`- a
`,
		[]string{
			`3:1: the YAML cannot be read: an entry of a list is among the keys of a map: a map is written key: value, a list as lines that begin with a hyphen`,
		},
	},
	{
		`title: a: b
`,
		[]string{
			`3:8: the YAML cannot be read: a second "key: value" begins in this line; put quotes around text that contains a colon and a space, such as "a: b", or write a map as { key: value }`,
		},
	},
	{
		`title: x
---
title: y
`,
		[]string{
			`5:6: a second YAML document begins here; allowed is one`,
		},
	},
	{
		"\ttitle: x\n",
		[]string{
			`3:1: the YAML cannot be read: a tab begins here; indent with spaces`,
		},
	},
	{
		"limits:\n\ttimeout: 5s\n",
		[]string{
			`4:1: the YAML cannot be read: a tab begins here; indent with spaces`,
		},
	},
	{
		"limits:\n  timeout: 5s\n\tmax_rows: 5\n",
		[]string{
			`5:1: the YAML cannot be read: a tab begins here; indent with spaces`,
		},
	},
	{
		`title: x */ y
`,
		[]string{
			`3:10: */ ends the comment that holds the front matter; it is allowed only in the line ---*/ that closes it`,
		},
	},
}

var endpointFileCases = []faultCase{
	{
		"",
		[]string{
			`1:1: the file must begin with a line /*---, then YAML, then a line ---*/, then the statement`,
		},
	},
	{
		"SELECT 1",
		[]string{
			`1:1: the file must begin with a line /*---, then YAML, then a line ---*/, then the statement`,
		},
	},
	{
		`/*---
source: x
`,
		[]string{
			`1:1: the front matter is not closed; it must end with a line ---*/`,
		},
	},
	{
		`/*---
---*/
SELECT 1`,
		[]string{
			`1:1: source is missing; it names the database that the statement runs on, such as source: demo`,
		},
	},
	{
		`/*---
source: x
---*/
  
`,
		[]string{
			`5:1: the statement is missing; one SQL statement must follow the line ---*/`,
		},
	},
	{
		"/*---\nsource: x\n---*/\nSELECT \x00",
		[]string{
			`4:8: the file must not contain the NUL character`,
		},
	},
	{
		"/*---\nsource: \xff\n---*/\nSELECT 1",
		[]string{
			`2:9: the file must be UTF-8; here is the byte 0xff`,
		},
	},
	{
		`/*---
source: x
---*/
SELECT @a,
 'é', @b, @@c, x@y, '@z', $$@q$$, E'\'@r', /* /* @s */ @t */ a @> b
`,
		[]string{
			`4:8: @a is not declared in params; none is declared`,
			`5:7: @b is not declared in params; none is declared`,
		},
	},
	{
		`/*---
source: x
titel: x
params: { days: { type: integer, default: x, minimum: y }, dais: { type: integer }, day: { type: integer } }
---*/
SELECT @dais, '@days', n@day, @day_ -- @days
`,
		[]string{
			`3:1: unknown key "titel"; did you mean title? Allowed are title, description, source, mode, on_timeout, active, params, limits, rate, columns, chart, deprecated, sunset, share`,
			`4:11: parameter days is declared and never used in the statement; use @days there, or leave it out here; @days in line 6 is no use of it: a parameter is written @name, in lower case, outside of quotes and comments`,
			`4:43: params.days.default must be an integer, written without quotes; got "x"`,
			`4:55: params.days.minimum must be an integer, written without quotes; got "y"`,
			`6:31: @day_ is not declared in params; declared are @dais, @day, @days; did you mean @day?`,
		},
	},
	{
		`/*---
source: x
---*/
-- comment
INSERT INTO t VALUES (:a, $1, ?2); SELECT 1
`,
		[]string{
			`5:1: a statement must begin with SELECT, VALUES or WITH; this one begins with INSERT`,
			`5:23: write a parameter as @a, not as :a`,
			`5:27: write a parameter as @name, not as $1`,
			`5:31: write a parameter as @name, not as ?2`,
			`5:36: only one statement is allowed: remove what follows its semicolon`,
		},
	},
}

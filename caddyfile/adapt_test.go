package caddyfile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/solucao42/caddy-data-api/caddymodule"
)

var update = flag.Bool("update", false, "write the golden files again")

func adapt(t testing.TB, caddyfile string) ([]byte, error) {
	t.Helper()
	adapted, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
	for _, warning := range warnings {
		if !strings.Contains(warning.Message, "not formatted") {
			t.Errorf("warning: %s", warning)
		}
	}
	if err != nil {
		return nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, adapted, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return append(indented.Bytes(), '\n'), nil
}

func TestAdapt(t *testing.T) {
	inputs, err := filepath.Glob("testdata/adapt/*.Caddyfile")
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no inputs: %v", err)
	}
	for _, input := range append(inputs, "../Caddyfile.example") {
		name := strings.TrimSuffix(filepath.Base(input), ".Caddyfile")
		t.Run(name, func(t *testing.T) {
			caddyfile, err := os.ReadFile(input)
			if err != nil {
				t.Fatal(err)
			}
			got, err := adapt(t, string(caddyfile))
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata/adapt", name+".json")
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s adapts to\n%s\nwant\n%s", input, got, want)
			}
		})
	}
}

func TestMistakesNamePlaceAndWhatIsAllowed(t *testing.T) {
	const catalog = "\t\tcatalog ./c\n"
	const source = "\t\tsource demo sqlite ./demo.db\n"
	global := func(lines string) string { return "{\n\tdata_api {\n" + lines + "\t}\n}\n" }
	for name, test := range map[string]struct{ caddyfile, want string }{
		"argument to the block":    {"{\n\tdata_api ./catalog\n}\n", `Caddyfile:2: data_api takes no argument here, only a block; got "./catalog"`},
		"second block":             {"{\n\tdata_api {\n" + catalog + source + "\t}\n\tdata_api {\n\t}\n}\n", `Caddyfile:6: data_api is configured twice`},
		"no catalog":               {global(source), "Caddyfile:4: data_api needs a catalog: write `catalog DIR`"},
		"no source":                {global(catalog), "Caddyfile:4: data_api needs a source: write `source NAME sqlite FILE`"},
		"slow query option":        {global("\t\tslow_queries 1s {\n\t\t\tplans\n\t\t}\n"), `Caddyfile:4: unknown slow_queries option "plans"; did you mean plan?`},
		"slow query duration":      {global("\t\tslow_queries soon {\n\t\t\tplan\n\t\t}\n"), `Caddyfile:3: slow_queries must be a duration above zero`},
		"unknown option":           {global("\t\tcatalogue ./c\n"), `Caddyfile:3: unknown option "catalogue"; did you mean catalog? Allowed are catalog, strict, store, source, tokens, jobs, callbacks, answers, cache, usage, audit, tracing, metrics and slow_queries`},
		"catalog twice":            {global(catalog + catalog), `Caddyfile:4: catalog is set twice`},
		"catalog without value":    {global("\t\tcatalog\n"), `Caddyfile:3: catalog needs a value, such as ` + "`catalog ./catalog`"},
		"retention without value":  {global("\t\tjobs {\n\t\t\tretention\n\t\t}\n"), "Caddyfile:4: retention needs a value, such as `retention 24h`"},
		"near kind":                {global("\t\tsource demo postgresql x\n"), `Caddyfile:3: unknown source "postgresql"; did you mean postgres? Allowed are postgres and sqlite`},
		"kind for a name":          {global("\t\tsource postgres {env.X}\n"), "Caddyfile:3: source needs a name of your choice before its kind: write `source NAME postgres ...`"},
		"kind alone":               {global("\t\tsource sqlite\n"), "Caddyfile:3: source needs a name of your choice before its kind: write `source NAME sqlite ...`"},
		"near option":              {global("\t\tjobs {\n\t\t\tworker 3\n\t\t}\n"), `Caddyfile:4: unknown jobs option "worker"; did you mean workers? Allowed are per_company, quota, retention, waiting_callers and workers`},
		"near algorithm":           {global("\t\ttokens {\n\t\t\talgorithm eddsa\n\t\t}\n"), `Caddyfile:4: tokens.algorithm is "eddsa": allowed are EdDSA, ES256 and HS256; did you mean EdDSA?`},
		"catalog with two":         {global("\t\tcatalog a b\n"), `Caddyfile:3: catalog takes one value; "b" is one too many`},
		"source without kind":      {global("\t\tsource demo\n"), `Caddyfile:3: source needs a kind: allowed are postgres and sqlite`},
		"source without name":      {global("\t\tsource\n"), `Caddyfile:3: source needs a name and a kind`},
		"unknown kind":             {global("\t\tsource demo mysql x\n"), `Caddyfile:3: unknown source "mysql": allowed are postgres and sqlite`},
		"source twice":             {global(source + source), `Caddyfile:4: source "demo" is configured twice`},
		"sqlite without file":      {global("\t\tsource demo sqlite\n"), "Caddyfile:3: sqlite needs the database's file"},
		"sqlite option":            {global("\t\tsource demo sqlite x {\n\t\t\tconns 3\n\t\t}\n"), `Caddyfile:4: unknown sqlite option "conns"; did you mean max_conns? Allowed are authors, max_conns and path`},
		"a misspelt author":        {global("\t\tsource demo sqlite x {\n\t\t\tauthor acme\n\t\t}\n"), `Caddyfile:4: unknown sqlite option "author"; did you mean authors?`},
		"connections in words":     {global("\t\tsource demo sqlite x {\n\t\t\tmax_conns many\n\t\t}\n"), `Caddyfile:4: max_conns must be a whole number of at least 1; got "many"`},
		"postgres without DSN":     {global("\t\tsource w postgres\n"), "Caddyfile:3: postgres needs a connection string"},
		"superuser with a value":   {global("\t\tsource w postgres x {\n\t\t\tallow_superuser yes\n\t\t}\n"), `Caddyfile:4: allow_superuser takes no value; got "yes"`},
		"claims in words":          {global("\t\tsource w postgres x {\n\t\t\tclaims yes\n\t\t}\n"), `Caddyfile:4: claims must be on or off; got "yes"`},
		"unknown store":            {global("\t\tstore redis\n"), `Caddyfile:3: unknown store "redis": allowed are bbolt and postgres`},
		"tokens option":            {global("\t\ttokens {\n\t\t\tttl 3m\n\t\t}\n"), `Caddyfile:4: unknown tokens option "ttl"; did you mean access_ttl? Allowed are access_ttl, algorithm, audience, hs256_previous, hs256_secret, issuer, refresh_ttl, throttle and trust`},
		"throttle in words":        {global("\t\ttokens {\n\t\t\tthrottle soft\n\t\t}\n"), `Caddyfile:4: throttle takes a block of limits, or the word off; got "soft"`},
		"throttle in more words":   {global("\t\ttokens {\n\t\t\tthrottle off now\n\t\t}\n"), `Caddyfile:4: throttle takes a block of limits, or the word off; got "off now"`},
		"throttle option":          {global("\t\ttokens {\n\t\t\tthrottle {\n\t\t\t\tip 1/1s\n\t\t\t}\n\t\t}\n"), `Caddyfile:5: unknown throttle option "ip"; did you mean address? Allowed are address, failures, identity and total`},
		"throttle limit":           {global("\t\ttokens {\n\t\t\tthrottle {\n\t\t\t\taddress 10/m\n\t\t\t}\n\t\t}\n"), `Caddyfile:5: tokens.throttle.address: "10/m" has a period that is no duration`},
		"throttle burst":           {global("\t\ttokens {\n\t\t\tthrottle {\n\t\t\t\ttotal 10/1s burst 0\n\t\t\t}\n\t\t}\n"), `Caddyfile:5: tokens.throttle.total: "10/1s burst 0" has a burst of 0: it must lie between 1 and 1000000`},
		"throttle without limit":   {global("\t\ttokens {\n\t\t\tthrottle {\n\t\t\t\ttotal\n\t\t\t}\n\t\t}\n"), `Caddyfile:5: total needs a limit, such as 100/1m burst 20`},
		"tokens on one line":       {global("\t\ttokens https://x\n"), `Caddyfile:3: tokens has one argument too many, "https://x": its options belong in a block`},
		"duration":                 {global("\t\tjobs {\n\t\t\tretention soon\n\t\t}\n"), `Caddyfile:4: retention must be a duration above zero, such as 90s, 10m, 24h or 7d; got "soon"`},
		"negative duration":        {global("\t\tjobs {\n\t\t\tretention -1h\n\t\t}\n"), `Caddyfile:4: retention must be a duration above zero`},
		"workers":                  {global("\t\tjobs {\n\t\t\tworkers 0\n\t\t}\n"), `Caddyfile:4: workers must be a whole number of at least 1; got "0"`},
		"quota":                    {global("\t\tjobs {\n\t\t\tquota lots\n\t\t}\n"), `Caddyfile:4: quota must be a size such as 500MiB or 10GiB; got "lots"`},
		"callbacks":                {global("\t\tcallbacks {\n\t\t\tallow\n\t\t}\n"), `Caddyfile:4: allow needs at least one HOST:PORT`},
		"short secret":             {global("\t\ttokens {\n\t\t\ths256_secret short\n\t\t}\n"), `Caddyfile:4: tokens.hs256_secret has 5 bytes: HS256 needs at least 32`},
		"long-lived token":         {global("\t\ttokens {\n\t\t\taccess_ttl 48h\n\t\t}\n"), `Caddyfile:4: tokens.access_ttl is 48h0m0s: it must lie between 1s and 24h0m0s`},
		"allowed URL":              {global("\t\tcallbacks {\n\t\t\tallow http://x/\n\t\t}\n"), `Caddyfile:4: callbacks.allow "http://x/": must be HOST:PORT without a scheme, such as 127.0.0.1:3101`},
		"source's name":            {global("\t\tsource Shop! sqlite x\n"), `Caddyfile:3: "Shop!" cannot name a source: a name has 1 to 63 lower-case letters`},
		"directive option":         {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tprefix /x\n\t}\n}\n", `Caddyfile:9: unknown data_api option "prefix": allowed are base_url, cors, docs, console, health, mcp, max_body and server_timing`},
		"page on the API":          {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs /api/docs\n\t}\n}\n", `Caddyfile:9: docs must not lie below /api or /.well-known`},
		"page nowhere":             {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs no\n\t}\n}\n", `Caddyfile:9: docs must be off, or a path such as /docs`},
		"agents on the API":        {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tmcp /api/mcp\n\t}\n}\n", `Caddyfile:9: mcp must not lie below /api or /.well-known`},
		"agents twice":             {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tmcp /a /b\n\t}\n}\n", `Caddyfile:9: mcp takes one path; "/b" is one too many`},
		"directive argument":       {global(catalog+source) + ":80 {\n\tdata_api foo\n}\n", `Caddyfile:8: data_api has one argument too many, "foo": its options belong in a block`},
		"problem with argument":    {global(catalog+source) + ":80 {\n\tdata_api_problem 404\n}\n", `Caddyfile:8: data_api_problem takes a matcher and nothing else; got "404"`},
		"problem with block":       {global(catalog+source) + ":80 {\n\tdata_api_problem {\n\t\tdocs off\n\t}\n}\n", `Caddyfile:9: data_api_problem takes a matcher and nothing else; got "docs"`},
		"size":                     {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tmax_body huge\n\t}\n}\n", `Caddyfile:9: max_body must be a size from 1 byte to 64MiB, such as 256KiB or 1MB; got "huge"`},
		"health":                   {global(catalog+source) + ":80 {\n\tdata_api {\n\t\thealth on\n\t}\n}\n", `Caddyfile:9: health takes a block, or the word off; got "on"`},
		"health on the API":        {global(catalog+source) + ":80 {\n\tdata_api {\n\t\thealth {\n\t\t\tlive /api/live\n\t\t}\n\t}\n}\n", `Caddyfile:10: health.live must not lie below /api`},
		"one path for both":        {global(catalog+source) + ":80 {\n\tdata_api {\n\t\thealth {\n\t\t\tlive /h\n\t\t\tready /h\n\t\t}\n\t}\n}\n", `Caddyfile:11: health.live and health.ready are both /h`},
		"detail for a name":        {global(catalog+source) + ":80 {\n\tdata_api {\n\t\thealth {\n\t\t\tdetail probes.example\n\t\t}\n\t}\n}\n", `Caddyfile:10: health.detail "probes.example": must be an address or a network, such as 127.0.0.1 or 10.0.0.0/8`},
		"base URL without host":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tbase_url /edge\n\t}\n}\n", `Caddyfile:9: base_url must be a URL with https or http, a host`},
		"cors without origins":     {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tcors {\n\t\t\tmax_age 1h\n\t\t}\n\t}\n}\n", `Caddyfile:10: cors needs origins, such as`},
		"cors origin with a path":  {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tcors {\n\t\t\torigins https://app.example/\n\t\t}\n\t}\n}\n", `Caddyfile:10: cors: origin "https://app.example/" must end after the host`},
		"cors for all and one":     {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tcors {\n\t\t\torigins * https://x.example\n\t\t}\n\t}\n}\n", `Caddyfile:10: cors: origin * is all there are`},
		"cors for long":            {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tcors {\n\t\t\torigins *\n\t\t\tmax_age 48h\n\t\t}\n\t}\n}\n", `Caddyfile:11: cors: max_age is 48h0m0s: it must be from 0s to 24h0m0s`},
		"company":                  {global("\t\tcatalog ./c\n\t\tmetrics {\n\t\t\tcompany no\n\t\t}\n"), `Caddyfile:5: company must be on or off; got "no"`},
		"too little memory":        {global("\t\tcatalog ./c\n\t\tanswers {\n\t\t\tmemory 1MiB\n\t\t}\n"), `Caddyfile:5: answers.memory is 1048576 bytes: it must be at least 16777216`},
		"no authors":               {global("\t\tsource demo sqlite x {\n\t\t\tauthors\n\t\t}\n"), "Caddyfile:4: authors needs at least one company"},
		"authors twice":            {global("\t\tsource demo sqlite x {\n\t\t\tauthors acme\n\t\t\tmax_conns 2\n\t\t\tauthors globex\n\t\t}\n"), "Caddyfile:6: authors is set twice: list all companies behind one"},
		"an author twice":          {global("\t\tsource demo sqlite x {\n\t\t\tauthors acme acme\n\t\t}\n"), "Caddyfile:4: authors lists acme twice"}, //nolint:dupword // as it is meant
		"an odd author":            {global("\t\tsource demo sqlite x {\n\t\t\tauthors *\n\t\t}\n"), `Caddyfile:4: authors: "*" cannot be a company`},
		"an option behind authors": {global("\t\tsource demo sqlite x {\n\t\t\tauthors acme\n\t\t\tconns 3\n\t\t}\n"), `Caddyfile:5: unknown sqlite option "conns"`},
		"console on the page":      {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs /help\n\t\tconsole /help/console\n\t}\n}\n", `Caddyfile:11: console is /help/console and docs is /help: one must not lie below the other`},
		"page on the health":       {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs /health\n\t}\n}\n", `Caddyfile:10: docs is /health and health.live is /health/live: requests for the second would get to the first`},
		"health on the console":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\thealth {\n\t\t\tready /console\n\t\t}\n\t}\n}\n", `Caddyfile:12: console is /console and health.ready is /console`},
		"agents on the page":       {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tmcp /docs\n\t}\n}\n", `Caddyfile:10: docs is /docs and mcp is /docs`},
		"agents below the page":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tmcp /docs/mcp\n\t}\n}\n", `Caddyfile:10: docs is /docs and mcp is /docs/mcp`},
		"page below the agents":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs /mcp/help\n\t\tmcp\n\t}\n}\n", `Caddyfile:11: mcp is /mcp and docs is /mcp/help`},
		"page that is no place":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs /a/../b\n\t}\n}\n", `Caddyfile:9: docs must be off, or a path such as /docs`},
		"page with two slashes":    {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tdocs //b\n\t}\n}\n", `Caddyfile:9: docs must be off, or a path such as /docs`},
		"console on the API":       {global(catalog+source) + ":80 {\n\tdata_api {\n\t\tconsole /api/console\n\t}\n}\n", `Caddyfile:9: console must not lie below /api or /.well-known`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := adapt(t, test.caddyfile)
			place, message, ok := strings.Cut(test.want, ": ")
			if err == nil || !ok || !strings.Contains(err.Error(), message) || !strings.Contains(err.Error(), ", at "+place) {
				t.Errorf("got  %v\nwant %s, at %s", err, message, place)
			}
		})
	}
}

func FuzzCaddyfile(f *testing.F) {
	inputs, err := filepath.Glob("testdata/adapt/*.Caddyfile")
	if err != nil {
		f.Fatal(err)
	}
	for _, input := range append(inputs, "../Caddyfile.example") {
		caddyfile, err := os.ReadFile(input)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(caddyfile))
	}
	adapter := caddyconfig.GetAdapter("caddyfile")
	f.Fuzz(func(t *testing.T, caddyfile string) {
		if strings.Contains(caddyfile, "import") {
			return // imports read files
		}
		adapted, _, err := adapter.Adapt([]byte(caddyfile), map[string]any{"filename": "Caddyfile"})
		if err == nil && !json.Valid(adapted) {
			t.Errorf("adapted to invalid JSON: %s", adapted)
		}
	})
}

func TestASourceMayBeNamedAsItsKind(t *testing.T) {
	adapted, err := adapt(t, "{\n\tdata_api {\n\t\tcatalog ./c\n\t\tsource \"sqlite\" sqlite ./demo.db\n\t\tsource postgres sqlite ./other.db\n\t}\n}\n")
	if err != nil || !strings.Contains(string(adapted), `"path": "./other.db"`) || !strings.Contains(string(adapted), `"path": "./demo.db"`) {
		t.Errorf("%s %v", adapted, err)
	}
}

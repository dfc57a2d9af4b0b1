package caddyfile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// parseBlock reads a block of options, each at most once, and calls the reader of each with the dispenser on its name.
func parseBlock(d *caddyfile.Dispenser, name string, options map[string]func() error) error {
	return parseRepeatable(d, name, "", options)
}

// parseRepeatable is parseBlock with one option that may stand more than once.
func parseRepeatable(d *caddyfile.Dispenser, name, repeatable string, options map[string]func() error) error {
	if d.NextArg() {
		return d.Errf("%s has one argument too many, %q: its options stand in a block", name, d.Val())
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		option := d.Val()
		read, ok := options[option]
		if !ok {
			return d.Errf("unknown %s option %q%s", name, option, allowed(option, slices.Sorted(maps.Keys(options))))
		}
		if seen[option] && option != repeatable {
			return d.Errf("%s is set twice", option)
		}
		seen[option] = true
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// oneArg reads exactly one argument.
func oneArg(d *caddyfile.Dispenser, target *string) error {
	option := d.Val()
	if !d.NextArg() {
		return d.Errf("%s needs a value%s", option, example(option))
	}
	*target = d.Val()
	if *target == "" {
		return d.Errf("%s must not be empty", option)
	}
	if d.NextArg() {
		return d.Errf("%s takes one value; %q is one too many", option, d.Val())
	}
	return nil
}

func oneInt(d *caddyfile.Dispenser, target *int) error {
	option := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return d.Errf("%s must be a whole number of at least 1; got %q", option, text)
	}
	*target = n
	return nil
}

func oneDuration(d *caddyfile.Dispenser, target *caddy.Duration) error {
	option := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	duration, err := caddy.ParseDuration(text)
	if err != nil || duration <= 0 {
		return d.Errf("%s must be a duration above zero, such as 90s, 10m, 24h or 7d; got %q", option, text)
	}
	*target = caddy.Duration(duration)
	return nil
}

// flag reads an option that stands alone.
func flag(d *caddyfile.Dispenser, target *bool) error {
	option := d.Val()
	if d.NextArg() {
		return d.Errf("%s takes no value; got %q", option, d.Val())
	}
	*target = true
	return nil
}

// onOff reads a switch.
func onOff(d *caddyfile.Dispenser, target *bool) error {
	option := d.Val()
	var text string
	if err := oneArg(d, &text); err != nil {
		return err
	}
	if text != "on" && text != "off" {
		return d.Errf("%s must be on or off; got %q", option, text)
	}
	*target = text == "on"
	return nil
}

// allowed ends a sentence about a word that is not one of those allowed. Words that other systems use are known too.
func allowed(word string, words []string) string {
	near := dataapi.Nearest(word, words)
	if meant := optionsMeant[strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(word))]; slices.Contains(words, meant) {
		near = meant
	}
	if near != "" {
		return "; did you mean " + near + "? Allowed are " + dataapi.Listing(words)
	}
	return ": allowed are " + dataapi.Listing(words)
}

// optionsMeant are words that other systems use for options of ours.
var optionsMeant = map[string]string{
	"database": "source", "db": "source", "datasource": "source", "storage": "store", "endpoints": "catalog", "directory": "catalog", "dir": "catalog",
	"auth": "tokens", "jwt": "tokens", "token": "tokens", "webhooks": "callbacks", "callback": "callbacks", "job": "jobs", "queue": "jobs",
	"conns": "max_conns", "connections": "max_conns", "poolsize": "max_conns", "maxconnections": "max_conns", "url": "dsn", "file": "path",
	"ttl": "access_ttl", "accesstokenttl": "access_ttl", "refreshtokenttl": "refresh_ttl",
	"secret": "hs256_secret", "alg": "algorithm", "aud": "audience", "iss": "issuer",
	"ratelimit": "throttle", "concurrency": "workers", "threads": "workers", "ttlresults": "retention", "keep": "retention", "ip": "address",
	"bodysize": "max_body", "maxsize": "max_body", "bodylimit": "max_body", "superuser": "allow_superuser", "rls": "claims",
	"postgresql": "postgres", "pg": "postgres", "pgx": "postgres", "sqlite3": "sqlite",
	"bolt": "bbolt", "jwksuri": "jwks", "jwksurl": "jwks", "tenant": "company",
}

// example shows a value of an option, for those who have left it out.
func example(option string) string {
	if value := examples[option]; value != "" {
		return ", such as `" + option + " " + value + "`"
	}
	return ""
}

var examples = map[string]string{
	"catalog": "./catalog", "path": "./data/demo.db", "dsn": "{env.WAREHOUSE_URL}", "max_conns": "8", "role": "reporting", "claims": "on",
	"statement_cache": "off", "lanes": "2", "issuer": "https://api.example.com", "audience": "https://api.example.com", "algorithm": "EdDSA",
	"access_ttl": "10m", "refresh_ttl": "168h", "hs256_secret": "{env.TOKEN_SECRET}", "workers": "4", "per_company": "3", "waiting_callers": "1000",
	"quota": "10GiB", "retention": "24h", "size": "64MiB", "max_result": "1MiB", "max_body": "256KiB", "docs": "/docs", "company": "acme",
	"jwks": "https://login.example.com/.well-known/jwks.json", "user_claim": "sub",
}

// moduleNames lists the guests that this binary holds in a namespace.
func moduleNames(namespace string) []string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	slices.Sort(names)
	return names
}

package caddyfile

import (
	"math"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// option is one option of a block. Its reader is called with the dispenser on the name.
type option struct {
	name    string
	read    func() error
	repeats bool // it may stand more than once
}

// parseBlock reads a block of options. After each it asks check, unless that is nil, so that what the configuration finds
// wrong has a line. Errors list the options in this order.
func parseBlock(d *caddyfile.Dispenser, name string, check func() error, options ...option) error {
	if d.NextArg() {
		return d.Errf("%s has one argument too many, %q: its options stand in a block", name, d.Val())
	}
	names := make([]string, len(options))
	byName := make(map[string]option)
	for i, o := range options {
		names[i], byName[o.name] = o.name, o
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		found, ok := byName[d.Val()]
		if !ok {
			return d.Errf("unknown %s %q%s", strings.TrimSpace(name+" option"), d.Val(), allowed(d.Val(), names))
		}
		if seen[found.name] && !found.repeats {
			return d.Errf("%s is set twice", found.name)
		}
		seen[found.name] = true
		if err := found.read(); err != nil {
			return err
		}
		if check == nil {
			continue
		}
		if err := check(); err != nil {
			return d.WrapErr(err)
		}
	}
	return nil
}

// block reads a block into a struct of its own.
func block[T any](d *caddyfile.Dispenser, target **T, parse func(*caddyfile.Dispenser, *T) error) func() error {
	return func() error {
		*target = new(T)
		return parse(d, *target)
	}
}

// one reads exactly one argument, which parse understands or says what it must be. The example is shown to those who
// have left it out.
func one[T any](d *caddyfile.Dispenser, target *T, example string, parse func(string) (value T, must string)) func() error {
	return func() error {
		name := d.Val()
		if !d.NextArg() {
			return d.Errf("%s needs a value, such as `%s %s`", name, name, example)
		}
		argument := d.Val()
		if argument == "" {
			return d.Errf("%s must not be empty", name)
		}
		if d.NextArg() {
			return d.Errf("%s takes one value; %q is one too many", name, d.Val())
		}
		value, must := parse(argument)
		if must != "" {
			return d.Errf("%s must be %s; got %q", name, must, argument)
		}
		*target = value
		return nil
	}
}

func text(d *caddyfile.Dispenser, target *string, example string) func() error {
	return one(d, target, example, func(argument string) (string, string) { return argument, "" })
}

func number(d *caddyfile.Dispenser, target *int, example string) func() error {
	return one(d, target, example, func(argument string) (int, string) {
		n, err := strconv.Atoi(argument)
		if err != nil || n < 1 {
			return 0, "a whole number of at least 1"
		}
		return n, ""
	})
}

func duration(d *caddyfile.Dispenser, target *caddy.Duration, example string) func() error {
	return one(d, target, example, func(argument string) (caddy.Duration, string) {
		length, err := caddy.ParseDuration(argument)
		if err != nil || length <= 0 {
			return 0, "a duration above zero, such as 90s, 10m, 24h or 7d"
		}
		return caddy.Duration(length), ""
	})
}

// size reads a number of bytes up to a limit, or what it must be.
func size(d *caddyfile.Dispenser, target *int64, example string, most uint64, must string) func() error {
	return one(d, target, example, func(argument string) (int64, string) {
		bytes, err := humanize.ParseBytes(argument)
		if err != nil || bytes < 1 || bytes > most {
			return 0, must
		}
		return int64(bytes), ""
	})
}

func quota(d *caddyfile.Dispenser, target *int64, example string) func() error {
	return size(d, target, example, math.MaxInt64, "a size such as 500MiB or 10GiB")
}

func onOff(d *caddyfile.Dispenser, target *bool, example string) func() error {
	return one(d, target, example, func(argument string) (bool, string) {
		if argument != "on" && argument != "off" {
			return false, "on or off"
		}
		return argument == "on", ""
	})
}

// flag reads an option that stands alone.
func flag(d *caddyfile.Dispenser, target *bool) func() error {
	return func() error {
		name := d.Val()
		if d.NextArg() {
			return d.Errf("%s takes no value; got %q", name, d.Val())
		}
		*target = true
		return nil
	}
}

// words reads one or more arguments.
func words(d *caddyfile.Dispenser, set func([]string), needs string) func() error {
	return func() error {
		name := d.Val()
		arguments := d.RemainingArgs()
		if len(arguments) == 0 {
			return d.Errf("%s needs %s", name, needs)
		}
		set(arguments)
		return nil
	}
}

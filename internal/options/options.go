package options

import (
	"math"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"
)

// Option is one option of a block.
type Option struct {
	name    string
	read    func(d *caddyfile.Dispenser) error // with the dispenser on the name
	repeats bool
}

// Custom is an option that read reads, with the dispenser on its name.
func Custom(name string, read func(d *caddyfile.Dispenser) error) Option {
	return Option{name: name, read: read}
}

// Elsewhere is an option that has been read and taken away before the others of its block, and is named among them for those who misspell it.
func Elsewhere(name string) Option {
	return Option{name: name, read: func(d *caddyfile.Dispenser) error { return d.Errf("%s is not read in this place", name) }}
}

// Repeated is the option where it may be given more than once.
func (o Option) Repeated() Option {
	o.repeats = true
	return o
}

// With is the option where a block of further ones may follow its value.
func (o Option) With(block ...Option) Option {
	value := o.read
	o.read = func(d *caddyfile.Dispenser) error {
		if err := value(d); err != nil {
			return err
		}
		return Read(d, o.name, nil, block...)
	}
	return o
}

// Read reads a block. After each option it asks check, unless that is nil, so that what the configuration finds wrong has a
// line. Errors list the options in this order.
func Read(d *caddyfile.Dispenser, name string, check func() error, options ...Option) error {
	if d.NextArg() {
		return d.Errf("%s has one argument too many, %q: its options belong in a block", name, d.Val())
	}
	names := make([]string, len(options))
	byName := make(map[string]Option)
	for i, o := range options {
		names[i], byName[o.name] = o.name, o
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		found, ok := byName[d.Val()]
		if !ok {
			return d.Errf("unknown %s %q%s", strings.TrimSpace(name+" option"), d.Val(), Allowed(d.Val(), names))
		}
		if seen[found.name] && !found.repeats {
			return d.Errf("%s is set twice", found.name)
		}
		seen[found.name] = true
		if err := found.read(d); err != nil {
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

// Block is a block of its own, which is read into a new struct.
func Block[T any](name string, target **T, parse func(*caddyfile.Dispenser, *T) error) Option {
	return Custom(name, func(d *caddyfile.Dispenser) error {
		*target = new(T)
		return parse(d, *target)
	})
}

// Value takes exactly one argument, which parse understands or says what it must be.
func Value[T any](name string, target *T, example string, parse func(string) (value T, must string)) Option {
	return Custom(name, func(d *caddyfile.Dispenser) error {
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
	})
}

// Text takes any text but an empty one.
func Text(name string, target *string, example string) Option {
	return Value(name, target, example, func(argument string) (string, string) { return argument, "" })
}

// Number takes a whole number of at least 1.
func Number(name string, target *int, example string) Option {
	return Value(name, target, example, func(argument string) (int, string) {
		n, err := strconv.Atoi(argument)
		if err != nil || n < 1 {
			return 0, "a whole number of at least 1"
		}
		return n, ""
	})
}

// Duration takes a duration, in which d means days.
func Duration(name string, target *caddy.Duration, example string) Option {
	return Value(name, target, example, func(argument string) (caddy.Duration, string) {
		length, err := caddy.ParseDuration(argument)
		if err != nil || length <= 0 {
			return 0, "a duration above zero, such as 90s, 10m, 24h or 7d"
		}
		return caddy.Duration(length), ""
	})
}

// Bytes takes a number of bytes.
func Bytes(name string, target *int64, example string) Option {
	return BytesUpTo(math.MaxInt64, "a size such as 500MiB or 10GiB", name, target, example)
}

// BytesUpTo takes at most so many bytes; must says what is allowed.
func BytesUpTo(most uint64, must, name string, target *int64, example string) Option {
	return Value(name, target, example, func(argument string) (int64, string) {
		bytes, err := humanize.ParseBytes(argument)
		if err != nil || bytes < 1 || bytes > most {
			return 0, must
		}
		return int64(bytes), ""
	})
}

// OnOff is a switch.
func OnOff(name string, target *bool, example string) Option {
	return Value(name, target, example, func(argument string) (bool, string) {
		if argument != "on" && argument != "off" {
			return false, "on or off"
		}
		return argument == "on", ""
	})
}

// Flag takes no value, and switches on.
func Flag(name string, target *bool) Option {
	return Custom(name, func(d *caddyfile.Dispenser) error {
		if d.NextArg() {
			return d.Errf("%s takes no value; got %q", name, d.Val())
		}
		*target = true
		return nil
	})
}

// Words takes one or more arguments; needs says what is missing when there is none.
func Words(name, needs string, set func([]string)) Option {
	return Custom(name, func(d *caddyfile.Dispenser) error {
		arguments := d.RemainingArgs()
		if len(arguments) == 0 {
			return d.Errf("%s needs %s", name, needs)
		}
		set(arguments)
		return nil
	})
}

package caddyfile

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
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
			return d.Errf("unknown %s option %q: allowed are %s", name, option, list(slices.Sorted(maps.Keys(options))))
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
		return d.Errf("%s needs a value", option)
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

// moduleNames lists the guests that this binary holds in a namespace.
func moduleNames(namespace string) string {
	var names []string
	for _, info := range caddy.GetModules(namespace) {
		names = append(names, info.ID.Name())
	}
	slices.Sort(names)
	return list(names)
}

// list joins names as a sentence does: a, b and c.
func list(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		last := len(names) - 1
		return strings.Join(names[:last], ", ") + " and " + names[last]
	}
}

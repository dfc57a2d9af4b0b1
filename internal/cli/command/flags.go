package command

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// RefuseUnknown answers a group of commands that is called without one of them, or with a word that is not one of them.
func RefuseUnknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("unknown command %q for %q%s `%s --help` lists the commands",
		args[0], cmd.CommandPath(), cmp.Or(dataapi.DidYouMean(args[0], commandNames(cmd)), ";"), cmd.CommandPath())
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, command := range cmd.Commands() {
		names = append(names, command.Name())
	}
	return names
}

// NoArguments refuses arguments.
func NoArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return RefuseUnknown(cmd, args)
	default:
		return fmt.Errorf("%s takes no argument; got %q. Usage: %s", cmd.CommandPath(), args[0], cmd.UseLine())
	}
}

// OneArgument wants exactly one argument and names it when it is missing.
func OneArgument(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one argument, %s; got %d. Usage: %s", cmd.CommandPath(), name, len(args), cmd.UseLine())
		}
		return nil
	}
}

// RequireFlags refuses to run a command without the flags, and says how it is called.
func RequireFlags(cmd *cobra.Command, names ...string) {
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		var missing []string
		for _, name := range names {
			if cmd.Flag(name).Value.String() == "" {
				missing = append(missing, "--"+name)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		verb := "is"
		if len(missing) > 1 {
			verb = "are"
		}
		return fmt.Errorf("%s %s missing. Usage: %s", dataapi.Listing(missing), verb, cmd.UseLine())
	}
}

// ExplainFlag words what is wrong with a flag.
func ExplainFlag(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var known []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, "--"+flag.Name) })
		written := unknown.GetSpecifiedName()
		return fmt.Errorf("%s has no flag %q%s Its flags are %s", cmd.CommandPath(), written,
			cmp.Or(dataapi.DidYouMean("--"+written, known), "."), dataapi.Listing(known))
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return fmt.Errorf("--%s needs a value: %s", bare.GetSpecifiedName(), bare.GetFlag().Usage)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return fmt.Errorf("--%s is %q: it must be %s", invalid.GetFlag().Name, invalid.GetValue(), flagTypes[invalid.GetFlag().Value.Type()])
	}
	return err
}

// flagTypes are the types of flags, in words.
var flagTypes = map[string]string{
	"string": "text", "int": "a whole number", "bool": "true or false", "duration": "a duration such as 90m, 24h or 90d",
	"size": "a size such as 50MiB",
}

// NotBoth refuses two flags of which each says another thing.
func NotBoth(c *Call, one, other string) error {
	if c.Changed(one) && c.Changed(other) {
		return fmt.Errorf("give --%s or --%s, not both", one, other)
	}
	return nil
}

// Site reads a flag that says where a site is, and returns it without a slash at its end; "" for one that was not given.
func Site(c *Call, name string) (string, error) {
	base, err := dataapi.ParseBase(c.String(name))
	if err != nil {
		return "", fmt.Errorf("--%s is %q: it must be a URL with https or http, a host, and at most a path, such as https://api.example.com",
			name, c.String(name))
	}
	return base.URL, nil
}

// JSONFlag adds --json.
func JSONFlag(cmd *cobra.Command, usage string) { cmd.Flags().Bool("json", false, usage) }

// ConfigFlags adds --config and --adapter.
func ConfigFlags(cmd *cobra.Command, usage string) {
	cmd.Flags().StringP("config", "c", "", usage)
	cmd.Flags().StringP("adapter", "a", "", "name of the configuration's adapter")
}

// CompanyUserFlags adds --company and --user, and requires both.
func CompanyUserFlags(cmd *cobra.Command) {
	cmd.Flags().String("company", "", "slug of the company (required)")
	cmd.Flags().String("user", "", "name of the company's user (required)")
	RequireFlags(cmd, "company", "user")
}

// DurationFlag adds a flag that is a duration as the Caddyfile has them, in which d stands for days.
func DurationFlag(cmd *cobra.Command, name string, value time.Duration, usage string) {
	cmd.Flags().Var((*duration)(&value), name, usage)
}

type duration time.Duration

// Set implements pflag.Value.
func (d *duration) Set(text string) error {
	parsed, err := caddy.ParseDuration(text)
	*d = duration(parsed)
	return err
}

// String implements pflag.Value. Nothing stands for no time, so that no usage calls it a default.
func (d *duration) String() string {
	if *d == 0 {
		return ""
	}
	return dataapi.Span(time.Duration(*d))
}

// Type implements pflag.Value.
func (*duration) Type() string { return "duration" }

package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// refuseUnknown answers a group of commands that is called without one of them, or with a word that is none.
func refuseUnknown(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	return fmt.Errorf("unknown command %q for %q%s `%s --help` lists the commands",
		args[0], cmd.CommandPath(), didYouMean(args[0], commandNames(cmd), ";"), cmd.CommandPath())
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, command := range cmd.Commands() {
		names = append(names, command.Name())
	}
	return names
}

// didYouMean asks for the one of the words that is near, or returns the end of a sentence when there is none.
func didYouMean(word string, words []string, otherwise string) string {
	if near := dataapi.Nearest(word, words); near != "" {
		return "; did you mean " + near + "?"
	}
	return otherwise
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return refuseUnknown(cmd, args)
	default:
		return fmt.Errorf("%s takes no argument; got %q. Usage: %s", cmd.CommandPath(), args[0], cmd.UseLine())
	}
}

// oneArgument wants exactly one argument and names it when it is missing.
func oneArgument(name string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one argument, %s; got %d. Usage: %s", cmd.CommandPath(), name, len(args), cmd.UseLine())
		}
		return nil
	}
}

// requireFlags refuses to run a command without the flags, and says how it is called.
func requireFlags(cmd *cobra.Command, names ...string) {
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

// explainFlag words what is wrong with a flag.
func explainFlag(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var known []string
		cmd.Flags().VisitAll(func(flag *pflag.Flag) { known = append(known, "--"+flag.Name) })
		written := unknown.GetSpecifiedName()
		return fmt.Errorf("%s has no flag %q%s Its flags are %s", cmd.CommandPath(), written, didYouMean("--"+written, known, "."), dataapi.Listing(known))
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
}

// duration adds a flag that is a duration as the Caddyfile has them, in which d stands for days.
func duration(cmd *cobra.Command, name string, value time.Duration, usage string) {
	flag := durationFlag(value)
	cmd.Flags().Var(&flag, name, usage)
}

type durationFlag time.Duration

// Set implements pflag.Value.
func (f *durationFlag) Set(text string) error {
	parsed, err := caddy.ParseDuration(text)
	*f = durationFlag(parsed)
	return err
}

// String implements pflag.Value. Nothing stands for no time, so that no usage calls it a default.
func (f *durationFlag) String() string {
	if *f == 0 {
		return ""
	}
	text := time.Duration(*f).String()
	for _, zeros := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zeros) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// Type implements pflag.Value.
func (*durationFlag) Type() string { return "duration" }

// adminAddress finds the admin API: at the address that is given, or where the configuration says.
func adminAddress(address, configFile, adapter string) (string, error) {
	var config []byte
	if address == "" && configFile != "" {
		var err error
		if config, _, _, err = caddycmd.LoadConfig(configFile, adapter); err != nil {
			return "", fmt.Errorf("finding the admin address in %s: %w", configFile, err)
		}
		var settings struct {
			Admin struct {
				Disabled bool `json:"disabled"`
			} `json:"admin"`
		}
		if json.Unmarshal(config, &settings) == nil && settings.Admin.Disabled {
			return "", fmt.Errorf("%s says `admin off`, and this command speaks to the server through its admin API: "+
				"switch it on, for example on a socket, with `admin unix//run/caddy/admin.sock`", configFile)
		}
	}
	found, err := caddycmd.DetermineAdminAPIAddress(address, config, configFile, adapter)
	if err != nil {
		return "", fmt.Errorf("finding the admin address: %w", err)
	}
	if _, err := caddy.ParseNetworkAddress(found); err != nil || strings.Contains(found, "://") {
		return "", fmt.Errorf("the admin address is %q: it must be HOST:PORT, without a scheme, or unix/FILE", found)
	}
	return found, nil
}

// refusal matches the error that Caddy's client makes of an admin API's error document.
var refusal = regexp.MustCompile(`(?s)HTTP (\d+): (.*)`)

// explain puts what went wrong into the words of whoever runs the command. Caddy's client gives texts, not causes.
func (s adminServer) explain(err error) error {
	text := err.Error()
	if found := refusal.FindStringSubmatch(text); found != nil {
		var document struct {
			Error string `json:"error"`
		}
		if json.Unmarshal([]byte(found[2]), &document) == nil && document.Error != "" {
			return errors.New(document.Error)
		}
		return fmt.Errorf("the server at %s answers %s: is it a Caddy with this plug-in?", s.address, found[1])
	}
	says := func(err error) bool { return strings.Contains(text, err.Error()) }
	switch {
	case slices.ContainsFunc([]error{syscall.ECONNREFUSED, syscall.ENOENT, syscall.ECONNRESET}, says), strings.Contains(text, "refused"):
		return fmt.Errorf("no server answers at %s: is it running? Start it, or say with --address or --config where its admin API is. "+
			"Under `admin off` it has none", s.address)
	case strings.Contains(text, "no such host"):
		return fmt.Errorf("there is no host of this name: the admin address is %q; it must be HOST:PORT or unix/FILE", s.address)
	case says(syscall.EACCES):
		return fmt.Errorf("the admin API at %s does not let you in: run the command as the server's user", s.address)
	}
	return err
}

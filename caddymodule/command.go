package caddymodule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "data-api",
		Usage: "keys|signing-keys|callback-secret|deliveries|store|cache|check|status|openapi ...",
		Short: "Manages the Data API: keys, callbacks, the store, the catalog",
		Long: `
Manages the Data API of a running server through Caddy's admin API; checks a
catalog, and prints OpenAPI documents, without a server.

The server is found at its default admin address, at --address, or at the address
that the configuration given with --config names.`,
		CobraFunc: addCommands,
	})
}

// addCommands makes the command data-api of an empty one.
func addCommands(cmd *cobra.Command) {
	cmd.AddCommand(keysCommand(), signingKeysCommand(), callbackSecretCommand(), deliveriesCommand(),
		storeCommand(), cacheCommand(), statusCommand(), checkCommand(), openAPICommand())
	cmd.SetFlagErrorFunc(explainFlag)
	// A group of commands does nothing itself; a word that is none of them is a mistake worth an exit code.
	cmd.RunE = refuseUnknown
}

func statusCommand() *cobra.Command {
	return serverCommand("status", "Shows the endpoints that are served, the faults of files that are not, and whether the sources answer", noArguments,
		func(server adminServer, cmd *cobra.Command, _ []string) error {
			var catalog catalogAnswer
			raw, err := server.call(http.MethodGet, adminCatalogPath+"?sources", nil, &catalog)
			if err != nil || server.json {
				return printRaw(cmd.OutOrStdout(), raw, err)
			}
			table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(table, "ENDPOINT\tMODE\tSOURCE\tREVISION\tTITLE")
			for _, endpoint := range catalog.Endpoints {
				mode := endpoint.Mode
				if !endpoint.Active {
					mode += " (inactive)"
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", endpoint.Endpoint, mode, endpoint.Source, endpoint.Revision,
					orDash(endpoint.Title))
			}
			if err := table.Flush(); err != nil {
				return err
			}
			printSection(cmd.OutOrStdout(), "FAULTS", catalog.Faults)
			printSection(cmd.OutOrStdout(), "WARNINGS", catalog.Warnings)
			var states []string
			for _, state := range catalog.Sources {
				states = append(states, state.String())
			}
			printSection(cmd.OutOrStdout(), "SOURCES", states)
			return nil
		})
}

// printSection prints lines under a heading, or nothing when there are none.
func printSection(out io.Writer, heading string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(out, "\n%s\n%s\n", heading, strings.Join(lines, "\n"))
	}
}

func companyUserFlags(cmd *cobra.Command) {
	cmd.Flags().String("company", "", "slug of the company (required)")
	cmd.Flags().String("user", "", "name of the company's user (required)")
	requireFlags(cmd, "company", "user")
}

// adminServer is a running server's admin API.
type adminServer struct {
	address string
	json    bool
}

// serverCommand makes a command that talks to a running server.
func serverCommand(
	use, short string, args cobra.PositionalArgs, run func(adminServer, *cobra.Command, []string) error,
) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: args, SilenceUsage: true}
	cmd.Flags().String("address", "", "address of the server's admin API, as HOST:PORT or unix/FILE (default "+caddy.DefaultAdminListen+")")
	cmd.Flags().StringP("config", "c", "", "the server's configuration file, to read the address from")
	cmd.Flags().StringP("adapter", "a", "", "name of the configuration's adapter")
	cmd.Flags().Bool("json", false, "print the answer as JSON")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		flags := caddycmd.Flags{FlagSet: cmd.Flags()}
		address, err := adminAddress(flags.String("address"), flags.String("config"), flags.String("adapter"))
		if err != nil {
			return err
		}
		return run(adminServer{address: address, json: flags.Bool("json")}, cmd, args)
	}
	return cmd
}

// call asks the admin API, decodes its answer into target and returns it as it came, too.
func (s adminServer) call(method, path string, request, target any) ([]byte, error) {
	var body io.Reader
	if request != nil {
		encoded, err := json.Marshal(request)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	response, err := caddycmd.AdminAPIRequest(s.address, method, path, nil, body)
	if err != nil {
		return nil, s.explain(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the server's answer: %w", err)
	}
	return raw, json.Unmarshal(raw, target)
}

func printRaw(out io.Writer, raw []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = out.Write(raw)
	return err
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func timeOrDash(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

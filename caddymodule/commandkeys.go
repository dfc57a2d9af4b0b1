package caddymodule

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/identity"
)

func keysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use:   "keys",
		Short: "Makes, lists, rotates and revokes API keys",
		RunE:  refuseUnknown,
	}
	keys.AddCommand(createKeyCommand(), listKeysCommand(), rotateKeyCommand(), revokeKeyCommand())
	return keys
}

func createKeyCommand() *cobra.Command {
	cmd := serverCommand("create --company SLUG --user NAME",
		"Makes an API key and prints its secret, once", noArguments, runCreateKey)
	companyUserFlags(cmd)
	cmd.Flags().String("name", "", "a label, to tell the key from others")
	duration(cmd, "expires-in", 0, "when the key ends, such as 90d; by default it does not")
	return cmd
}

func runCreateKey(server adminServer, cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	request := map[string]any{
		"company": flags.String("company"), "user": flags.String("user"), "name": flags.String("name"),
	}
	switch expiresIn := flags.Duration("expires-in"); {
	case expiresIn < 0:
		return fmt.Errorf("--expires-in is %s: it must be above zero", expiresIn)
	case expiresIn > 0:
		request["expires_at"] = time.Now().Add(expiresIn).UTC()
	}
	var created newKeyAnswer
	raw, err := server.call(http.MethodPost, adminKeysPath, request, &created)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	printNewKey(cmd.OutOrStdout(), created)
	return nil
}

// printNewKey shows a key and the only copy of its secret.
func printNewKey(out io.Writer, created newKeyAnswer) {
	fmt.Fprintf(out, "company_slug  %s\nuser          %s\napi_key       %s\napi_secret    %s\n",
		created.Company, created.User, created.ID, created.Secret)
	if created.Name != "" {
		fmt.Fprintf(out, "name          %s\n", created.Name)
	}
	if !created.ExpiresAt.IsZero() {
		fmt.Fprintf(out, "expires       %s\n", created.ExpiresAt.Format(time.RFC3339))
	}
	fmt.Fprintln(out, "\nKeep the secret now: it is stored as a hash and cannot be shown again.")
}

func rotateKeyCommand() *cobra.Command {
	cmd := serverCommand("rotate API_KEY [--overlap 24h]",
		"Makes a successor of an API key and prints its secret, once; the old key works beside it for a while",
		oneArgument("API_KEY"), runRotateKey)
	duration(cmd, "overlap", defaultOverlap, "how long the old key works beside the new one; 0s ends it at once")
	duration(cmd, "expires-in", 0, "when the new key ends, such as 90d; by default it lives as long as the old one was made for")
	return cmd
}

func runRotateKey(server adminServer, cmd *cobra.Command, args []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	request := rotateKeyRequest{Overlap: flags.Duration("overlap").String()}
	switch expiresIn := flags.Duration("expires-in"); {
	case expiresIn < 0:
		return fmt.Errorf("--expires-in is %s: it must be above zero", expiresIn)
	case expiresIn > 0:
		request.ExpiresAt = time.Now().Add(expiresIn).UTC()
	}
	var rotated rotateKeyAnswer
	raw, err := server.call(http.MethodPost, adminKeysPath+"/"+url.PathEscape(args[0])+"/rotate", request, &rotated)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	printNewKey(cmd.OutOrStdout(), rotated.newKeyAnswer)
	fmt.Fprintf(cmd.OutOrStdout(), "The old key %s works until %s.\n", rotated.Old.ID, rotated.Old.ExpiresAt.Format(time.RFC3339))
	return nil
}

func listKeysCommand() *cobra.Command {
	cmd := serverCommand("list [--company SLUG]", "Lists API keys, without secrets", noArguments, runListKeys)
	cmd.Flags().String("company", "", "list the keys of this company only")
	return cmd
}

func runListKeys(server adminServer, cmd *cobra.Command, _ []string) error {
	company, _ := cmd.Flags().GetString("company")
	var keys []keyDocument
	raw, err := server.call(http.MethodGet, adminKeysPath+"?company="+url.QueryEscape(company), nil, &keys)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	if len(keys) == 0 {
		fmt.Fprintln(cmd.OutOrStdout(), "There are no keys.")
		return nil
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "API KEY\tCOMPANY\tUSER\tNAME\tSTATE\tCREATED\tEXPIRES\tLAST USED")
	for _, key := range keys {
		state := string(key.State)
		if key.UserMissing {
			state += ", no such user"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Company, key.User, orDash(key.Name), state,
			key.CreatedAt.Format(time.RFC3339), timeOrDash(key.ExpiresAt), timeOrDash(key.LastUsedAt))
	}
	return table.Flush()
}

func revokeKeyCommand() *cobra.Command {
	return serverCommand("revoke API_KEY", "Ends an API key, and every token made for it, at once and for good",
		oneArgument("API_KEY"), func(server adminServer, cmd *cobra.Command, args []string) error {
			var key keyDocument
			raw, err := server.call(http.MethodDelete, adminKeysPath+"/"+url.PathEscape(args[0]), nil, &key)
			if err != nil || server.json {
				return printRaw(cmd.OutOrStdout(), raw, err)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s of %s/%s is %s since %s.\n", key.ID, key.Company, key.User,
				identity.KeyRevoked, key.RevokedAt.Format(time.RFC3339))
			return nil
		})
}

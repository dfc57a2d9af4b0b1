package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/token"
)

func signingKeysCommand() *cobra.Command {
	keys := &cobra.Command{
		Use:   "signing-keys",
		Short: "Lists, rotates and withdraws the keys that sign tokens",
		RunE:  refuseUnknown,
	}
	rotate := serverCommand("rotate", "Publishes a new key, which signs once everybody who verifies tokens can know it",
		noArguments, runRotateSigningKey)
	rotate.Flags().Bool("now", false, "let the new key sign at once; others who verify tokens may refuse some meanwhile")
	keys.AddCommand(
		serverCommand("list", "Lists the keys, without secrets", noArguments, runListSigningKeys),
		rotate,
		serverCommand("withdraw KID", "Ends a key, and every token that it has signed, at once and for good",
			oneArgument("KID"), runWithdrawSigningKey),
	)
	return keys
}

func runListSigningKeys(server adminServer, cmd *cobra.Command, _ []string) error {
	var keys []token.KeyInfo
	raw, err := server.call(http.MethodGet, adminSigningPath, nil, &keys)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	table := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KID\tALGORITHM\tSTATE\tPUBLISHED\tSIGNS FROM\tVERIFIES UNTIL")
	for _, key := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", key.ID, key.Algorithm, key.State,
			timeOrDash(key.PublishedAt), timeOrDash(key.SignsFrom), timeOrDash(key.VerifiesUntil))
	}
	return table.Flush()
}

func runRotateSigningKey(server adminServer, cmd *cobra.Command, _ []string) error {
	var key token.KeyInfo
	request := rotateSigningRequest{Now: caddycmd.Flags{FlagSet: cmd.Flags()}.Bool("now")}
	raw, err := server.call(http.MethodPost, adminSigningPath+"/rotate", request, &key)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	if key.State == token.KeySigning {
		fmt.Fprintf(cmd.OutOrStdout(), "%s signs from now on.\n", key.ID)
		return nil
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is published, and signs from %s on.\n", key.ID, key.SignsFrom.Format(time.RFC3339))
	return nil
}

func runWithdrawSigningKey(server adminServer, cmd *cobra.Command, args []string) error {
	var answer withdrawnAnswer
	raw, err := server.call(http.MethodDelete, adminSigningPath+"/"+url.PathEscape(args[0]), nil, &answer)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s is withdrawn: the tokens that it has signed are refused. %s signs.\n",
		answer.Withdrawn, answer.Signing.ID)
	return nil
}

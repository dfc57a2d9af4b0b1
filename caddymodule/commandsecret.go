package caddymodule

import (
	"fmt"
	"net/http"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
)

func callbackSecretCommand() *cobra.Command {
	cmd := serverCommand("callback-secret --company SLUG --user NAME",
		"Makes the secret that a user's callbacks are signed with, and prints it, once", noArguments,
		func(server adminServer, cmd *cobra.Command, _ []string) error {
			return printSecret(server, cmd, adminSecretPath, "")
		})
	companyUserFlags(cmd)
	rotate := serverCommand("rotate --company SLUG --user NAME",
		"Makes a new secret, and prints it, once; callbacks carry the old one's signature too for a while", noArguments,
		func(server adminServer, cmd *cobra.Command, _ []string) error {
			overlap := caddycmd.Flags{FlagSet: cmd.Flags()}.Duration("overlap")
			return printSecret(server, cmd, adminRotatePath, overlap.String())
		})
	companyUserFlags(rotate)
	duration(rotate, "overlap", defaultOverlap, "how long the old secret signs too; 0s ends it at once")
	cmd.AddCommand(rotate)
	return cmd
}

func printSecret(server adminServer, cmd *cobra.Command, path, overlap string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	request := callbackSecretRequest{Company: flags.String("company"), User: flags.String("user"), Overlap: overlap}
	var secret callbackSecretAnswer
	raw, err := server.call(http.MethodPost, path, request, &secret)
	if err != nil || server.json {
		return printRaw(cmd.OutOrStdout(), raw, err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), secret.Secret)
	return nil
}

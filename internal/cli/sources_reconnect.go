package cli

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

var reconnectSources = command.Command{
	Use:   "reconnect [NAME]",
	Short: "Replaces the connections of a source, or of all, after a password, a certificate or a host has changed; no request fails",
	Args: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return command.OneArgument("NAME, or none for all sources")(cmd, args)
	},
	Run: func(c *command.Call) error {
		request := admin.ReconnectRequest{}
		if len(c.Args) > 0 {
			request.Source = c.Args[0]
		}
		return command.Ask(c, http.MethodPost, admin.ReconnectPath, request, func(done admin.ReconnectedSources) error {
			var failures []error
			for _, state := range done.Sources {
				said := "connects anew; connections that run a statement follow when it has ended"
				if !state.Reconnected {
					said = "is left as it was: " + state.Error
					failures = append(failures, errors.New(state.Source+" "+said))
				}
				if err := c.Printf("%s %s\n", state.Source, said); err != nil {
					return err
				}
			}
			if len(failures) == len(done.Sources) {
				return errors.Join(failures...)
			}
			return nil
		})
	},
}

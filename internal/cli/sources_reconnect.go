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
	Short: "Replaces the connections of a source, or of all, after a password, a certificate, a host or the secret of tokens has changed; no request fails",
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
				said := "connects again; connections that run a statement follow when it has ended"
				if !state.Reconnected {
					said = "is left as it was: " + state.Error
					failures = append(failures, errors.New(state.Source+" "+said))
				}
				if err := c.Printf("%s %s\n", state.Source, said); err != nil {
					return err
				}
			}
			if len(failures) < len(done.Sources) || done.HS256 != nil {
				failures = nil // something was done
			}
			if done.HS256 != nil {
				said := "are as they were"
				switch {
				case done.HS256.Error != "":
					said = "cannot be used, the old ones are kept: " + done.HS256.Error
					failures = append(failures, errors.New("the secrets of tokens "+said))
				case done.HS256.Changed:
					said = "have changed, and are used from now on"
				}
				if err := c.Printf("the secrets of tokens %s\n", said); err != nil {
					return err
				}
			}
			return errors.Join(failures...)
		})
	},
}

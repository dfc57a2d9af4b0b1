package cli

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var reconnectSources = command{
	use:   "reconnect [NAME]",
	short: "Replaces the connections of a source, or of all, after a password, a certificate, a host or the secret of tokens has changed; no request fails",
	args: func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		return oneArgument("NAME, or none for all sources")(cmd, args)
	},
	run: func(c *call) error {
		request := admin.ReconnectRequest{}
		if len(c.args) > 0 {
			request.Source = c.args[0]
		}
		return ask(c, http.MethodPost, admin.ReconnectPath, request, func(done admin.ReconnectedSources) error {
			var failures []error
			for _, state := range done.Sources {
				said := "connects anew; connections that run a statement follow when it has ended"
				if !state.Reconnected {
					said = "is left as it was: " + state.Error
					failures = append(failures, errors.New(state.Source+" "+said))
				}
				if err := c.printf("%s %s\n", state.Source, said); err != nil {
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
				if err := c.printf("the secrets of tokens %s\n", said); err != nil {
					return err
				}
			}
			return errors.Join(failures...)
		})
	},
}

package cli

import (
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
)

var reconnectSources = command{
	use:   "reconnect [NAME]",
	short: "Replaces the connections of a source, or of all, after a password, a certificate or a host has changed; no request fails",
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
			if len(failures) == len(done.Sources) {
				return errors.Join(failures...)
			}
			return nil
		})
	},
}

package cli

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// askHealth is for images without a shell, whose health check can run no other program than this one.
var askHealth = command.Command{
	Use:   "health URL",
	Short: "Asks a URL such as http://localhost:8080/health/ready once, and fails unless it answers 200",
	Long: `
Sends one GET request, prints the status, and exits with 0 when it is 200, else
with 1. It is meant for the health checks of containers. A redirect is not
followed: it is not 200.`,
	Offline: true,
	Args:    command.OneArgument("URL"),
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().Duration("timeout", 3*time.Second, "how long it waits for the answer")
	},
	Run: func(c *command.Call) error {
		target, err := url.Parse(c.Args[0])
		if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
			return fmt.Errorf("%q is no URL that can be asked: it must be like http://localhost:8080/health/ready", c.Args[0])
		}
		if timeout := c.Duration("timeout"); timeout <= 0 {
			return fmt.Errorf("--timeout is %s: it must be above zero", timeout)
		}
		ctx, cancel := context.WithTimeout(context.Background(), c.Duration("timeout"))
		defer cancel()
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
		if err != nil {
			return err
		}
		// Without the environment's proxy: the question is whether this very server answers.
		transport := &http.Transport{DisableKeepAlives: true}
		response, err := transport.RoundTrip(request)
		if err != nil {
			return fmt.Errorf("%s does not answer: %w", target.Redacted(), err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", target.Redacted(), response.Status)
		}
		return c.Printf("%s answers %s\n", target.Redacted(), response.Status)
	},
}

package catalogcmd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// Pull writes the endpoints of the console into a directory.
var Pull = command.Command{
	Use: "pull DIR --url URL --company SLUG", Short: "Writes the endpoints of the console into a directory, over the API",
	Long: `
Writes every endpoint of the console as NAMESPACE/SLUG.sql below DIR, as push reads
them. A file that says something else is overwritten; other files are left alone.

The API key is read from the environment, DATA_API_KEY and DATA_API_SECRET. Its user
needs visualization:view.`,
	Offline: true, Args: command.OneArgument("DIR"),
	Flags: func(cmd *cobra.Command) { apiFlags(cmd) },
	Run: func(c *command.Call) error {
		server, err := signIn(c)
		if err != nil {
			return err
		}
		there, err := server.list(document.OfConsole)
		if err != nil {
			return err
		}
		texts := make(map[string]string, len(there))
		for at := range there {
			var text string
			err := server.ask(http.MethodGet, dataapi.PathEndpoints+"/"+at+"?origin=console", "", map[string]string{"Accept": "application/sql"}, &text)
			if refused := asProblem(err); refused != nil && refused.gone() {
				continue // it was deleted just now
			}
			if err != nil {
				return fmt.Errorf("%s: %w", at, err)
			}
			texts[at] = text
		}
		written, err := writeTree(c.Args[0], texts)
		if err != nil {
			return err
		}
		return c.Printf("%s, %s written\n", command.Count(len(texts), "endpoint"), command.Count(len(written), "file"))
	},
}

func checkBody(at, text string) (string, error) {
	namespace, slug, _ := strings.Cut(at, "/")
	body, err := json.Marshal(map[string]string{"namespace": namespace, "slug": slug, "text": text})
	return string(body), err
}

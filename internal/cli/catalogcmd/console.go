package catalogcmd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// Catalog moves endpoints between files and the store of a running server.
var Catalog = command.Command{
	Use: "catalog", Short: "Moves endpoints between files and the console of a running server",
}.With(exportCatalog, importCatalog)

func companyFlag(cmd *cobra.Command) {
	cmd.Flags().String("company", "", "the company's slug")
	command.RequireFlags(cmd, "company")
}

var exportCatalog = command.Command{
	Use: "export DIR --company SLUG", Short: "Writes a company's endpoints of the console as NAMESPACE/SLUG.sql below DIR",
	Args: command.OneArgument("DIR"), Flags: companyFlag,
	Run: func(c *command.Call) error {
		path := admin.ConsolePath + "?company=" + url.QueryEscape(c.String("company"))
		return command.Ask(c, http.MethodGet, path, nil, func(exported admin.ConsoleEndpoints) error {
			texts := make(map[string]string)
			for _, one := range exported.Endpoints {
				texts[one.Namespace+"/"+one.Slug] = one.Text
			}
			written, err := writeTree(c.Args[0], texts)
			if err != nil {
				return err
			}
			return c.Printf("%s, %s written\n", command.Count(len(texts), "endpoint"), command.Count(len(written), "file"))
		})
	},
}

var importCatalog = command.Command{
	Use: "import DIR --company SLUG", Short: "Takes NAMESPACE/SLUG.sql below DIR into the console of a company",
	Long: `
Takes every NAMESPACE/SLUG.sql below DIR into the store, as endpoints of the console.
Each one passes the check that saving passes; what is there already is replaced, and
its versions stay. Where the catalog has a file at the same address, the file is
served until it is removed: so that files can be moved to the console without a gap.`,
	Args: command.OneArgument("DIR"), Flags: companyFlag,
	Run: func(c *command.Call) error {
		texts, err := readTree(c.Args[0])
		if err != nil {
			return err
		}
		changed := 0
		for _, at := range sorted(texts) {
			namespace, slug, _ := strings.Cut(at, "/")
			request := admin.ConsoleEndpoint{Company: c.String("company"), Namespace: namespace, Slug: slug, Text: texts[at]}
			var imported admin.Imported
			if _, err := c.Request(http.MethodPost, admin.ConsolePath, request, &imported); err != nil {
				return notTakenIn(c, at, err, changed)
			}
			if imported.Changed {
				changed++
			}
		}
		return c.Printf("%s, %d changed\n", command.Count(len(texts), "endpoint"), changed)
	},
}

// Companies makes companies that are in no file.
var Companies = command.Command{Use: "companies", Short: "Makes companies in the store"}.With(createCompany)

var createCompany = command.Command{
	Use: "create SLUG", Short: "Makes a company in the store, with a first user who may do everything",
	Args: command.OneArgument("SLUG"),
	Flags: func(cmd *cobra.Command) {
		cmd.Flags().String("name", "", "how it is shown")
		cmd.Flags().String("admin", "admin", "the name of the first user")
	},
	Run: func(c *command.Call) error {
		request := admin.NewCompanyRequest{Company: c.Args[0], Name: c.String("name"), Admin: c.String("admin")}
		return command.Ask(c, http.MethodPost, admin.CompaniesPath, request, func(made admin.NewCompany) error {
			return c.Printf("The company %[1]s is there, and its user %[2]s. Let them in: caddy data-api console-link --company %[1]s --user %[2]s\n",
				made.Company, made.Admin)
		})
	},
}

// notTakenIn names the file as the caller knows it, where the server names what would come of it.
func notTakenIn(c *command.Call, at string, err error, before int) error {
	message := strings.TrimSuffix(err.Error(), ".")
	if fault, placed := strings.CutPrefix(message, "console:"+c.String("company")+"/"+at+".sql:"); placed {
		return fmt.Errorf("%s:%s; %d before it were taken in", fileOf(c, at), fault, before)
	}
	return fmt.Errorf("%s: %s; %d before it were taken in", fileOf(c, at), message, before)
}

package caddymodule

import (
	"errors"
	"fmt"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/httpapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/openapi"
)

func openAPICommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "openapi --company SLUG [--user NAME] [--config FILE | --catalog DIR]",
		Short: "Prints the OpenAPI document of a company, or of one of its users, without a server",
		Long: `
Prints the document that GET /api/v1/data-api/openapi.json gives to a user of the
company. Without --user it is that of a user who may do everything and whom no
share context of its own limits.

It needs no server. The configuration, by default the Caddyfile of this directory,
names the catalog and the databases, which are asked for the columns of results.
With --catalog no database is asked: results have no columns in the document then.`,
		Args:         noArguments,
		SilenceUsage: true,
		RunE:         runOpenAPI,
	}
	cmd.Flags().String("company", "", "slug of the company (required)")
	cmd.Flags().String("user", "", "name of the company's user; by default one who may do everything")
	cmd.Flags().String("catalog", "", "directory of the catalog, instead of a configuration")
	cmd.Flags().String("server", "", "URL that the document gives for the server, such as https://api.example.com")
	cmd.Flags().StringP("config", "c", "", "the server's configuration file")
	cmd.Flags().StringP("adapter", "a", "", "name of the configuration's adapter")
	requireFlags(cmd, "company")
	cmd.MarkFlagsMutuallyExclusive("catalog", "config")
	return cmd
}

func runOpenAPI(cmd *cobra.Command, _ []string) error {
	flags := caddycmd.Flags{FlagSet: cmd.Flags()}
	var snapshot *catalog.Snapshot
	var plan *execution.Plan
	var err error
	if directory := flags.String("catalog"); directory != "" {
		if snapshot, err = catalog.Load(directory, knownDialects()...); err != nil {
			return fmt.Errorf("the catalog has faults:\n%w", err)
		}
		plan = execution.Describe(snapshot)
	} else if snapshot, plan, err = planOfConfig(flags.String("config"), flags.String("adapter")); err != nil {
		return err
	}
	caller, err := describedCaller(snapshot, flags.String("company"), flags.String("user"))
	if known, ok := errors.AsType[*dataapi.Error](err); ok && known.Detail != "" {
		return errors.New(known.Detail) // the code is for callers
	}
	if err != nil {
		return err
	}
	offers, _ := plan.Offers(caller, "", 0)
	document, err := openapi.Document(caller, offers, httpapi.OpenAPIOptions(flags.String("server")))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", document)
	return err
}

// planOfConfig is the plan of a configuration, for which its databases are asked.
func planOfConfig(file, adapter string) (*catalog.Snapshot, *execution.Plan, error) {
	app, err := provisionAlone(file, adapter)
	if err != nil {
		return nil, nil, err
	}
	if err := app.server.CheckAll(); err != nil {
		return nil, nil, fmt.Errorf("the catalog has faults:\n%w", err)
	}
	return app.server.Catalog().Current(), app.server.Plan(), nil
}

// describedCaller is whom a document is for.
func describedCaller(snapshot *catalog.Snapshot, companySlug, userName string) (identity.Principal, error) {
	company, err := knownCompany(snapshot, companySlug)
	if err != nil {
		return identity.Principal{}, err
	}
	user := &identity.User{Active: true, Policies: []string{identity.PolicyDataAPIConsumer}}
	if userName != "" {
		if user, err = knownUser(company, userName); err != nil {
			return identity.Principal{}, err
		}
	}
	return identity.NewPrincipal(company, user)
}

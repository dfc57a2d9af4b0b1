package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/source"
)

// plan is what the configuration, or the catalog that is named instead of one, serves.
func plan(c *command.Call) (*catalog.Snapshot, *execution.Plan, error) {
	if directory := c.String("catalog"); directory != "" {
		snapshot, err := catalog.Load(directory, knownDialects()...)
		if err != nil {
			return nil, nil, fmt.Errorf("the catalog has faults:\n%w", err)
		}
		return snapshot, execution.Describe(snapshot), nil
	}
	offline, err := c.Provision(c.String("config"), c.String("adapter"))
	if err != nil {
		return nil, nil, err
	}
	if err := offline.Check(); err != nil {
		return nil, nil, fmt.Errorf("the catalog has faults:\n%w", err)
	}
	return offline.Catalog.Current(), offline.Plan(), nil
}

// knownDialects are those of all sources that this binary knows: for catalogs that are read without a configuration.
func knownDialects() []source.Dialect {
	var known []source.Dialect
	for _, info := range caddy.GetModules("data_api.sources") {
		if module, ok := info.New().(source.Module); ok {
			known = append(known, module.Dialect())
		}
	}
	return known
}

// describedCaller is the caller that a document is for: a user, or, without a name, one who may do everything.
func describedCaller(snapshot *catalog.Snapshot, slug, name string) (identity.Principal, error) {
	company, err := admin.FindCompany(snapshot, slug)
	user := &identity.User{Active: true, Policies: []string{identity.PolicyDataAPIConsumer}}
	if err == nil && name != "" {
		user, err = admin.FindUser(snapshot, slug, name)
	}
	if known, ok := errors.AsType[*dataapi.Error](err); ok && known.Detail != "" {
		return identity.Principal{}, errors.New(known.Detail) // the code is for callers
	}
	if err != nil {
		return identity.Principal{}, err
	}
	return identity.NewPrincipal(company, user)
}

// checkConfig checks the catalog of a configuration, and asks its databases.
func checkConfig(c *command.Call) error {
	offline, err := c.Provision(c.String("config"), c.String("adapter"))
	if err != nil {
		return err
	}
	err = offline.Check()
	unasked := offline.Catalog.Unchecked()
	for _, warning := range unasked {
		fmt.Fprintln(c.Out, warning)
	}
	if err == nil && len(unasked) > 0 {
		return fmt.Errorf("%s: %s could not be checked", offline.Directory, command.Count(len(unasked), "endpoint"))
	}
	faults, ok := errors.AsType[catalog.Diagnostics](err)
	if err != nil && !ok {
		return err
	}
	return printCheck(c.Out, offline.Directory, offline.Catalog.Current(), faults, offline.Catalog.Warnings())
}

// printCheck prints faults and warnings, or how much there is without a fault.
func printCheck(out io.Writer, name string, snapshot *catalog.Snapshot, faults, warnings catalog.Diagnostics) error {
	for _, fault := range faults {
		fmt.Fprintln(out, fault)
	}
	for _, warning := range warnings {
		fmt.Fprintln(out, asWarning(warning))
	}
	if len(faults) > 0 {
		return fmt.Errorf("%s: %s", name, command.Count(len(faults), "fault"))
	}
	fmt.Fprintf(out, "%s: %s, %s, no faults", name,
		command.Count(len(snapshot.Companies()), "company"), command.Count(len(snapshot.Endpoints()), "endpoint"))
	if len(warnings) > 0 {
		fmt.Fprintf(out, ", %s", command.Count(len(warnings), "warning"))
	}
	fmt.Fprintln(out)
	return nil
}

// asWarning writes what is doubtful so that it is not taken for a fault, in the form that editors turn into a link.
func asWarning(doubt catalog.Diagnostic) catalog.Diagnostic {
	doubt.Message = "warning: " + doubt.Message
	return doubt
}

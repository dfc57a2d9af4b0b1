package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/solucao42/caddy-data-api/internal/cli"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

func init() {
	caddycmd.RegisterCommand(cli.Command(provisionOffline))
}

// provisionOffline provisions the app of a configuration without starting anything. It implements [command.Provision].
func provisionOffline(file, adapter string) (*command.Offline, error) {
	raw, _, _, err := caddycmd.LoadConfig(file, adapter)
	if err != nil {
		return nil, err
	}
	var config struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &config); err != nil {
			return nil, fmt.Errorf("reading the configuration: %w", err)
		}
	}
	if config.Apps["data_api"] == nil {
		return nil, errors.New("no data_api app is configured: name the server's configuration with --config, or a catalog by its directory")
	}
	lenient, err := withoutStrict(config.Apps["data_api"])
	if err != nil {
		return nil, err
	}
	ctx, err := caddy.ProvisionContext(&caddy.Config{
		Admin:   &caddy.AdminConfig{Disabled: true},
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{"default": {BaseLog: caddy.BaseLog{Level: "FATAL"}}}},
		AppsRaw: caddy.ModuleMap{"data_api": lenient},
	})
	if err != nil {
		return nil, err
	}
	found, err := ctx.App("data_api")
	if err != nil {
		return nil, err
	}
	app := found.(*App)
	offline := &command.Offline{Directory: app.Catalog, Catalog: app.server.Catalog(), Check: app.server.CheckAll, Plan: app.server.Plan}
	if app.migrated != nil {
		offline.MigrateStore = func(ctx context.Context, checkOnly bool) (command.StoreSchema, error) {
			state, err := app.migrated.MigrateStore(ctx, checkOnly)
			return command.StoreSchema(state), err
		}
	}
	return offline, nil
}

// withoutStrict is a configuration of the app that leaves out what is at fault.
func withoutStrict(raw json.RawMessage) (json.RawMessage, error) {
	var settings map[string]json.RawMessage
	if err := json.Unmarshal(raw, &settings); err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	delete(settings, "strict")
	return json.Marshal(settings)
}

package config_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/config"
)

func TestDefaultsAreThoseOfTheGuide(t *testing.T) {
	app := config.App{Catalog: "catalog"}
	app.SetDefaults()
	app.SetDefaults()
	if err := app.Validate(); err != nil {
		t.Fatal(err)
	}
	if access, refresh := time.Duration(app.Tokens.AccessTTL), time.Duration(app.Tokens.RefreshTTL); access != 600*time.Second || refresh != 604800*time.Second {
		t.Errorf("tokens live %s and %s", access, refresh)
	}
	if app.Tokens.Audience != app.Tokens.Issuer || app.Jobs.Workers != 4 || time.Duration(app.Jobs.Retention) != 24*time.Hour {
		t.Errorf("defaults: %+v %+v", app.Tokens, app.Jobs)
	}
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	var app config.App
	err := json.Unmarshal([]byte(`{
		"tokens": {"access_ttl": "48h", "refresh_ttl": "1h", "hs256_secret": "hunter2",
			"throttle": {"address": "fast", "total": "1/1ms"}},
		"answers": {"memory": 1000},
		"jobs": {"workers": 5000, "per_company": 65537, "waiting_callers": -1, "quota": 1000, "retention": "1s"},
		"callbacks": {"allow": ["localhost", ":80", "localhost:http", "localhost:70000", "http://x:80", "127.0.0.1:3101"]}
	}`), &app)
	if err != nil {
		t.Fatal(err)
	}
	app.SetDefaults()
	err = app.Validate()
	if err == nil {
		t.Fatal("no fault was found")
	}
	for _, want := range []string{
		"catalog is missing",
		"tokens.access_ttl is 48h0m0s: it must lie between 1s and 24h0m0s",
		"tokens.refresh_ttl is shorter than tokens.access_ttl",
		"tokens.hs256_secret has 7 bytes: HS256 needs at least 32",
		`tokens.throttle.address: "fast" must be written COUNT/PERIOD`,
		`tokens.throttle.total: "1/1ms" has a period of 1ms`,
		"answers.memory is 1000 bytes: it must be at least 16777216",
		"jobs.workers is 5000: it must lie between 1 and 1024",
		"jobs.per_company is 65537: it must lie between 1 and 65536",
		"jobs.waiting_callers is -1: it must lie between 1 and 1000000",
		"jobs.quota is 1000 bytes: it must be at least 1048576",
		"jobs.retention is 1s: it must lie between 1m0s",
		`callbacks.allow "localhost": must be HOST:PORT without a scheme`,
		`callbacks.allow ":80": must be HOST:PORT`,
		`callbacks.allow "localhost:http": must be HOST:PORT`,
		`callbacks.allow "localhost:70000": must be HOST:PORT`,
		`callbacks.allow "http://x:80": must be HOST:PORT`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), `"127.0.0.1:3101"`) {
		t.Errorf("the faults show a secret, or something that is right:\n%v", err)
	}
}

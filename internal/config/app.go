// Package config holds the JSON configuration of the modules: structs, their documented defaults and pure validation.
package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// App configures the data_api app: where endpoints come from, which databases they run on, and where keys, jobs and
// results are kept. One app serves every site that uses its handlers.
type App struct {
	// The directory that holds the endpoint files, as COMPANY/NAMESPACE/SLUG.sql beside COMPANY/company.yaml.
	// It is watched: a changed file takes effect without a reload. Required.
	Catalog string `json:"catalog,omitempty"`

	// Whether a catalog with a fault is refused as a whole, with the configuration that names it. By default an endpoint or a
	// company at fault is left out, which the log and `caddy data-api status` say, and everything else is served: a fault
	// of one author, or of one database, takes no other site down. Pipelines should rather run `caddy data-api check`.
	Strict bool `json:"strict,omitempty"`

	// Where keys, jobs, results and deliveries are kept. The default is a bbolt file in Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=data_api.stores inline_key=store"`

	// The databases that endpoints run on, by the name that endpoint files use. At least one is required.
	SourcesRaw map[string]json.RawMessage `json:"sources,omitempty" caddy:"namespace=data_api.sources inline_key=source"`

	// How access and refresh tokens are made and checked.
	Tokens *Tokens `json:"tokens,omitempty"`

	// How asynchronous jobs are run and kept.
	Jobs *Jobs `json:"jobs,omitempty"`

	// Where and how the end of a job is announced.
	Callbacks *Callbacks `json:"callbacks,omitempty"`

	// What answers hold in memory until their readers have taken them.
	Answers *Answers `json:"answers,omitempty"`

	// The results that are kept in memory, of endpoints with limits.cache.
	Cache *Cache `json:"cache,omitempty"`

	// What the audit trail holds. It is written to the logger data_api.audit, one line for each event, so that a log can
	// `include` it and another one `exclude` it.
	Audit *Audit `json:"audit,omitempty"`
}

// Tokens configures access and refresh tokens.
type Tokens struct {
	// The `iss` claim of every token; tokens of another issuer are refused. It should be the URL under which callers
	// reach this server. The default is caddy-data-api.
	Issuer string `json:"issuer,omitempty"`

	// The `aud` claim of access tokens; tokens for another audience are refused. The default is the issuer.
	Audience string `json:"audience,omitempty"`

	// How long an access token is valid. The default is 10m, the most is 24h.
	AccessTTL caddy.Duration `json:"access_ttl,omitempty"`

	// How long a refresh token is valid. The default is 168h (7 days), the most is 8760h (a year).
	RefreshTTL caddy.Duration `json:"refresh_ttl,omitempty"`

	// The JWS algorithm that tokens are signed with: EdDSA (Ed25519), ES256 (ECDSA with P-256) or HS256. The keys of the
	// first two are made by the server, kept in its store and rotated with `caddy data-api signing-keys`; tokens stay
	// good when one is changed for the other. HS256 needs hs256_secret. The default is EdDSA, and HS256 where
	// hs256_secret is set.
	Algorithm string `json:"algorithm,omitempty"`

	// Other issuers whose access tokens are accepted, by a name of your choice.
	Trusts map[string]*Trust `json:"trusts,omitempty"`

	// A secret of at least 32 bytes, to sign with HS256: whoever has it to verify tokens can also mint them. Tokens of
	// another secret, or of the server's own keys, are refused. Placeholders such as {env.TOKEN_SECRET} and
	// {file./run/secrets/token} are replaced when the configuration is loaded; a missing one is an error.
	HS256Secret string `json:"hs256_secret,omitempty"`

	// How requests for tokens are slowed down.
	Throttle *Throttle `json:"throttle,omitempty"`
}

// Jobs configures asynchronous execution.
type Jobs struct {
	// How many jobs run at once. The default is 4, the most is 1024. A job that waits for a connection of its source
	// does not count; as many jobs of one source as this run and wait at most.
	Workers int `json:"workers,omitempty"`

	// How many of them may be jobs of one company. The default is one less than workers, and at least 1: so a worker is
	// left for the others.
	PerCompany int `json:"per_company,omitempty"`

	// How many callers of one company may wait for jobs at once, in long polls, event streams, and calls that
	// wait for their result. Further ones are answered at once: with 202 where they can poll, else with 503. The
	// default is 1000.
	WaitingCallers int `json:"waiting_callers,omitempty"`

	// How many bytes of jobs and results are kept for one company: 2 KiB and the parameters of each job, and its result
	// as JSON. Beyond it no job of the company is accepted until earlier ones have expired; jobs that were accepted before end nevertheless. The default is 10 GiB, the least 1 MiB.
	Quota int64 `json:"quota,omitempty"`

	// How long a job and its result can be read after its end. The default is 24h; the least is 1m.
	Retention caddy.Duration `json:"retention,omitempty"`
}

// Callbacks configures the announcement of a job's end.
type Callbacks struct {
	// Hosts, as HOST:PORT, that callbacks may reach although they are private addresses, and over plain HTTP too.
	// By default callbacks go to public addresses only, over HTTPS, at port 443.
	Allow []string `json:"allow,omitempty"`
}

// Audit configures the audit trail.
type Audit struct {
	// Whether the values of parameters stand in the trail, with "***" for those that their endpoint file calls
	// sensitive. By default they do not.
	Parameters bool `json:"parameters,omitempty"`
}

// The defaults of what may be left out, and the limits of what may be set.
const (
	DefaultIssuer     = "caddy-data-api"
	DefaultAccessTTL  = 10 * time.Minute
	DefaultRefreshTTL = 7 * 24 * time.Hour
	DefaultWorkers    = 4
	DefaultWaiting    = 1000
	DefaultQuota      = 10 << 30
	DefaultRetention  = 24 * time.Hour

	algorithmEdDSA = "EdDSA"
	algorithmES256 = "ES256"
	algorithmHS256 = "HS256"

	maxAccessTTL  = 24 * time.Hour
	maxRefreshTTL = 365 * 24 * time.Hour
	maxWorkers    = 1024

	maxWaitingCallers = 1_000_000
	minQuota          = 1 << 20

	minRetention    = time.Minute
	maxRetention    = 10 * 365 * 24 * time.Hour
	minSecretLength = 32
)

// SetDefaults fills in what was left out. It is idempotent.
func (a *App) SetDefaults() {
	if a.Tokens == nil {
		a.Tokens = new(Tokens)
	}
	if a.Jobs == nil {
		a.Jobs = new(Jobs)
	}
	if a.Callbacks == nil {
		a.Callbacks = new(Callbacks)
	}
	if a.Audit == nil {
		a.Audit = new(Audit)
	}
	if a.Cache == nil {
		a.Cache = new(Cache)
	}
	if a.Answers == nil {
		a.Answers = new(Answers)
	}
	setDefault(&a.Answers.Memory, DefaultAnswerMemory)
	a.Cache.setDefaults()
	setDefault(&a.Tokens.Issuer, DefaultIssuer)
	setDefault(&a.Tokens.Audience, a.Tokens.Issuer)
	if a.Tokens.Throttle == nil {
		a.Tokens.Throttle = new(Throttle)
	}
	a.Tokens.Throttle.setDefaults()
	algorithm := algorithmEdDSA
	if a.Tokens.HS256Secret != "" {
		algorithm = algorithmHS256
	}
	setDefault(&a.Tokens.Algorithm, algorithm)
	for name, trust := range a.Tokens.Trusts {
		if trust == nil { // null in JSON
			trust = new(Trust)
			a.Tokens.Trusts[name] = trust
		}
		trust.setDefaults()
	}
	setDefault(&a.Tokens.AccessTTL, caddy.Duration(DefaultAccessTTL))
	setDefault(&a.Tokens.RefreshTTL, caddy.Duration(DefaultRefreshTTL))
	setDefault(&a.Jobs.Workers, DefaultWorkers)
	setDefault(&a.Jobs.PerCompany, max(1, a.Jobs.Workers-1))
	setDefault(&a.Jobs.WaitingCallers, DefaultWaiting)
	setDefault(&a.Jobs.Quota, DefaultQuota)
	setDefault(&a.Jobs.Retention, caddy.Duration(DefaultRetention))
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate reports everything that is wrong with the settings at once. It expects defaults to be set, and secrets
// to be resolved.
func (a *App) Validate() error {
	var faults []error
	if a.Catalog == "" {
		faults = append(faults, errors.New("catalog is missing: name the directory that holds the endpoint files"))
	}
	if a.Tokens.Algorithm == algorithmHS256 && a.Tokens.HS256Secret == "" {
		faults = append(faults, errors.New("tokens.algorithm is HS256: set tokens.hs256_secret, such as {env.TOKEN_SECRET}"))
	}
	faults = append(faults, a.Tokens.Validate(), a.Jobs.Validate(), a.Callbacks.Validate(), a.Cache.Validate(), a.Answers.Validate())
	return errors.Join(faults...)
}

// Validate reports what is wrong with the settings; those that are left out are right. It does not look at a secret that
// is still a placeholder.
func (t Tokens) Validate() error {
	faults := []error{
		within("tokens.access_ttl", t.AccessTTL, time.Second, maxAccessTTL),
		within("tokens.refresh_ttl", t.RefreshTTL, time.Second, maxRefreshTTL),
	}
	if t.AccessTTL != 0 && t.RefreshTTL != 0 && t.RefreshTTL < t.AccessTTL {
		faults = append(faults, errors.New(
			"tokens.refresh_ttl is shorter than tokens.access_ttl: a token that cannot outlive the other renews nothing"))
	}
	switch t.Algorithm {
	case "":
	case algorithmEdDSA, algorithmES256:
		if t.HS256Secret != "" {
			faults = append(faults, fmt.Errorf("tokens.algorithm is %s, and tokens.hs256_secret is for HS256: leave one out", t.Algorithm))
		}
	case algorithmHS256:
		// The secret may stand further down in a Caddyfile's block; App.Validate sees when it is missing.
	default:
		faults = append(faults, fmt.Errorf("tokens.algorithm is %q: allowed are EdDSA, ES256 and HS256%s", t.Algorithm,
			didYouMean(t.Algorithm, algorithmEdDSA, algorithmES256, algorithmHS256)))
	}
	_, err := t.Throttle.Limits()
	faults = append(faults, err)
	issuers := make(map[string]string)
	for _, name := range slices.Sorted(maps.Keys(t.Trusts)) {
		trust := t.Trusts[name]
		faults = append(faults, trust.validate(name))
		if trust.Issuer != "" && trust.Issuer == t.Issuer {
			faults = append(faults, fmt.Errorf("tokens.trusts.%s.issuer is this server's own", name))
		}
		if other := issuers[trust.Issuer]; other != "" {
			faults = append(faults, fmt.Errorf("tokens.trusts: %s and %s have one issuer, %s", other, name, trust.Issuer))
		}
		issuers[trust.Issuer] = name
	}
	if n := len(t.HS256Secret); n > 0 && n < minSecretLength && !strings.Contains(t.HS256Secret, "{") {
		faults = append(faults, fmt.Errorf("tokens.hs256_secret has %d bytes: HS256 needs at least %d", n, minSecretLength))
	}
	return errors.Join(faults...)
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (j Jobs) Validate() error {
	var workers error
	if j.Workers < 0 || j.Workers > maxWorkers {
		workers = fmt.Errorf("jobs.workers is %d: it must lie between 1 and %d", j.Workers, maxWorkers)
	}
	var perCompany error
	if j.PerCompany < 0 || j.Workers > 0 && j.PerCompany > j.Workers {
		perCompany = fmt.Errorf("jobs.per_company is %d: it must lie between 1 and the number of workers, %d", j.PerCompany, j.Workers)
	}
	var waiting error
	if j.WaitingCallers < 0 || j.WaitingCallers > maxWaitingCallers {
		waiting = fmt.Errorf("jobs.waiting_callers is %d: it must lie between 1 and %d", j.WaitingCallers, maxWaitingCallers)
	}
	var quota error
	if j.Quota != 0 && j.Quota < minQuota {
		quota = fmt.Errorf("jobs.quota is %d bytes: it must be at least %d", j.Quota, minQuota)
	}
	return errors.Join(workers, perCompany, waiting, quota, within("jobs.retention", j.Retention, minRetention, maxRetention))
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (c Callbacks) Validate() error {
	var faults []error
	for _, allowed := range c.Allow {
		host, port, err := net.SplitHostPort(allowed)
		number, portErr := strconv.Atoi(port)
		if err != nil || host == "" || strings.Contains(host, "/") || portErr != nil || number < 1 || number > 65535 {
			faults = append(faults, fmt.Errorf(
				"callbacks.allow %q: must be HOST:PORT without a scheme, such as 127.0.0.1:3101", allowed))
		}
	}
	return errors.Join(faults...)
}

// didYouMean ends a sentence about a word that is not one of those allowed.
func didYouMean(word string, allowed ...string) string {
	if near := dataapi.Nearest(word, allowed); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

// within checks a duration that is set.
func within(setting string, value caddy.Duration, least, most time.Duration) error {
	if d := time.Duration(value); d != 0 && (d < least || d > most) {
		return fmt.Errorf("%s is %s: it must lie between %s and %s", setting, d, least, most)
	}
	return nil
}

package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/cache"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/execution"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Services are what the routes act on, of the configuration in force.
type Services struct {
	Catalog     *catalog.Catalog
	Documents   *documents.Library
	Drafts      *execution.Drafts
	Directory   *identity.Directory
	Keys        *identity.Keys
	SigningKeys *token.KeyRing
	Algorithm   string // of new signing keys
	Dispatcher  *callback.Dispatcher
	ConsolePath string           // where a site serves the console; empty: nowhere
	Store       Store            // it may be a Compacter, and a Backuper
	Standing    func() *Standing // with other servers, or nil; may itself be nil
	Jobs        *job.Engine
	Plan        func() *execution.Plan // what is served now
	Cache       *cache.Cache
	Usage       *usage.Counter
	TellPurge   func(ctx context.Context, scope string) error   // lets other servers forget results, too; scope is as of cache.Within
	Sources     func(context.Context) []SourceState             // asks all of them; it takes as long as they do to answer
	Reconnect   func(source string) (ReconnectedSources, error) // all that can when it is empty
	AuditLog    audit.Log

	// Invite makes the code of a link: see token.Families.Invite.
	Invite func(ctx context.Context, subject token.Subject) (code string, until time.Time, err error)
}

// Store is what the routes need of the store.
type Store interface {
	callback.Store

	// Size returns how many bytes of disk the store takes. It does not look at what is stored.
	Size(ctx context.Context) (int64, error)
}

// The paths below which the routes are.
const (
	KeysPath         = "/data_api/keys"
	SecretPath       = "/data_api/callback-secret"
	RotateSecretPath = SecretPath + "/rotate"
	DeliveriesPath   = "/data_api/deliveries"
	CompactPath      = "/data_api/store/compact"
	BackupPath       = "/data_api/store/backup"
	CatalogPath      = "/data_api/catalog"
	StatusPath       = "/data_api/status"
	JobsPath         = "/data_api/jobs"
	PurgePath        = "/data_api/cache/purge"
	SigningKeysPath  = "/data_api/signing-keys"
	UsagePath        = "/data_api/usage"
	ReconnectPath    = "/data_api/sources/reconnect"
	ConsoleLinkPath  = "/data_api/console-links"
	ConsolePath      = CatalogPath + "/console"
	CompaniesPath    = "/data_api/companies"
)

// answer returns a document, or fails with an error of package dataapi.
type answer func(s *Services, r *http.Request) (document any, err error)

type route struct {
	method, path string
	status       int
	answer       answer
}

var routes = []route{
	{http.MethodGet, KeysPath, http.StatusOK, (*Services).listKeys},
	{http.MethodPost, KeysPath, http.StatusCreated, (*Services).createKey},
	{http.MethodDelete, KeysPath + "/{id}", http.StatusOK, (*Services).revokeKey},
	{http.MethodPost, KeysPath + "/{id}/rotate", http.StatusCreated, (*Services).rotateKey},
	{http.MethodPost, SecretPath, http.StatusOK, (*Services).showSecret},
	{http.MethodPost, RotateSecretPath, http.StatusOK, (*Services).rotateSecret},
	{http.MethodGet, DeliveriesPath, http.StatusOK, (*Services).listDeliveries},
	{http.MethodPost, DeliveriesPath + "/{id}/replay", http.StatusOK, (*Services).replayDelivery},
	{http.MethodPost, CompactPath, http.StatusOK, (*Services).compactStore},
	{http.MethodPost, BackupPath, http.StatusOK, (*Services).backupStore},
	{http.MethodGet, CatalogPath, http.StatusOK, (*Services).showCatalog},
	{http.MethodGet, StatusPath, http.StatusOK, (*Services).showStatus},
	{http.MethodGet, JobsPath, http.StatusOK, (*Services).listJobs},
	{http.MethodGet, JobsPath + "/{id}", http.StatusOK, (*Services).showJob},
	{http.MethodPost, JobsPath + "/{id}/cancel", http.StatusOK, (*Services).cancelJob},
	{http.MethodPost, PurgePath, http.StatusOK, (*Services).purgeCache},
	{http.MethodPost, ReconnectPath, http.StatusOK, (*Services).reconnectSources},
	{http.MethodGet, SigningKeysPath, http.StatusOK, (*Services).listSigningKeys},
	{http.MethodPost, SigningKeysPath + "/rotate", http.StatusCreated, (*Services).rotateSigningKey},
	{http.MethodDelete, SigningKeysPath + "/{kid}", http.StatusOK, (*Services).withdrawSigningKey},
	{http.MethodGet, UsagePath, http.StatusOK, (*Services).showUsage},
	{http.MethodGet, ConsolePath, http.StatusOK, (*Services).exportConsole},
	{http.MethodPost, ConsolePath, http.StatusOK, (*Services).importConsole},
	{http.MethodPost, CompaniesPath, http.StatusCreated, (*Services).createCompany},
	{http.MethodPost, ConsoleLinkPath, http.StatusCreated, (*Services).makeConsoleLink},
}

// Handler answers a request, or returns an error and has written nothing.
type Handler func(http.ResponseWriter, *http.Request) error

// Handlers returns a handler for each pattern of net/http, without a method. Each request enters the configuration in
// force, and leaves it when it is answered.
func Handlers(enter func() (services *Services, leave func(), err error)) map[string]Handler {
	methods := make(map[string]map[string]route)
	handlers := make(map[string]Handler)
	for _, r := range routes {
		if methods[r.path] == nil {
			methods[r.path] = make(map[string]route)
			handlers[r.path] = handler(methods[r.path], enter)
		}
		methods[r.path][r.method] = r
	}
	return handlers
}

func handler(methods map[string]route, enter func() (*Services, func(), error)) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		route, ok := methods[r.Method]
		if !ok {
			return dataapi.Errorf(dataapi.CodeMethodNotAllowed, "method %s is not allowed here", r.Method)
		}
		services, leave, err := enter()
		if err != nil {
			return err
		}
		defer leave()
		document, err := route.answer(services, r)
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-store")
		if content, ok := document.(*download); ok {
			return content.send(w)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(route.status)
		return json.NewEncoder(w).Encode(document)
	}
}

const maxBody = 64 << 10 // in bytes

// decodeBody reads a request's JSON object into target, a pointer to a struct.
func decodeBody(r *http.Request, target any) error { return decodeUpTo(r, maxBody, target) }

// decodeUpTo is decodeBody for a body of at most so many bytes.
func decodeUpTo(r *http.Request, most int64, target any) error {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if err == nil {
		err = jsonv2.Unmarshal(body, target, jsonv2.RejectUnknownMembers(true))
	}
	if err == nil && jsontext.Value(body).Kind() != '{' { // the decoder takes null for an object without members
		err = errors.New("it must be one JSON object; got null")
	}
	if err != nil {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The body cannot be read: %v", err)
	}
	return nil
}

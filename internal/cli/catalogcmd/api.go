package catalogcmd

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/solucao42/caddy-data-api/internal/catalog/document"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The environment variables that hold what must not be on a command line.
const (
	keyVariable    = "DATA_API_KEY"
	secretVariable = "DATA_API_SECRET"
)

func apiFlags(cmd *cobra.Command) {
	cmd.Flags().String("url", "", "where the API is, such as https://api.example.com")
	cmd.Flags().String("company", "", "the company's slug")
	command.RequireFlags(cmd, "url", "company")
}

// api is the public API of a server, as one user.
type api struct {
	base, token string
	key, secret string
	client      *http.Client
	call        *command.Call
}

// signIn exchanges the API key of the environment.
func signIn(c *command.Call) (*api, error) {
	base, err := command.Site(c, "url")
	if err != nil {
		return nil, err
	}
	a := &api{call: c, base: base, key: os.Getenv(keyVariable), secret: os.Getenv(secretVariable)}
	if a.key == "" || a.secret == "" {
		return nil, fmt.Errorf("set %s and %s to an API key and its secret, of a user with the permissions %s and %s",
			keyVariable, secretVariable, dataapi.ActionView, dataapi.ActionEdit)
	}
	a.client = &http.Client{
		Timeout:       time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a, a.exchange()
}

// exchange gets a token for the API key.
func (a *api) exchange() error {
	body, err := json.Marshal(map[string]string{"company_slug": a.call.String("company"), "api_key": a.key, "api_secret": a.secret})
	if err != nil {
		return err
	}
	var tokens struct {
		Access string `json:"access_token"`
	}
	a.token = ""
	if err := a.ask(http.MethodPost, dataapi.PathAPIKey, string(body), nil, &tokens); err != nil {
		return fmt.Errorf("signing in: %w", err)
	}
	a.token = tokens.Access
	return nil
}

// problem is an error document of the API.
type problem struct {
	Status int                 `json:"status"`
	Code   dataapi.Code        `json:"code"`
	Detail string              `json:"detail"`
	Faults []dataapi.TextFault `json:"faults"`

	Current *struct{} `json:"current"` // what is there in place of what the caller has read; nil: nothing
}

// gone reports whether a request was refused because what it changes has been deleted.
func (p *problem) gone() bool {
	return p.Status == http.StatusNotFound || p.Status == http.StatusPreconditionFailed && p.Current == nil
}

func (p *problem) Error() string { return p.Detail }

// ask sends a request, again as often as the server asks for patience, and decodes its answer into target, which may be a *string. A token
// that is not accepted any more is exchanged for a new one: to change some hundred endpoints takes longer than a token lives.
func (a *api) ask(method, path, body string, fields map[string]string, target any) error {
	for attempt, renewed := 1, false; ; attempt++ {
		wait, err := a.askOnce(method, path, body, fields, target)
		if refused := asProblem(err); refused != nil && refused.Status == http.StatusUnauthorized && a.token != "" && !renewed {
			if err := a.exchange(); err != nil {
				return err
			}
			renewed = true
			continue
		}
		if wait == 0 || attempt == maxAttempts {
			return err
		}
		time.Sleep(wait)
	}
}

// maxAttempts is how often a request is sent that the server puts off.
const maxAttempts = 10

func (a *api) askOnce(method, path, body string, fields map[string]string, target any) (wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(a.call.Context, method, a.base+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json")
	if a.token != "" {
		request.Header.Set("Authorization", "Bearer "+a.token)
	}
	for name, value := range fields {
		request.Header.Set(name, value)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	if err != nil {
		return 0, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		refused := &problem{Status: response.StatusCode}
		if json.Unmarshal(raw, refused) != nil || refused.Detail == "" {
			return 0, fmt.Errorf("%s answers %s: is the API there?", a.base, response.Status)
		}
		if refused.Code == dataapi.CodeRateLimited {
			seconds, _ := time.ParseDuration(response.Header.Get("Retry-After") + "s")
			wait = max(seconds, time.Second)
		}
		return wait, refused
	}
	switch into := target.(type) {
	case nil:
		return 0, nil
	case *string:
		*into = string(raw)
		return 0, nil
	}
	return 0, json.NewDecoder(bytes.NewReader(raw)).Decode(target)
}

// endpoint is what the list says of one.
type endpoint struct {
	Namespace string `json:"namespace"`
	Slug      string `json:"slug"`
	File      string `json:"path"` // below the catalog; empty: it is of the console
	Revision  string `json:"revision"`
	Version   int64  `json:"version"`
}

func (e *endpoint) path() string { return e.Namespace + "/" + e.Slug }

func (e *endpoint) etag() string {
	return fmt.Sprintf("%q", fmt.Sprintf("%d-%s", e.Version, e.Revision))
}

// list returns the endpoints of an origin, by NAMESPACE/SLUG.
func (a *api) list(origin document.Origin) (map[string]endpoint, error) {
	found := make(map[string]endpoint)
	for cursor := ""; ; {
		var page struct {
			Endpoints []endpoint `json:"endpoints"`
			Next      *string    `json:"next_cursor"`
		}
		path := dataapi.PathCatalog + "?limit=200&origin=" + string(origin) + "&cursor=" + url.QueryEscape(cursor)
		if err := a.ask(http.MethodGet, path, "", nil, &page); err != nil {
			return nil, err
		}
		for _, one := range page.Endpoints {
			found[one.path()] = one
		}
		if page.Next == nil {
			return found, nil
		}
		cursor = *page.Next
	}
}

// asProblem returns the server's refusal, or nil.
func asProblem(err error) *problem {
	refused, _ := errors.AsType[*problem](err)
	return refused
}

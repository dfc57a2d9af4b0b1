package servertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Client asks a server. What cannot be right fails its test, unless a method says otherwise.
type Client struct {
	T    testing.TB
	Base string // of URLs, such as http://127.0.0.1:3100

	// CreateKey makes an API key of a user.
	CreateKey func(company, user string) Credentials
}

// Credentials are an API key and its secret.
type Credentials struct {
	Key    string `json:"api_key"`
	Secret string `json:"api_secret"`
}

// Tokens are what a key is exchanged for.
type Tokens struct {
	Access           string `json:"access_token"`
	Refresh          string `json:"refresh_token"`
	AccessExpiresIn  int    `json:"access_token_expires_in"`
	RefreshExpiresIn int    `json:"refresh_token_expires_in"`
}

// Login makes a key of the user and exchanges it.
func (c *Client) Login(company, user string) Tokens {
	c.T.Helper()
	return c.Exchange(company, c.CreateKey(company, user))
}

// CreateKeyAndLogin is Login for a test that needs the key as well.
func (c *Client) CreateKeyAndLogin(company, user string) (key Credentials, access string) {
	c.T.Helper()
	key = c.CreateKey(company, user)
	return key, c.Exchange(company, key).Access
}

// Exchange exchanges a key.
func (c *Client) Exchange(company string, key Credentials) Tokens {
	c.T.Helper()
	body := fmt.Sprintf(`{"company_slug":%q,"api_key":%q,"api_secret":%q}`, company, key.Key, key.Secret)
	answer := c.Post("/api/v1/auth/api-key", "", body)
	answer.Want(http.StatusOK)
	var pair Tokens
	answer.Decode(&pair)
	return pair
}

// The paths of the contract that many tests ask for.
const (
	Endpoints    = "/api/v1/data-api/default/"
	RefreshRoute = "/api/v1/auth/refresh"
	LogoutRoute  = "/api/v1/auth/logout"
	WhoAmI       = "/api/v1/auth/permissions"
)

// RefreshBody is the body of a refresh or a logout.
func RefreshBody(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

// Refresh exchanges a refresh token.
func (c *Client) Refresh(token string) Tokens {
	c.T.Helper()
	var pair Tokens
	c.Post(RefreshRoute, "", RefreshBody(token)).Want(http.StatusOK).Decode(&pair)
	return pair
}

// URL is the address of a path.
func (c *Client) URL(path string) string { return c.Base + path }

// Try sends a request without failing the test.
func (c *Client) Try(ctx context.Context, method, path, token, body string) (Answer, error) {
	return c.TrySend(ctx, method, path, token, body)
}

// Do sends a request without failing the test.
func (c *Client) Do(request *http.Request) (Answer, error) {
	return c.DoWith(http.DefaultClient, request)
}

// DoWith is Do by another client.
func (c *Client) DoWith(client *http.Client, request *http.Request) (Answer, error) {
	response, err := client.Do(request)
	if err != nil {
		return Answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return Answer{c.T, response.StatusCode, response.Header, content, response.Trailer}, err
}

// Post sends a JSON body.
func (c *Client) Post(path, token, body string) Answer {
	c.T.Helper()
	got, err := c.Try(context.Background(), http.MethodPost, path, token, body)
	if err != nil {
		c.T.Fatal(err)
	}
	return got
}

// Get reads a path.
func (c *Client) Get(path, token string) Answer {
	c.T.Helper()
	got, err := c.Try(context.Background(), http.MethodGet, path, token, "")
	if err != nil {
		c.T.Fatal(err)
	}
	return got
}

// Execute runs an endpoint of the namespace default.
func (c *Client) Execute(slug, token, parameters string) Answer {
	c.T.Helper()
	return c.Post(Endpoints+slug+"/execute", token, `{"parameter_values":`+parameters+`}`)
}

// Document is a job as polling shows it.
type Document struct {
	ID     string          `json:"job_id"`
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"error"`
	CreatedAt   string  `json:"created_at"`
	CompletedAt *string `json:"completed_at"`
}

// Await polls until the job has ended. Where other tests keep the machine busy a large one takes minutes under the race detector.
func (c *Client) Await(pollingURL, token string) Document {
	c.T.Helper()
	deadline := time.Now().Add(5 * Patience)
	for {
		var job Document
		c.Get(pollingURL, token).Want(http.StatusOK).Decode(&job)
		if job.Status != "processing" {
			return job
		}
		if time.Now().After(deadline) {
			c.T.Fatalf("job %s does not end", job.ID)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Send sends a request with headers, given as name and value in turn.
func (c *Client) Send(method, path, token, body string, headers ...string) Answer {
	c.T.Helper()
	got, err := c.TrySend(context.Background(), method, path, token, body, headers...)
	if err != nil {
		c.T.Fatal(err)
	}
	return got
}

// TrySend is Send without failing the test.
func (c *Client) TrySend(ctx context.Context, method, path, token, body string, headers ...string) (Answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.URL(path), strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Add(headers[i], headers[i+1])
	}
	return c.Do(request)
}

// Call runs an endpoint of the namespace default with headers.
func (c *Client) Call(slug, token, parameters string, headers ...string) Answer {
	c.T.Helper()
	return c.Send(http.MethodPost, Endpoints+slug+"/execute", token, `{"parameter_values":`+parameters+`}`, headers...)
}

// Patience is how long a test waits for what comes in a moment, unless the machine has other things to do.
const Patience = time.Minute

// WithinMonth waits where a month is about to end: with the next one quotas begin anew, and so does what reports of the usage tell.
func WithinMonth() {
	now := time.Now().UTC()
	if left := time.Date(now.Year(), now.Month()+1, 1, 0, 0, 0, 0, time.UTC).Sub(now); left < 2*Patience {
		time.Sleep(left)
	}
}

// Eventually waits for a condition.
func Eventually(t testing.TB, what string, within time.Duration, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !check(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s", what, within)
		}
	}
}

package boltstore_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/result"
	"github.com/solucao42/caddy-data-api/internal/store/boltstore"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// epoch is the time of everything in a filled store, so that nothing in it ever expires.
var epoch = time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)

func atEpoch() time.Time { return epoch }

var silent = slog.New(slog.DiscardHandler)

// contents is what somebody knows who has filled a store: it is needed to ask about everything in it.
type contents struct {
	Secrets  []string
	Users    [][2]string
	Keys     map[string]string // the secrets of API keys, by ID
	Families []string
	Tokens   []string // access tokens
	Refresh  []string // refresh tokens that were not exchanged
	Jobs     []job.ID
	Repeated map[string]string // idempotency keys, and the companies that used them
}

var companies = map[string]*identity.Company{
	"acme":   company("acme", "integration", "reports", "batch"),
	"globex": company("globex", "integration"),
}

func company(slug string, users ...string) *identity.Company {
	c := &identity.Company{Slug: slug, Name: slug, Active: true, Users: make(map[string]*identity.User)}
	for _, name := range users {
		c.Users[name] = &identity.User{Name: name, Active: true, Policies: []string{"DataAPIConsumer"}}
	}
	return c
}

// services are the real code over an open store.
type services struct {
	store     *boltstore.Store
	keys      *identity.Keys
	directory *identity.Directory
	ring      *token.KeyRing
	families  *token.Families
	authority *token.Authority
	engine    *job.Engine
}

var errAsked = errors.New("there was none, and one would be made")

func asked() ([]byte, error) { return nil, errAsked }

func open(path string, newSecret func() ([]byte, error)) (_ *services, err error) {
	ctx, s := context.Background(), new(services)
	if s.store, err = boltstore.Open(path, boltstore.Options{Logger: silent}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.store.Close())
		}
	}()
	pepper, err := s.store.Secret("api-secret-pepper", newSecret)
	if err != nil {
		return nil, err
	}
	if s.keys, err = identity.OpenKeys(ctx, s.store, pepper); err != nil {
		return nil, err
	}
	s.directory = identity.NewDirectory(s.keys)
	if err := s.directory.SetCompanies(companies); err != nil {
		return nil, err
	}
	if s.ring, err = token.OpenKeyRing(ctx, s.store, token.RingOptions{Now: atEpoch}); err != nil {
		return nil, err
	}
	if err := s.ring.Prepare(ctx, token.EdDSA, time.Hour); err != nil {
		return nil, err
	}
	if s.families, err = token.OpenFamilies(ctx, s.store, atEpoch); err != nil {
		return nil, err
	}
	if s.authority, err = token.New(token.Config{
		Issuer: "https://api.example.com", Audience: "https://api.example.com", AccessTTL: time.Hour, RefreshTTL: 24 * time.Hour,
		Keys: s.ring, CacheEntries: 64, Now: atEpoch,
	}); err != nil {
		return nil, err
	}
	s.engine = job.NewEngine(s.store, job.Options{Logger: silent, Now: atEpoch, Owner: "filler", MaxAttempts: 1})
	return s, nil
}

func (s *services) close() error {
	s.ring.Close()
	return s.store.Close()
}

// fill makes a store with some of everything.
func fill(path string) (c *contents, err error) {
	s, err := open(path, func() ([]byte, error) { return []byte(strings.Repeat("pepper", 8)), nil })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	c = &contents{Secrets: []string{"api-secret-pepper", "result-cursor-key"}, Keys: make(map[string]string), Repeated: make(map[string]string)}
	if _, err := s.store.Secret("result-cursor-key", func() ([]byte, error) { return []byte(strings.Repeat("cursor", 8)), nil }); err != nil {
		return nil, err
	}
	for slug, company := range companies {
		for user := range company.Users {
			c.Users = append(c.Users, [2]string{slug, user})
		}
	}
	for _, part := range []func(*services, *contents) error{fillKeys, fillFamilies, fillLinks, fillJobs, fillWaiting} {
		if err := part(s, c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func fillLinks(s *services, _ *contents) error {
	for i := range 3 {
		made := link.Link{
			ID: fmt.Sprint("link", i), Company: "acme", User: "reports", Namespace: "default", Slug: "relatorio", Format: "csv",
			Parameters: json.RawMessage("{}"), CreatedAt: epoch, ExpiresAt: epoch.Add(time.Duration(i+1) * time.Hour), Uses: i,
		}
		if err := s.store.CreateLink(context.Background(), made, 10); err != nil {
			return err
		}
	}
	return nil
}

func fillKeys(s *services, c *contents) error {
	ctx := context.Background()
	for i := range 12 {
		user := c.Users[i%len(c.Users)]
		key, secret, err := s.directory.CreateKey(ctx, identity.NewKey{Company: user[0], User: user[1], Name: fmt.Sprint("key ", i)})
		if err != nil {
			return err
		}
		c.Keys[key.ID] = secret
		if i%4 == 3 {
			if _, _, err := s.keys.Revoke(ctx, key.ID); err != nil {
				return err
			}
		}
	}
	used := make(map[string]time.Time)
	for id := range c.Keys {
		used[id] = epoch
	}
	if err := s.store.TouchKeys(ctx, used); err != nil {
		return err
	}
	for _, user := range c.Users {
		generate := func() ([]byte, error) { return []byte(strings.Repeat("s", 32)), nil }
		if _, err := s.store.SigningKeys(ctx, user[0], user[1], epoch, generate); err != nil {
			return err
		}
	}
	return nil
}

func fillFamilies(s *services, c *contents) error {
	ctx := context.Background()
	for i := range 12 {
		user := c.Users[i%len(c.Users)]
		pair, err := s.families.Begin(ctx, s.authority, token.Subject{Company: user[0], User: user[1], KeyID: "s42_key"})
		if err != nil {
			return err
		}
		if i%3 == 0 {
			if pair, _, err = s.families.Rotate(ctx, s.authority, pair.Refresh.Claims); err != nil {
				return err
			}
		}
		if i%4 == 3 {
			if _, err := s.families.End(ctx, pair.Access.Claims.Family); err != nil {
				return err
			}
		} else {
			c.Refresh = append(c.Refresh, pair.Refresh.Text)
		}
		c.Families, c.Tokens = append(c.Families, pair.Access.Claims.Family), append(c.Tokens, pair.Access.Text)
	}
	return nil
}

// sizes runs jobs whose parameters say how many bytes their result has; none: the job fails.
type sizes struct{}

func (sizes) Authorize(context.Context, job.Job) error { return nil }

func (sizes) TimeLimit(job.Job) time.Duration { return time.Minute }

func (sizes) Run(_ context.Context, j job.Job, w io.Writer) (result.Summary, error) {
	var size int
	if err := json.Unmarshal(j.Params, &size); err != nil {
		return result.Summary{}, err
	}
	if size == 0 {
		return result.Summary{}, dataapi.Errorf(dataapi.CodeInternal, "It failed.")
	}
	// Not too easy to compress, and different for each job.
	line := sha256.Sum256(j.ID[:])
	_, err := io.WriteString(w, strings.Repeat(fmt.Sprintf("%x\n", line), size/65+1)[:size])
	return result.Summary{RowCount: size}, err
}

func request(company string, size int, callbackURL string) job.Request {
	return job.Request{
		Company: company, User: "integration", KeyID: "s42_key",
		Address: dataapi.Address{Company: "acme", Namespace: "default", Slug: "relatorio"}, Revision: "r1",
		Params: fmt.Append(nil, size), CallbackURL: callbackURL,
		PollingPath: func(id job.ID) string { return "/api/v1/data-api/default/relatorio/jobs/" + id.String() },
	}
}

func (s *services) accept(c *contents, i, size int) error {
	company, url := "acme", ""
	if i%3 == 0 {
		company = "globex"
	}
	if i%4 == 0 {
		url = "https://hooks.example.com/done"
	}
	if i%5 != 0 {
		j, err := s.engine.Accept(context.Background(), request(company, size, url))
		c.Jobs = append(c.Jobs, j.ID)
		return err
	}
	key := fmt.Sprint("key-", i)
	c.Repeated[key] = company
	j, _, err := s.engine.AcceptOnce(context.Background(), request(company, size, url), job.Idempotency{Key: key, Digest: job.Digest{1}})
	c.Jobs = append(c.Jobs, j.ID)
	return err
}

// fillJobs makes jobs that have ended, some with results of several chunks.
func fillJobs(s *services, c *contents) error {
	ctx := context.Background()
	for i := range 40 {
		size := []int{900, 0, 40_000, 700_000, 5}[i%5]
		if err := s.accept(c, i, size); err != nil {
			return err
		}
	}
	attachment := s.engine.Attach(sizes{}, job.Settings{Workers: 2})
	defer attachment.Detach()
	if err := s.engine.Start(ctx); err != nil {
		return err
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(2 * time.Millisecond) {
		left, err := s.store.Unfinished(ctx)
		if err != nil {
			return err
		}
		if len(left) == 0 {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d jobs do not end", len(left))
		}
	}
	return s.engine.Stop(ctx)
}

// fillWaiting makes jobs that wait, and one that an earlier process ran.
func fillWaiting(s *services, c *contents) error {
	for i := range 12 {
		if err := s.accept(c, 100+i, 900); err != nil {
			return err
		}
	}
	_, _, err := s.store.Claim(context.Background(), "earlier process", epoch, epoch.Add(time.Minute), job.Capacity{Jobs: 1})
	return err
}

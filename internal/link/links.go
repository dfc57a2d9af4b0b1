package link

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// Options are what links are made and opened with.
type Options struct {
	// Secret returns the named secret of the store, and makes it where there is none: see store.Store.
	Secret func(name string, generate func() ([]byte, error)) ([]byte, error)

	// Now is the clock that links expire by.
	Now func() time.Time
}

// Links makes, opens and counts links. It is safe for concurrent use.
type Links struct {
	Store
	options Options
	secrets sync.Map // []byte by name: a secret never changes
}

// New returns the links of a store, which stays the caller's.
func New(store Store, options Options) *Links { return &Links{Store: store, options: options} }

// secretName is that of the secret that signs what is made at a time. Each month has one of its own: anyone who has learned one can sign
// nothing that is made later.
func secretName(at time.Time) string { return "link-key-" + at.UTC().Format("2006-01") }

// secretOf returns the secret that has signed the link with an ID. It fails with ErrInvalid where the ID was made up.
func (l *Links) secretOf(id string) ([]byte, error) {
	decoded, made, ok := decodeID(id)
	if now := l.options.Now(); !ok || made.After(now.Add(clockSkew)) || made.Before(now.Add(-MaxLifetime-KeepExpired-clockSkew)) {
		return nil, ErrInvalid
	}
	secret, err := l.secret(secretName(made))
	if err == nil && !hmac.Equal(decoded[idOwn:], checkOf(secret, decoded[:idOwn])) {
		err = ErrInvalid
	}
	return secret, err
}

// clockSkew is how far the clocks of servers that share a store may be apart.
const clockSkew = time.Hour

func (l *Links) secret(name string) ([]byte, error) {
	if known, ok := l.secrets.Load(name); ok {
		return known.([]byte), nil
	}
	secret, err := l.options.Secret(name, func() ([]byte, error) {
		made := make([]byte, sha256.Size)
		rand.Read(made) // never fails: the process ends when the system has no randomness
		return made, nil
	})
	if err == nil {
		l.secrets.Store(name, secret)
	}
	return secret, err
}

// Make keeps a link to what is asked for, and returns it with the text that stands for it in a URL. The lifetime is from now on. It
// fails with ErrTooMany.
func (l *Links) Make(ctx context.Context, made Link, lifetime time.Duration, asked Request) (Link, string, error) {
	now := l.options.Now().UTC().Truncate(time.Millisecond)
	secret, err := l.secret(secretName(now))
	if err != nil {
		return Link{}, "", err
	}
	made.ID, made.CreatedAt, made.ExpiresAt, made.Used = newID(secret, now), now, now.Add(lifetime), 0
	made.Namespace, made.Slug, made.Format, made.Options = asked.Namespace, asked.Slug, asked.Format, asked.Options
	if err := l.CreateLink(ctx, made, MaxPerCompany); err != nil {
		return Link{}, "", err
	}
	return made, made.ID + "." + macEncoding.EncodeToString(sign(secret, &made, asked)), nil
}

// Open returns the link that a text stands for, when it is one to what is asked for. It fails with ErrInvalid, and of a genuine link
// with ErrExpired or ErrSpent, together with the link; every other error is the store's.
func (l *Links) Open(ctx context.Context, text string, asked Request) (Link, error) {
	id, mac, ok := split(text)
	if !ok {
		return Link{}, ErrInvalid
	}
	secret, err := l.secretOf(id)
	if err != nil {
		return Link{}, err
	}
	found, err := l.FindLink(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return Link{}, ErrInvalid
	case err != nil:
		return Link{}, err
	}
	switch {
	case !hmac.Equal(mac, sign(secret, &found, asked)):
		return Link{}, ErrInvalid
	case !l.options.Now().Before(found.ExpiresAt):
		return found, ErrExpired
	case found.Spent():
		return found, ErrSpent
	}
	return found, nil
}

// pruneBatch is how many links are removed at once, so that others need not wait long for the store.
const pruneBatch = 500

// Prune forgets the links that have expired long ago.
func (l *Links) Prune(ctx context.Context) error {
	before := l.options.Now().Add(-KeepExpired)
	for {
		more, err := l.PruneLinks(ctx, before, pruneBatch)
		if err != nil || !more {
			return err
		}
	}
}

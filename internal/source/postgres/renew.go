package postgres

import (
	"bytes"
	"context"
	"crypto/tls"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// renew reads the connection string anew, and the files that it names, because connecting as it was did not work: somebody
// has perhaps changed a password, a certificate or a host. It reports whether there is something new to try. Connections
// that were made with the old password go on.
func (s *Source) renew(tried *target) bool {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	if s.target.Load() != tried {
		return true // somebody was quicker
	}
	config := s.config
	config.DSN = s.dsn
	fresh, err := s.readTarget(&config)
	if err != nil {
		if s.unreadable != err.Error() {
			s.unreadable = err.Error()
			s.config.Logger.Warn("the connection string cannot be read anew; the old one is kept", "error", err)
		}
		return false
	}
	s.unreadable = ""
	if sameTarget(tried, fresh) {
		return false
	}
	s.config.Logger.Info("the connection string, or a file that it names, has changed: it is used from now on")
	s.dsn = config.DSN
	s.target.Store(fresh)
	if !sameServer(tried.connect, fresh.connect) {
		s.pool.Reset()
		s.pipelines.end()
	}
	return true
}

// readTarget reads what to connect to. It sets the configuration's DSN to the one that it has read.
func (s *Source) readTarget(config *Config) (*target, error) {
	if config.Renew != nil {
		dsn, err := config.Renew()
		if err != nil {
			return nil, err
		}
		config.DSN = dsn
	}
	return newTarget(*config)
}

// newTarget reads a connection string, and adds what the source needs of each session.
func newTarget(config Config) (*target, error) {
	t, err := parseTarget(config)
	if err != nil {
		return nil, err
	}
	configureSession(t.connect, config)
	return t, nil
}

// attempt is a copy of what to connect with that one attempt may change.
func (t *target) attempt() *pgconn.Config {
	connect := t.connect.Copy()
	if !t.balance {
		return connect
	}
	list := places(connect)
	//nolint:gosec // it spreads load, and nobody gains by guessing it
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	setPlaces(connect, list)
	connect.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		addresses, err := t.connect.LookupFunc(ctx, host)
		//nolint:gosec // as above
		rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
		return addresses, err
	}
	return connect
}

// sameTarget reports whether both would connect in the same way.
func sameTarget(a, b *target) bool {
	return a.connect.Password == b.connect.Password && a.balance == b.balance && sameServer(a.connect, b.connect) &&
		slices.EqualFunc(slices.Concat(places(a.connect)...), slices.Concat(places(b.connect)...), func(a, b *pgconn.FallbackConfig) bool {
			return sameTLS(a.TLSConfig, b.TLSConfig)
		})
}

// sameServer reports whether sessions of both are with the same servers, as the same role, and set up alike.
func sameServer(a, b *pgconn.Config) bool {
	return a.User == b.User && a.Database == b.Database && maps.Equal(a.RuntimeParams, b.RuntimeParams) &&
		slices.EqualFunc(slices.Concat(places(a)...), slices.Concat(places(b)...), func(a, b *pgconn.FallbackConfig) bool {
			return a.Host == b.Host && a.Port == b.Port && (a.TLSConfig == nil) == (b.TLSConfig == nil)
		})
}

// sameTLS reports whether both show the same certificate and trust the same ones.
func sameTLS(a, b *tls.Config) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.ServerName == b.ServerName && a.InsecureSkipVerify == b.InsecureSkipVerify &&
		a.RootCAs.Equal(b.RootCAs) && slices.EqualFunc(a.Certificates, b.Certificates, func(a, b tls.Certificate) bool {
		return slices.EqualFunc(a.Certificate, b.Certificate, bytes.Equal)
	})
}

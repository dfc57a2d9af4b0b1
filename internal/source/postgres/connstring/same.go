package connstring

import (
	"bytes"
	"context"
	"crypto/tls"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
)

// Attempt returns a copy of what to connect with that one attempt may change.
func (t *Target) Attempt() *pgconn.Config {
	connect := t.Connect.Copy()
	if !t.Balance {
		return connect
	}
	list := Places(connect)
	//nolint:gosec // it spreads load, and nobody gains by guessing it
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	setPlaces(connect, list)
	connect.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		addresses, err := t.Connect.LookupFunc(ctx, host)
		//nolint:gosec // as above
		rand.Shuffle(len(addresses), func(i, j int) { addresses[i], addresses[j] = addresses[j], addresses[i] })
		return addresses, err
	}
	return connect
}

// Same reports whether both would connect in the same way.
func Same(a, b *Target) bool {
	return a.Connect.Password == b.Connect.Password && a.Balance == b.Balance && SameServer(a, b) &&
		slices.EqualFunc(slices.Concat(Places(a.Connect)...), slices.Concat(Places(b.Connect)...), func(a, b *pgconn.FallbackConfig) bool {
			return sameTLS(a.TLSConfig, b.TLSConfig)
		})
}

// SameServer reports whether sessions of both are with the same servers, as the same role, and set up alike.
func SameServer(first, second *Target) bool {
	a, b := first.Connect, second.Connect
	return a.User == b.User && a.Database == b.Database && maps.Equal(a.RuntimeParams, b.RuntimeParams) &&
		slices.EqualFunc(slices.Concat(Places(a)...), slices.Concat(Places(b)...), func(a, b *pgconn.FallbackConfig) bool {
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

package server

import (
	"context"
	"log/slog"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/audit"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// HS256Secrets sign and verify tokens where the algorithm is [token.HS256].
type HS256Secrets struct {
	Secret   string // signs and verifies
	Previous string // verifies; empty: there is none
}

// secretsEvery is how often files that hold secrets are read again: as often as those that hold the keys of an issuer.
const secretsEvery = 10 * time.Second

func (s HS256Secrets) keys() (signing token.Key, verifying []token.Key, err error) {
	if signing, err = token.NewHS256Key([]byte(s.Secret)); err != nil || s.Previous == "" {
		return signing, nil, err
	}
	previous, err := token.NewHS256Key([]byte(s.Previous))
	return signing, []token.Key{previous}, err
}

// rereadSecrets reads the secrets again, and has tokens signed and verified by what there is now. When they cannot be used,
// everything stays as it was, and the error says why.
func (s *Services) rereadSecrets() (changed bool, err error) {
	s.server.rereading.Lock()
	defer s.server.rereading.Unlock()
	secrets, err := s.server.settings.RenewHS256()
	if err != nil {
		return false, err
	}
	signing, verifying, err := secrets.keys()
	if err != nil {
		return false, err
	}
	if changed, err = s.TokenKeys.Replace(signing, verifying...); !changed || err != nil {
		return false, err
	}
	s.server.settings.Log.Info("the secrets of tokens have changed: they are used from now on", slog.String("kid", signing.ID()),
		slog.Bool("previous", len(verifying) > 0))
	s.server.settings.AuditLog.Record(audit.Event{
		Action: audit.SigningKeyRotated, Outcome: audit.Success, Actor: audit.Operator, Subject: signing.ID(),
	})
	return true, nil
}

// changeableSecrets reports whether secrets can change while the server runs.
func (s *Server) changeableSecrets() bool {
	return s.settings.Algorithm == token.HS256 && s.settings.RenewHS256 != nil
}

// watchSecrets reads the secrets again and again. What is wrong with them is said once.
func (s *Services) watchSecrets(ctx context.Context) {
	if !s.server.changeableSecrets() {
		return
	}
	ticker := time.NewTicker(secretsEvery)
	defer ticker.Stop()
	var told string
	for {
		_, err := s.rereadSecrets()
		switch {
		case err == nil:
			told = ""
		case told != err.Error():
			told = err.Error()
			s.server.settings.Log.Warn("the secrets of tokens cannot be read again; the old ones are kept", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// rereadForOperator is nil where there is nothing to read again.
func (s *Server) rereadForOperator() *admin.Reread {
	opened := s.Opened()
	if opened == nil || !s.changeableSecrets() {
		return nil
	}
	changed, err := opened.rereadSecrets()
	reread := &admin.Reread{Changed: changed}
	if err != nil {
		reread.Error = err.Error()
	}
	return reread
}

// configuredRing is the ring of the secrets.
func (s *Server) configuredRing() (*token.KeyRing, error) {
	signing, verifying, err := s.settings.HS256.keys()
	if err != nil {
		return nil, err
	}
	return token.NewKeyRing(signing, verifying...)
}

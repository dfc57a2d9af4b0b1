package postgres

import (
	"github.com/solucao42/caddy-data-api/source"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
)

// renew reads the connection string anew, and the files that it names, because connecting as it was did not work: somebody
// has perhaps changed a password, a certificate or a host. It reports whether there is something new to try. Connections
// that were made with the old password go on.
func (s *Source) renew(tried *connstring.Target) bool {
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
	if connstring.Same(tried, fresh) {
		return false
	}
	s.config.Logger.Info("the connection string, or a file that it names, has changed: it is used from now on")
	s.dsn = config.DSN
	s.target.Store(fresh)
	if !connstring.SameServer(tried, fresh) {
		s.pool.Reset()
		s.pipelines.end()
	}
	return true
}

// Reconnect implements [source.Reconnector].
func (s *Source) Reconnect() error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	config := s.config
	config.DSN = s.dsn
	fresh, err := s.readTarget(&config)
	if err != nil {
		return err
	}
	s.unreadable, s.dsn = "", config.DSN
	s.target.Store(fresh)
	s.pool.Reset()
	s.pipelines.replace()
	s.config.Logger.Info("connections are replaced, as an operator has asked for")
	return nil
}

var _ source.Reconnector = (*Source)(nil)

// readTarget reads what to connect to. It sets the configuration's DSN to the one that it has read.
func (s *Source) readTarget(config *Config) (*connstring.Target, error) {
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
func newTarget(config Config) (*connstring.Target, error) {
	t, err := connstring.Parse(config.DSN, config.Role, config.ConnectTimeout)
	if err != nil {
		return nil, err
	}
	configureSession(t.Connect, config)
	return t, nil
}

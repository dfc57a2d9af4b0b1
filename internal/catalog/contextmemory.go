package catalog

import (
	"maps"
	"sync"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
)

// contextMemory remembers what was found when users' share contexts were held against contracts: it costs what the
// contexts list, and files are linked again for each change of any of them. Endpoints and users are immutable, so that
// their addresses identify them. It is safe for concurrent use.
type contextMemory struct {
	mu            sync.Mutex
	known, before map[contextKey][]params.ContextFault
}

type contextKey struct {
	endpoint  *Endpoint
	user      *identity.User
	parameter string
}

// check returns what is wrong with a user's constraint on a parameter of an endpoint.
func (m *contextMemory) check(endpoint *Endpoint, user *identity.User, parameter string) []params.ContextFault {
	key := contextKey{endpoint, user, parameter}
	m.mu.Lock()
	found, ok := m.known[key]
	if !ok {
		found, ok = m.before[key]
	}
	m.mu.Unlock()
	if !ok {
		found = endpoint.Contract.CheckContext(params.ShareContext{parameter: user.ShareContext[parameter]})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = make(map[contextKey][]params.ContextFault)
	}
	m.known[key] = found
	return found
}

// forget drops what has not been asked for since the last time.
func (m *contextMemory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.before, m.known = m.known, nil
}

// inherit takes over what another memory knows.
func (m *contextMemory) inherit(other *contextMemory) {
	other.mu.Lock()
	defer other.mu.Unlock()
	m.before = maps.Clone(other.before)
	if m.before == nil {
		m.before = make(map[contextKey][]params.ContextFault)
	}
	maps.Copy(m.before, other.known)
}

package operation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/ask"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	// maxTables and maxColumns bound the schema of a source.
	maxTables, maxColumns = 2000, 20_000

	// schemaFresh is how long a schema is good for, and renewAfter how soon a caller can have it read again.
	schemaFresh, renewAfter = time.Minute, 5 * time.Second

	// schemaPatience is how long a caller waits, and schemaTimeout how long a source may take.
	schemaPatience, schemaTimeout = 10 * time.Second, 20 * time.Second
)

// schemas keeps what sources have said of their tables: an editor asks again and again, for many authors, and a database takes a
// moment to say it. Of each source one is asked for at a time.
type schemas struct {
	now func() time.Time

	mu   sync.Mutex
	kept map[string]*keptSchema
}

func newSchemas(now func() time.Time) *schemas {
	return &schemas{now: now, kept: make(map[string]*keptSchema)}
}

// keptSchema is that of one source.
type keptSchema struct {
	asking ask.Question[readSchema]

	mu     sync.Mutex
	last   readSchema
	readAt time.Time
}

// readSchema is a schema as it is sent.
type readSchema struct {
	body []byte
	etag string
}

// of returns the schema of a source, for which a company asks. Renew asks for one that is new.
func (s *schemas) of(asked *Source, company string, renew bool) (readSchema, error) {
	s.mu.Lock()
	kept := s.kept[asked.Name]
	if kept == nil {
		kept = &keptSchema{asking: ask.Question[readSchema]{Patience: schemaPatience, Fresh: renewAfter, Limit: schemaTimeout}}
		s.kept[asked.Name] = kept
	}
	s.mu.Unlock()

	kept.mu.Lock()
	last, age := kept.last, s.now().Sub(kept.readAt)
	kept.mu.Unlock()
	if last.body != nil && age < schemaFresh && !renew {
		return last, nil
	}
	read, err := kept.asking.Ask(func(ctx context.Context) (readSchema, error) {
		schema, err := asked.Describe(ctx, company, maxTables, maxColumns)
		if err != nil {
			return readSchema{}, err
		}
		now := s.now()
		var read readSchema
		if read.body, read.etag, err = writeSchema(asked.Name, &schema, now); err != nil {
			return readSchema{}, err
		}
		kept.mu.Lock()
		defer kept.mu.Unlock()
		kept.last, kept.readAt = read, now
		return read, nil
	})
	if errors.Is(err, ask.ErrNoAnswer) {
		err = dataapi.Wrap(dataapi.CodeSourceUnavailable, err)
	}
	return read, err
}

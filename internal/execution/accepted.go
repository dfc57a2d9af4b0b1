package execution

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/source"
)

// Accepted remembers which statements a source has accepted, and the columns that it described, so that it need not be asked
// again while its schema is what it was. It belongs to one source, whatever configurations use that. It is safe for concurrent use.
type Accepted struct {
	versioned source.Versioned

	asking sync.Mutex // held while the source is asked for its version

	mu      sync.Mutex
	asked   time.Time                        // when the source was asked for its version last
	failure error                            // of that
	version string                           // that known belongs to; empty: not known yet
	known   map[statementKey][]source.Column // accepted since the source had this version
	stale   map[statementKey][]source.Column // accepted before, under another version or by another process
	changes uint64                           // of version and known, counted
	saved   uint64                           // how many of them Save has written
	lists   map[string][]source.Column       // one of those that are equal: most statements share theirs with others
}

// statementKey tells statements apart by all that a source looks at when it judges them.
type statementKey [16]byte

// versionTimeout is how long a source may take to tell its version.
const versionTimeout = 2 * time.Second

// NewAccepted returns a memory of what a source accepts, which knows of nothing.
func NewAccepted(versioned source.Versioned) *Accepted {
	return &Accepted{versioned: versioned, known: make(map[statementKey][]source.Column), stale: make(map[statementKey][]source.Column),
		lists: make(map[string][]source.Column)}
}

// keyOf is what a statement is remembered by. Its name and how many rows a caller is given decide nothing.
func keyOf(statement *source.Statement) statementKey {
	hash := sha256.New()
	encoder := json.NewEncoder(hash) // each value on a line of its own, maps in order
	for _, part := range []any{statement.SQL, statement.Params, statement.Columns} {
		_ = encoder.Encode(part) // texts and numbers, into a hash: it never fails
	}
	return statementKey(hash.Sum(nil)[:16])
}

// renew learns the version that the source has now, unless somebody has since began. What was accepted under another one
// is stale then.
func (a *Accepted) renew(ctx context.Context, began time.Time) error {
	a.asking.Lock()
	defer a.asking.Unlock()
	if asked, err := a.lastAsked(); asked.After(began) || err != nil && time.Since(asked) < silentFor {
		return err
	}
	asked := time.Now()
	asking, cancel := context.WithTimeout(ctx, versionTimeout)
	defer cancel()
	version, err := a.versioned.Version(asking)
	if ctx.Err() != nil {
		return ctx.Err() // which says nothing of the source
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked, a.failure = asked, err
	if err == nil && version != a.version {
		maps.Copy(a.stale, a.known)
		a.version, a.known = version, make(map[statementKey][]source.Column)
		a.changes++
	}
	return err
}

func (a *Accepted) lastAsked() (asked time.Time, failure error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked, a.failure
}

// silentFor is how long a source that has not told its version is not asked for anything else by those who check many statements:
// they have waited once.
const silentFor = versionTimeout + time.Second

// silent returns why the source is not to be asked now; nil: it is.
func (a *Accepted) silent() error {
	asked, failure := a.lastAsked()
	if failure == nil || time.Since(asked) > silentFor || errors.Is(failure, errors.ErrUnsupported) {
		return nil
	}
	return failure
}

// recall returns what is known of a statement.
func (a *Accepted) recall(key statementKey) (found catalog.Recollection, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if columns, ok := a.known[key]; ok {
		return catalog.Recollection{Columns: columns}, true
	}
	columns, ok := a.stale[key]
	return catalog.Recollection{Columns: columns, Stale: true}, ok
}

// hasAny reports whether anything is known of one of the statements, or would be if the version were.
func (a *Accepted) hasAny(keys []statementKey) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.version == "" {
		return true
	}
	for _, key := range keys {
		if _, ok := a.known[key]; ok {
			return true
		}
		if _, ok := a.stale[key]; ok {
			return true
		}
	}
	return false
}

// note takes in what the source has said of a statement, after it had told its version; not accepted: it refuses it. A schema that has
// changed since then has another version, and none comes back, so that nothing is recalled which was accepted under another schema.
// It returns the columns, or the same ones that another statement has.
func (a *Accepted) note(key statementKey, columns []source.Column, accepted bool) []source.Column {
	a.mu.Lock()
	defer a.mu.Unlock()
	columns = a.share(columns)
	delete(a.stale, key)
	switch before, ok := a.known[key]; {
	case !accepted && ok:
		delete(a.known, key)
		a.changes++
	case !accepted:
	case a.version != "" && !(ok && catalog.SameColumns(before, columns)):
		a.known[key] = columns
		a.changes++
	}
	return columns
}

// share returns a list that is equal, if there is one.
func (a *Accepted) share(columns []source.Column) []source.Column {
	if len(columns) == 0 {
		return columns
	}
	text, err := json.Marshal(columns)
	if err != nil {
		return columns
	}
	if known, ok := a.lists[string(text)]; ok {
		return known
	}
	a.lists[string(text)] = columns
	return columns
}

// spareStatements is how many are remembered beside those of endpoints: drafts, and files that change, come back.
const spareStatements = 1000

// count is how many statements are remembered.
func (a *Accepted) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.known) + len(a.stale)
}

// keepOnly forgets the statements that are not among those in use.
func (a *Accepted) keepOnly(used map[statementKey]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	unused := func(key statementKey, _ []source.Column) bool { return !used[key] }
	maps.DeleteFunc(a.known, unused)
	maps.DeleteFunc(a.stale, unused)
	clear(a.lists)
	for key, columns := range a.known {
		a.known[key] = a.share(columns)
	}
	a.changes++
}

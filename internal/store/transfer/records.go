package transfer

import (
	"context"
	"encoding/json"
	"time"

	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// Kind is a kind of records.
type Kind string

// The kinds.
const (
	Secrets      Kind = "secrets"        // by name; the bytes
	TokenKeys    Kind = "token_keys"     // by ID; token.KeyRecord
	APIKeys      Kind = "api_keys"       // by ID; [APIKey]
	Families     Kind = "token_families" // by ID; token.Family
	SigningKeys  Kind = "signing_keys"   // by company, a zero byte and user; a list of callback.SigningKey
	Jobs         Kind = "jobs"           // by ID; job.Job, as [Settled] leaves it
	Chunks       Kind = "job_chunks"     // of completed jobs, by the job's ID and the index in 4 bytes; the bytes
	Deliveries   Kind = "deliveries"     // by the job's ID; callback.Delivery
	Usage        Kind = "usage"          // by hour since 1970 in 4 bytes, and the names, zero bytes between them; usage.Counts
	UsageSources Kind = "usage_sources"  // by name; [UsageSource]

	Documents Kind = "documents"          // by [DocumentKey]; documents.Document
	Revisions Kind = "document_revisions" // by DocumentKey, a zero byte and the revision in 8 bytes; documents.Document
	Links     Kind = "links"              // by ID; link.Link
)

// Kinds are all kinds, in the order in which they are moved: jobs come before what belongs to them.
var Kinds = []Kind{
	Secrets, TokenKeys, APIKeys, Families, SigningKeys, Jobs, Chunks, Deliveries, Usage, UsageSources, Documents, Revisions, Links,
}

// Record is one record. Keys sort as their bytes do. A value is JSON where the kind does not say otherwise, and the same bytes for
// the same content, whichever store has it.
type Record struct{ Key, Value []byte }

// Reader reads a store that nobody writes to.
type Reader interface {
	// Records returns the records of a kind whose keys come after one, in the order of keys: at most limit. None: there are no more.
	Records(ctx context.Context, kind Kind, after []byte, limit int) ([]Record, error)
}

// Source is a store that is to be moved.
type Source interface {
	Reader

	// State names what the store holds at this moment: it is another text when anything has changed.
	State(ctx context.Context) (string, error)
}

// Target is a store that another one is moved into. As long as that is not done, no server opens it.
type Target interface {
	Reader

	// Begin begins to move a source with this state, and returns how far that is already. It refuses a store that holds anything
	// else, or is used by a server.
	Begin(ctx context.Context, state string) (Progress, error)

	// Put keeps records of a kind, and how far the move is then, in one transaction. Records that are there stay as they are.
	Put(ctx context.Context, kind Kind, records []Record, progress Progress) error

	// End makes what follows from the records, and lets servers open the store.
	End(ctx context.Context) error
}

// Progress is how far a move is.
type Progress struct {
	State string // of the source
	Kind  Kind   // that is being moved; empty: none yet
	After []byte // the last key of it that is there
	Moved int64  // records, in all
}

// APIKey is the value of a record of [APIKeys]: identity.Key with its MAC, which its JSON leaves out.
type APIKey struct {
	Company    string    `json:"company"`
	User       string    `json:"user"`
	Name       string    `json:"name"`
	SecretMAC  []byte    `json:"secret_mac"`
	CreatedAt  time.Time `json:"created_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	RevokedAt  time.Time `json:"revoked_at"`
	Successor  string    `json:"successor"`
	LastUsedAt time.Time `json:"last_used_at"`
}

// OfKey makes a record of a key.
func OfKey(key identity.Key) (Record, error) {
	return Of([]byte(key.ID), APIKey{
		Company: key.Company, User: key.User, Name: key.Name, SecretMAC: key.SecretMAC[:], CreatedAt: key.CreatedAt.UTC(),
		ExpiresAt: key.ExpiresAt.UTC(), RevokedAt: key.RevokedAt.UTC(), Successor: key.Successor, LastUsedAt: key.LastUsedAt.UTC(),
	})
}

// Key is the key of a record.
func (k *APIKey) Key(id string) identity.Key {
	key := identity.Key{
		ID: id, Company: k.Company, User: k.User, Name: k.Name, CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt,
		RevokedAt: k.RevokedAt, Successor: k.Successor, LastUsedAt: k.LastUsedAt,
	}
	copy(key.SecretMAC[:], k.SecretMAC)
	return key
}

// DocumentKey is the key of a record of [Documents].
func DocumentKey(kind documents.Kind, key string) []byte { return []byte(string(kind) + "\x00" + key) }

// OfDocument makes a record of a document or of a revision. No value and an empty one are the same to a store.
func OfDocument(key []byte, d documents.Document) (Record, error) {
	if len(d.Value) == 0 {
		d.Value = nil
	}
	d.At = d.At.UTC()
	return Of(key, d)
}

// UsageSource is the last batch of a counter of usage.
type UsageSource struct {
	Number uint64 `json:"number"`
	At     int64  `json:"at"` // in Unix seconds
}

// Settled is a job as it is moved: nobody runs it, and it need not wait for a further attempt.
func Settled(j job.Job) job.Job {
	j.LeaseOwner, j.LeaseUntil, j.NotBefore = "", time.Time{}, time.Time{}
	return j
}

// Of makes a record of a value whose JSON is always the same.
func Of(key []byte, value any) (Record, error) {
	text, err := json.Marshal(value)
	return Record{Key: key, Value: text}, err
}

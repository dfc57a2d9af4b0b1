package job

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

const (
	// IdempotencyRetention is how long a key stays bound to the request that it was first used for.
	IdempotencyRetention = 24 * time.Hour

	// MaxIdempotencyKey is the longest key in bytes.
	MaxIdempotencyKey = 255
)

// Idempotency is a caller's key for one request, so that the request can be repeated without being done twice (the
// Idempotency-Key header). A key belongs to a company and an endpoint: another's equal one is another key.
type Idempotency struct {
	Key    string `json:"key"`    // 1 to MaxIdempotencyKey bytes
	Digest Digest `json:"digest"` // of the request's body, in a form that does not depend on how it is written
	// Until is when the key may be used for something else. Accepting sets it.
	Until time.Time `json:"until"`
}

// KeyName returns what a store keeps the job's idempotency key under: the SHA-256 of company, endpoint and key, since a caller's key is
// of any bytes. Nil: the job has none.
func (j *Job) KeyName() []byte {
	if j.Idempotency == nil {
		return nil
	}
	name := sha256.New()
	for _, part := range []string{j.Company, j.Address.String(), j.Idempotency.Key} {
		name.Write([]byte(part))
		name.Write([]byte{0}) // is in neither of the first two
	}
	return name.Sum(nil)
}

// Digest is a SHA-256. Its text form is hexadecimal.
type Digest [sha256.Size]byte

// MarshalText writes hexadecimal digits.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errors.New("a digest is 64 hexadecimal digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

var (
	// ErrKeyReused says that an idempotency key is bound to a request of another digest.
	ErrKeyReused = errors.New("the idempotency key was used for another request")

	errKeyLength = dataapi.Errorf(dataapi.CodeInvalidRequest,
		"The Idempotency-Key must have from 1 to %d characters.", MaxIdempotencyKey)
)

// RepeatedError is what [Store.Accept] answers to a request that was accepted before under the same key.
type RepeatedError struct {
	Job Job // what the request has become, as it is now
}

// Error names the job.
func (e *RepeatedError) Error() string {
	return "the idempotency key is bound to job " + e.Job.ID.String()
}

// AcceptOnce is Accept for a request with an idempotency key: the key is bound to the job in the transaction that stores
// the job. When the key is bound already, by the same digest, nothing is stored, and it returns that earlier job, however
// far it is, and repeated. An earlier job that waits or runs still is a request in flight: a caller that cannot be given a
// job is to be told dataapi.CodeIdempotencyConflict. The job stays readable as long as its key is bound.
//
// Errors are Accept's; dataapi.CodeIdempotencyKeyReused when the key is bound to another digest; and CodeInvalidRequest for
// a key of the wrong length.
func (e *Engine) AcceptOnce(ctx context.Context, request Request, key Idempotency) (j Job, repeated bool, err error) {
	if len(key.Key) == 0 || len(key.Key) > MaxIdempotencyKey {
		return Job{}, false, errKeyLength
	}
	j = e.newJob(request)
	key.Until = j.CreatedAt.Add(IdempotencyRetention)
	j.Idempotency = &key
	err = e.store.Accept(ctx, j, e.quota())
	if earlier, ok := errors.AsType[*RepeatedError](err); ok {
		return earlier.Job, true, nil
	}
	j, err = e.accepted(ctx, j, err)
	return j, false, err
}

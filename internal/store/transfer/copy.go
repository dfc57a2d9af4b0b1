package transfer

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"slices"
)

// ErrDiffers says that the target does not hold what the source does.
var ErrDiffers = errors.New("the copy differs from the store")

// Sum is what a store holds of a kind.
type Sum struct {
	Kind    Kind   `json:"kind"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`  // of keys and values
	SHA256  string `json:"sha256"` // of all keys and values
}

// Steps of what takes its time, as Copy's progress names them.
const (
	Copying  = "copied"
	Checking = "checked"
)

// Copy moves all that source holds into target, reads both again, and returns what they hold. Where an earlier call ended, as it
// does with a process that is killed, the next one goes on. Neither store may be used by anybody else meanwhile. Progress is
// told again and again how many records of a kind a step has done; it must not block for long.
func Copy(ctx context.Context, source Source, target Target, progress func(step string, kind Kind, done int64)) ([]Sum, error) {
	state, err := source.State(ctx)
	if err != nil {
		return nil, err
	}
	done, err := target.Begin(ctx, state)
	if err != nil {
		return nil, err
	}
	first := 0
	if done.Kind != "" {
		first = slices.Index(Kinds, done.Kind)
	}
	for i, kind := range Kinds[first:] {
		if i > 0 {
			done.After = nil
		}
		done.Kind = kind
		if err := copyKind(ctx, source, target, &done, progress); err != nil {
			return nil, fmt.Errorf("copying %s: %w", kind, err)
		}
	}
	sums, err := compare(ctx, source, target, progress)
	if err != nil {
		return sums, err
	}
	if now, err := source.State(ctx); err != nil || now != state {
		return sums, errors.Join(err, fmt.Errorf("%w: somebody has changed the store meanwhile", ErrDiffers))
	}
	return sums, target.End(ctx)
}

// batch is how many records one transaction moves: a chunk of a result has up to some 256 KiB.
func batch(kind Kind) int {
	if kind == Chunks {
		return 32
	}
	return 500
}

func copyKind(ctx context.Context, source Source, target Target, done *Progress, progress func(string, Kind, int64)) error {
	var moved int64
	for {
		records, err := source.Records(ctx, done.Kind, done.After, batch(done.Kind))
		if err != nil || len(records) == 0 {
			return err
		}
		done.After = records[len(records)-1].Key
		done.Moved += int64(len(records))
		if err := target.Put(ctx, done.Kind, records, *done); err != nil {
			return err
		}
		moved += int64(len(records))
		progress(Copying, done.Kind, moved)
	}
}

// compare reads all that both stores hold.
func compare(ctx context.Context, source, target Reader, progress func(string, Kind, int64)) (sums []Sum, err error) {
	for _, kind := range Kinds {
		there, err := sumOf(ctx, source, kind, func(n int64) { progress(Checking, kind, n) })
		if err != nil {
			return sums, fmt.Errorf("reading %s of the store: %w", kind, err)
		}
		here, err := sumOf(ctx, target, kind, func(n int64) { progress(Checking, kind, n) })
		if err != nil {
			return sums, fmt.Errorf("reading %s of the copy: %w", kind, err)
		}
		if here != there {
			return sums, fmt.Errorf("%w: of %s it has %d (%s), and the store %d (%s)", ErrDiffers, kind, here.Records, here.SHA256, there.Records, there.SHA256)
		}
		sums = append(sums, there)
	}
	return sums, nil
}

func sumOf(ctx context.Context, reader Reader, kind Kind, progress func(done int64)) (sum Sum, err error) {
	sum.Kind = kind
	digest := sha256.New()
	for after := []byte(nil); ; {
		records, err := reader.Records(ctx, kind, after, batch(kind))
		if err != nil {
			return Sum{}, err
		}
		if len(records) == 0 {
			sum.SHA256 = hex.EncodeToString(digest.Sum(nil))
			return sum, nil
		}
		for _, record := range records {
			add(digest, record.Key)
			add(digest, record.Value)
			sum.Records++
			sum.Bytes += int64(len(record.Key) + len(record.Value))
		}
		after = records[len(records)-1].Key
		progress(sum.Records)
	}
}

// add adds bytes to a digest behind their length, so that what is next to each other cannot be taken for one another.
func add(digest hash.Hash, part []byte) {
	_, _ = digest.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
	_, _ = digest.Write(part)
}

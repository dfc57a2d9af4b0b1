package job

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

const (
	// BlockSize is how many bytes of a result one chunk holds before compression. JSON shrinks to a fifth or less, so that
	// a chunk takes some 50 KiB. All blocks but the last are full, which makes every offset of a result easy to find.
	BlockSize = 256 << 10

	// flushSize is how many bytes of chunks are stored in one transaction: one fsync for each chunk would cost more than
	// half of the throughput.
	flushSize = 1 << 20
)

// errStoring marks an error of the store while a result was being stored: that is not the job's fault.
var errStoring = errors.New("the result could not be stored")

// encoder is shared: EncodeAll is safe for concurrent use and makes one self-contained frame with a checksum.
var encoder = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil,
		zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(BlockSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options above are wrong
	}
	return e
})

// chunkWriter cuts what is written into compressed blocks and stores them, several at a time. It keeps one block and at
// most flushSize bytes of compressed ones in memory.
type chunkWriter struct {
	ctx   context.Context //nolint:containedctx // lives for one attempt
	store Store
	job   Job

	block  []byte
	arena  []byte   // compressed blocks, one after the other
	chunks [][]byte // parts of arena
	size   int64    // bytes written
	stored int      // chunks in the store
	err    error    // the first one; everything fails with it from then on
}

func newChunkWriter(ctx context.Context, store Store, j Job) *chunkWriter {
	return &chunkWriter{ctx: ctx, store: store, job: j}
}

// Write implements io.Writer.
func (w *chunkWriter) Write(p []byte) (n int, err error) {
	for n < len(p) && w.err == nil {
		if w.block == nil {
			w.block = make([]byte, 0, BlockSize)
		}
		part := p[n:min(len(p), n+BlockSize-len(w.block))]
		w.block = append(w.block, part...)
		n += len(part)
		if len(w.block) == BlockSize {
			w.compress()
		}
	}
	w.size += int64(n)
	return n, w.err
}

// Close stores what is left.
func (w *chunkWriter) Close() error {
	if w.err == nil && len(w.block) > 0 {
		w.compress()
	}
	if w.err == nil && len(w.chunks) > 0 {
		w.flush()
	}
	return w.err
}

func (w *chunkWriter) compress() {
	start := len(w.arena)
	// When the arena has to grow, the chunks before stay in the old one, which they keep alive.
	w.arena = encoder().EncodeAll(w.block, w.arena)
	w.chunks = append(w.chunks, w.arena[start:len(w.arena):len(w.arena)])
	w.block = w.block[:0]
	if len(w.arena) >= flushSize {
		w.flush()
	}
}

func (w *chunkWriter) flush() {
	err := w.store.AppendChunks(w.ctx, w.job.ID, w.job.Attempt, w.stored, w.chunks)
	if err != nil {
		w.err = fmt.Errorf("%w: %w", errStoring, err)
		return
	}
	w.stored += len(w.chunks)
	w.arena, w.chunks = w.arena[:0], w.chunks[:0]
}

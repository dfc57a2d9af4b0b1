package job

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

var (
	// ErrNoResult says that a job has not completed, and so has no result.
	ErrNoResult = errors.New("the job has no result")

	// ErrDamaged says that a result was read, and cannot be what was stored: it will not be read better later.
	ErrDamaged = errors.New("the result is damaged")
)

// decoder is shared: DecodeAll is safe for concurrent use. Its limit keeps a damaged chunk from taking memory.
var decoder = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		panic(err) // the options above are wrong
	}
	return d
})

// ChunkStore is the part of [Store] that reading a result takes.
type ChunkStore interface {
	ReadChunk(ctx context.Context, id ID, n int, buffer []byte) ([]byte, error)
}

// ResultReader reads a result from its chunks, one block at a time, and can be positioned anywhere in it. Between calls
// it holds no transaction, so that a slow reader holds nobody up. It is not safe for concurrent use.
type ResultReader struct {
	ctx    context.Context //nolint:containedctx // an io.Reader has no other place for it
	store  ChunkStore
	job    Job
	offset int64
	index  int    // of the chunk that block holds; -1: none
	block  []byte // decompressed
	chunk  []byte // compressed

	pooled      *[BlockSize]byte // where block begins, unless it needs more; nil: it is not of the pool
	pooledChunk *[BlockSize / 4]byte
}

var _ io.ReadSeekCloser = (*ResultReader)(nil)

// OpenResult returns a reader over the result of j, or ErrNoResult. It does not check whether j has expired. When the
// job is removed in the meantime, reading fails with ErrNotFound; when ctx ends, with ctx's error.
func OpenResult(ctx context.Context, store ChunkStore, j Job) (*ResultReader, error) {
	if j.Status != Completed {
		return nil, ErrNoResult
	}
	if j.Result.Chunks > 0 && j.Result.BlockSize <= 0 {
		return nil, fmt.Errorf("%w: job %s has the block size %d", ErrDamaged, j.ID, j.Result.BlockSize)
	}
	return &ResultReader{ctx: ctx, store: store, job: j, index: -1}, nil
}

// Size is the length of the whole result in bytes.
func (r *ResultReader) Size() int64 { return r.job.Result.Size }

// Read implements io.Reader.
func (r *ResultReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if r.offset >= r.job.Result.Size {
		return 0, io.EOF
	}
	rest, err := r.load()
	if err != nil {
		return 0, err
	}
	n := copy(p, rest)
	r.offset += int64(n)
	return n, nil
}

// WriteTo implements io.WriterTo, which spares io.Copy its buffer.
func (r *ResultReader) WriteTo(w io.Writer) (written int64, err error) {
	for r.offset < r.job.Result.Size {
		rest, err := r.load()
		if err != nil {
			return written, err
		}
		n, err := w.Write(rest)
		r.offset += int64(n)
		written += int64(n)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// Memory is how many bytes the reader holds at most: a block, and the chunk that it comes from.
func (r *ResultReader) Memory() int64 {
	block := min(int64(r.job.Result.BlockSize), r.job.Result.Size)
	return block + block/4
}

// blocks and compressed are what readers read into. Results are stored in blocks of one size, which chunks are shorter than.
var (
	blocks     = sync.Pool{New: func() any { return new([BlockSize]byte) }}
	compressed = sync.Pool{New: func() any { return new([BlockSize / 4]byte) }}
)

// acquire takes memory for the first block. A short result has some of its own.
func (r *ResultReader) acquire() {
	if r.pooled == nil && min(int64(r.job.Result.BlockSize), r.job.Result.Size) > BlockSize/4 {
		r.pooled, r.pooledChunk = blocks.Get().(*[BlockSize]byte), compressed.Get().(*[BlockSize / 4]byte)
		r.block, r.chunk = r.pooled[:0], r.pooledChunk[:0]
	}
}

// load returns what follows offset in its block, at least one byte.
func (r *ResultReader) load() ([]byte, error) {
	size := int64(r.job.Result.BlockSize)
	n := int(r.offset / size)
	if n != r.index {
		r.index = -1
		r.acquire()
		chunk, err := r.store.ReadChunk(r.ctx, r.job.ID, n, r.chunk[:0])
		if err != nil {
			return nil, err
		}
		r.chunk = chunk
		if r.block, err = decoder().DecodeAll(chunk, r.block[:0]); err != nil {
			return nil, fmt.Errorf("%w: chunk %d of job %s: %w", ErrDamaged, n, r.job.ID, err)
		}
		if want := min(size, r.job.Result.Size-int64(n)*size); int64(len(r.block)) != want {
			return nil, fmt.Errorf("%w: chunk %d of job %s has %d bytes instead of %d", ErrDamaged, n, r.job.ID, len(r.block), want)
		}
		r.index = n
	}
	return r.block[r.offset%size:], nil
}

// Seek implements io.Seeker. It reads nothing.
func (r *ResultReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.offset
	case io.SeekEnd:
		offset += r.job.Result.Size
	default:
		return 0, errors.New("seek: invalid whence")
	}
	if offset < 0 {
		return 0, errors.New("seek: negative position")
	}
	r.offset = offset
	return offset, nil
}

// Close frees the buffers. Reading afterwards is not allowed.
func (r *ResultReader) Close() error {
	if r.pooled != nil {
		blocks.Put(r.pooled)
		compressed.Put(r.pooledChunk)
		r.pooled, r.pooledChunk = nil, nil
	}
	r.block, r.chunk, r.index = nil, nil, -1
	return nil
}

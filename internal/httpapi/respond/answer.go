package respond

import (
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/httpapi/fields"
)

const (
	// stallTimeout is how long a reader may take nothing of what it is sent.
	stallTimeout = 10 * time.Second

	// blindTimeout is the same where nothing shows whether a reader takes a part of a buffer: as long as that, it may take
	// for all of it.
	blindTimeout = 30 * time.Second
)

// errStalled says that an answer was given up because of its reader: it took nothing, or it has gone.
var errStalled = errors.New("the caller takes nothing of the answer")

// Answer is the writer that handlers get. It knows whether the answer has begun, holds what the answer takes of the
// budget, does not wait for ever for its reader, and sees to it that an answer which ends badly is not taken for a whole one.
type Answer struct {
	http.ResponseWriter
	controller http.ResponseController
	by         *Responder
	request    *http.Request // of the caller

	timing   Timing // tells the caller where the time went; or nil
	begun    bool
	ended    bool  // as it should
	anyone   bool  // the client may read it, whatever has become of the caller's rights
	refused  error // why it cannot be sent; the answer has not begun, or the caller may not be answered any more
	stalled  bool  // writing has failed
	hasSlot  bool  // it has one of the [conversionSlots]
	streamed bool  // there was more than one write, or the first one was not all of it

	budget   *admission.Budget
	payer    string
	endpoint dataapi.Address // that it is of; zero: not known yet, or of none

	sent int64 // bytes that the server has taken
	cost int64 // of what the answer will hold, beside what is held
	held int64

	http10  resetConn // of an answer over HTTP/1.0
	watched watchedAnswer
}

// watchedAnswer is what the [watch] knows of an answer.
type watchedAnswer struct {
	before, after *Answer      // in the watch's list
	listed        bool         // guarded by the watch's lock
	writing       atomic.Int64 // when the write that goes on began, in nanoseconds; 0: none does
	until         atomic.Int64 // when writing ends, however much has been written; 0: it may go on

	server   http.ResponseController // of the server's own writer, for the watch; set before the answer is listed
	mu       sync.Mutex              // held while the watch uses it
	finished bool                    // the handler has returned, and it must not be used
	reset    bool                    // the stream has been reset, or will be as soon as its connection takes something
	progress progress
}

// WriteHeader begins the answer.
func (a *Answer) WriteHeader(status int) {
	if a.begin(0) != nil {
		return
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write sends one buffer. The first one sends the headers before it, unless the answer cannot be sent now.
func (a *Answer) Write(p []byte) (int, error) {
	if err := a.begin(len(p)); err != nil {
		return 0, err
	}
	turns := a.hasSlot
	a.releaseSlot()
	now := time.Now()
	a.await(now, len(p))
	n, err := a.send(now, p)
	a.sent += int64(n)
	switch {
	case err != nil:
		a.stalled = true
		err = errors.Join(errStalled, err)
	case turns:
		err = a.acquireSlot()
	}
	return n, err
}

const (
	// streamPiece is how much is written to a stream at once: it is what its reader has to take within [stallTimeout].
	streamPiece = 16 << 10

	// connPiece is the same of a connection. Caddy's writer sets the deadline again for each such piece, and never a later one than
	// the handler's.
	connPiece = 64 << 10
)

func (a *Answer) send(now time.Time, p []byte) (n int, err error) {
	defer a.watched.writing.Store(0)
	size := connPiece
	if a.request.ProtoMajor > 1 {
		size = streamPiece
	}
	for {
		piece := p[:min(len(p), size)]
		a.watched.writing.Store(now.UnixNano())
		written, err := a.ResponseWriter.Write(piece)
		n += written
		if p = p[len(piece):]; err != nil || len(p) == 0 {
			return n, err
		}
		now = time.Now()
		a.extend(now, a.by.watch.blind)
	}
}

// begin looks whether the answer may begin, or go on, with a part of this size.
func (a *Answer) begin(size int) error {
	if err := a.check(); err != nil {
		return err
	}
	if a.begun {
		return nil
	}
	// Longer parts are of memory that others share, such as a result in the cache, or that was reserved before. Event streams
	// are bounded as callers who wait.
	if a.Header().Get("Content-Type") != fields.EventStreamType && !a.hold(a.cost+answerCost+int64(min(size, smallAnswer))) {
		a.refused = errNoRoom
		return a.refused
	}
	if err := a.guard(); err != nil {
		a.refused = err
		return err
	}
	if a.timing != nil {
		a.timing.Begin()
	}
	a.begun = true
	return nil
}

// await arranges for the reader to be given up when it takes nothing of the next part.
func (a *Answer) await(now time.Time, size int) {
	patience := a.by.watch.blind
	switch {
	case a.streamed:
	case a.whole(size):
		patience = a.by.watch.stall
	default:
		a.streamed = true
		a.watched.server = *http.NewResponseController(serverWriter(a.ResponseWriter))
		a.by.watch.add(a)
		boundUnsent(connOf(a.request))
	}
	a.extend(now, patience)
}

// extend sets a connection's deadline, which costs nothing, and which the watch extends where it sees that the reader takes something. On
// the streams of HTTP/2 a deadline resets the stream when it passes, also while nothing waits: they have the watch alone.
func (a *Answer) extend(now time.Time, patience time.Duration) {
	if a.request.ProtoMajor == 1 {
		_ = a.controller.SetWriteDeadline(now.Add(patience)) // writers that know none do not block either
	}
}

// serverWriter returns the writer of net/http below all others. It alone lets a second goroutine set deadlines: Caddy's keeps account of them
// without a lock.
func serverWriter(w http.ResponseWriter) http.ResponseWriter {
	for {
		outer, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = outer.Unwrap()
	}
}

// whole reports whether this part is all of a small answer over HTTP/1: one write into a connection's buffer.
func (a *Answer) whole(size int) bool {
	var digits [20]byte
	return a.request.ProtoMajor == 1 && size <= smallAnswer && a.watched.until.Load() == 0 &&
		a.Header().Get("Content-Length") == string(strconv.AppendInt(digits[:0], int64(size), 10))
}

// smallAnswer is what an encoder sends at once, in bytes.
const smallAnswer = 64 << 10

// check looks whether the caller may still be answered.
func (a *Answer) check() error {
	if a.refused == nil && !a.anyone {
		if caller := CallerOf(a.request); caller.Company != nil { // else nobody is answered who could lose anything
			_, a.refused = a.by.renew(caller)
		}
	}
	return a.refused
}

// end is for an answer that is all there.
func (a *Answer) end() {
	a.releaseSlot()
	if a.timing != nil {
		a.timing.End()
	}
	a.ended = a.flush()
	if a.ended {
		a.http10.disarm()
	} else {
		a.stalled = true
	}
}

// flush sends what the server still buffers, where it is more than a deadline's business, and reports whether it could: over
// HTTP/1.0 the connection may then end as any other, and what a stream without a window does not take is held until it does.
func (a *Answer) flush() bool {
	if a.http10.conn == nil && (a.request.ProtoMajor == 1 || !a.streamed) {
		return true
	}
	err := a.FlushError()
	return err == nil || errors.Is(err, http.ErrNotSupported)
}

// FlushError is for response controllers. The reader of what is flushed is watched as that of what is written is.
func (a *Answer) FlushError() error {
	now := time.Now()
	a.extend(now, a.by.watch.blind)
	a.watched.writing.Store(now.UnixNano())
	defer a.watched.writing.Store(0)
	return a.controller.Flush()
}

// abort breaks the connection, or the stream, so that nobody takes what was sent for complete. It does not return.
func (a *Answer) abort() {
	panic(http.ErrAbortHandler) // finish does the rest, as for every other panic
}

// refuse says that there is no memory left. Refusals take some too, as long as streams do not take them: there is a small
// budget for them, and beyond it streams are reset silently.
func (a *Answer) refuse(err error) {
	a.giveBack()
	if a.request.ProtoMajor == 1 {
		a.Header().Set("Connection", "close") // which has a share in what there is too little of
		writeProblem(a.ResponseWriter, a.request, dataapi.AsError(err))
		return
	}
	if a.budget = a.by.memory.refusals; !a.hold(refusalCost) {
		a.abort()
	}
	writeProblem(a.ResponseWriter, a.request, dataapi.AsError(err))
	_ = a.controller.Flush() // which the deadline of a problem bounds
}

// finish gives back what the answer holds. What is still to be sent, such as the end of a compressed stream, the server sends
// after the handler.
func (a *Answer) finish() {
	a.releaseSlot()
	a.watched.mu.Lock()
	a.watched.finished = true
	a.watched.mu.Unlock()
	a.by.watch.remove(a)
	if a.begun && !a.ended {
		a.breakOff()
	} else if a.streamed && (a.request.ProtoMajor == 1 || a.Header().Get("Content-Encoding") != "") {
		_ = a.controller.SetWriteDeadline(time.Now().Add(a.by.watch.stall))
	}
	a.giveBack()
}

// Unwrap lets a response controller find the server's writer.
func (a *Answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

package respond

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/internal/admission"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// What holds memory while a request is read or answered, in bytes: for as long as its sender, or its reader, likes.
const (
	answerCost  = 32 << 10 // the goroutine, the request, and the server's own buffers
	bodyCost    = 32 << 10 // likewise
	refusalCost = 32 << 10 // likewise
)

// What requests without a caller, and refusals because memory is short, have besides: one part in so many of the budget.
const (
	strangersShare = 8
	refusalsShare  = 4
)

// busyAgain is when to come back if the memory was used up.
const busyAgain = 2 * time.Second

var errNoRoom = &dataapi.Error{
	Code: dataapi.CodeOverloaded, RetryAfter: busyAgain,
	Detail: "Too much is on its way to you and the others of your company. " +
		"Read what you have asked for, and come back later.",
}

var errNoRoomForBody = &dataapi.Error{
	Code: dataapi.CodeOverloaded, RetryAfter: busyAgain,
	Detail: "Too many request bodies are on their way at once. Come back later, and send the body together with its header.",
}

// Memory bounds what the answers and the bodies of requests hold in memory at once: a company may hold as much as is left
// free. Requests without a caller, such as those for tokens, have a budget of their own, by address.
type Memory struct {
	callers, strangers, refusals *admission.Budget
}

// NewMemory makes the budgets, of so many bytes.
func NewMemory(bytes int64) *Memory {
	return &Memory{
		callers: admission.NewBudget(bytes), strangers: admission.NewBudget(bytes / strangersShare), refusals: admission.NewBudget(bytes / refusalsShare),
	}
}

// Resize changes how much there is.
func (m *Memory) Resize(bytes int64) {
	m.callers.Resize(bytes)
	m.strangers.Resize(bytes / strangersShare)
	m.refusals.Resize(bytes / refusalsShare)
}

// payerOf returns the budget that a request takes from, and in whose name.
func (h *Responder) payerOf(r *http.Request) (budget *admission.Budget, payer string) {
	if company := CallerOf(r).Company; company != nil {
		return h.memory.callers, company.Slug
	}
	return h.memory.strangers, h.ClientIP(r)
}

// hold takes a part of the budget for the answer.
func (a *Answer) hold(bytes int64) bool {
	if !a.budget.Take(a.payer, bytes) {
		return false
	}
	a.held += bytes
	return true
}

func (a *Answer) giveBack() {
	a.budget.Return(a.payer, a.held)
	a.held = 0
}

// Reserve takes a part of the budget before the memory is used. It fails with dataapi.CodeOverloaded.
func Reserve(w http.ResponseWriter, bytes int64) error {
	if answer := AnswerOf(w); answer != nil && !answer.hold(bytes) {
		return errNoRoom
	}
	return nil
}

// ReadFrom copies through a pooled buffer: [io.Copy] would make one for each answer.
func (a *Answer) ReadFrom(r io.Reader) (n int64, err error) {
	buffer := copyBuffers.Get().(*[copySize]byte)
	defer copyBuffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{a}, r, buffer[:])
}

const copySize = 32 << 10

var copyBuffers = sync.Pool{New: func() any { return new([copySize]byte) }}

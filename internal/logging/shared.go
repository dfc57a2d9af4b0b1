package logging

import (
	"context"
	"log/slog"
	"slices"

	"github.com/solucao42/caddy-data-api/internal/attach"
)

// Shared is what resources log to that outlive a configuration. It passes records on to the logger of the newest
// configuration that has started: that of another one may have closed its output. Make it with [NewShared].
type Shared struct {
	*slog.Logger
	handler *attachedHandler
}

// NewShared makes a shared log.
func NewShared() *Shared {
	handler := &attachedHandler{loggers: new(attach.Stack[slog.Handler])}
	return &Shared{Logger: slog.New(handler), handler: handler}
}

// Attach makes logger the one that records go to, until it is detached or another one is attached.
func (l *Shared) Attach(logger *slog.Logger) *attach.Attachment[slog.Handler] {
	return l.handler.loggers.Attach(logger.Handler())
}

// attachedHandler applies the attributes and groups that it was given to whichever handler is current.
type attachedHandler struct {
	loggers *attach.Stack[slog.Handler]
	derive  []func(slog.Handler) slog.Handler
}

func (h *attachedHandler) handler() slog.Handler {
	current, ok := h.loggers.Newest()
	if !ok {
		current = slog.Default().Handler()
	}
	for _, derive := range h.derive {
		current = derive(current)
	}
	return current
}

// Enabled asks the current handler.
func (h *attachedHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.handler().Enabled(ctx, level)
}

// Handle passes the record on.
func (h *attachedHandler) Handle(ctx context.Context, record slog.Record) error {
	return h.handler().Handle(ctx, record)
}

// WithAttrs returns a handler that adds attributes to every record.
func (h *attachedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup returns a handler that opens a group for every record.
func (h *attachedHandler) WithGroup(name string) slog.Handler {
	return h.with(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *attachedHandler) with(derive func(slog.Handler) slog.Handler) slog.Handler {
	derived := append(slices.Clip(h.derive), derive)
	return &attachedHandler{loggers: h.loggers, derive: derived}
}

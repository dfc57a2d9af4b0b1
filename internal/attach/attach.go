package attach

import "sync"

// Stack holds the attached values of one engine. The zero value is empty and ready for use. It is safe for concurrent
// use and must not be copied.
type Stack[T any] struct {
	mu      sync.Mutex
	entries []*Attachment[T]
}

// Attachment is one value on a stack, from Attach until Detach.
type Attachment[T any] struct {
	stack    *Stack[T]
	value    T
	uses     int // guarded by stack.mu
	detached bool
	done     chan struct{}
}

// Attach makes value the newest one: work that begins from now on is done with it.
func (s *Stack[T]) Attach(value T) *Attachment[T] {
	a := &Attachment[T]{stack: s, value: value, done: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, a)
	return a
}

// Newest returns the newest attached value without holding it, and whether there is any.
func (s *Stack[T]) Newest() (value T, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) == 0 {
		return value, false
	}
	return s.entries[len(s.entries)-1].value, true
}

// Acquire returns the newest attached value and holds it until release is called, which must happen exactly once.
// It reports false, with nothing to release, when no value is attached.
func (s *Stack[T]) Acquire() (value T, release func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) == 0 {
		return value, nil, false
	}
	a := s.entries[len(s.entries)-1]
	a.uses++
	return a.value, sync.OnceFunc(a.release), true
}

func (a *Attachment[T]) release() {
	a.stack.mu.Lock()
	defer a.stack.mu.Unlock()
	a.uses--
	a.endDetached()
}

// Detach takes the value off the stack, wherever it is, so that no work begins with it any more. It does not wait:
// see Done. Detaching again does nothing.
func (a *Attachment[T]) Detach() {
	a.stack.mu.Lock()
	defer a.stack.mu.Unlock()
	if a.detached {
		return
	}
	a.detached = true
	for i, entry := range a.stack.entries {
		if entry == a {
			a.stack.entries = append(a.stack.entries[:i:i], a.stack.entries[i+1:]...)
			break
		}
	}
	a.endDetached()
}

// Done is closed once the value is detached and the last work that holds it has ended: what the value refers to may be
// closed then.
func (a *Attachment[T]) Done() <-chan struct{} { return a.done }

// endDetached is called with the stack locked, after each change of uses or detached.
func (a *Attachment[T]) endDetached() {
	if a.detached && a.uses == 0 {
		close(a.done)
	}
}

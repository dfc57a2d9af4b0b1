package intern

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"weak"
)

// Key tells values apart: a digest of all that they are.
type Key [16]byte

// KeyOf is the key of a value that is written as this text.
func KeyOf(text []byte) Key {
	digest := sha256.Sum256(text)
	return Key(digest[:16])
}

// Set has the values that anybody refers to. The zero value is empty. It is safe for concurrent use.
type Set[T any] struct {
	mu    sync.Mutex
	known map[Key]weak.Pointer[T]
}

// Get returns the value of a key; nil: there is none.
func (s *Set[T]) Get(key Key) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known[key].Value()
}

// Put makes a value the one of a key, unless there is one, and returns the one that it is.
func (s *Set[T]) Put(key Key, value *T) *T {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.known[key].Value(); known != nil {
		return known
	}
	if s.known == nil {
		s.known = make(map[Key]weak.Pointer[T])
	}
	s.known[key] = weak.Make(value)
	runtime.AddCleanup(value, s.forget, key)
	return value
}

// forget drops what nobody refers to any more.
func (s *Set[T]) forget(key Key) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[key].Value() == nil { // else it was made again meanwhile
		delete(s.known, key)
	}
}

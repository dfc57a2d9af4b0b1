package attach_test

import (
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/attach"
)

func done(a *attach.Attachment[string]) bool {
	select {
	case <-a.Done():
		return true
	default:
		return false
	}
}

func TestNewestServesAndOldEndsWithItsLastUse(t *testing.T) {
	var stack attach.Stack[string]
	if _, _, ok := stack.Acquire(); ok {
		t.Fatal("an empty stack gave a value")
	}
	if _, ok := stack.Newest(); ok {
		t.Fatal("an empty stack has a newest value")
	}
	old := stack.Attach("old")
	held, release, _ := stack.Acquire()
	rejected := stack.Attach("rejected")
	if value, _ := stack.Newest(); value != "rejected" || held != "old" {
		t.Fatalf("newest %q, held %q", value, held)
	}
	rejected.Detach()
	if !done(rejected) {
		t.Error("an unused value is not done when detached")
	}
	if value, _ := stack.Newest(); value != "old" {
		t.Errorf("after the rejected one left, %q serves", value)
	}
	next := stack.Attach("next")
	old.Detach() // not the top one
	old.Detach()
	if done(old) {
		t.Error("done while held")
	}
	if value, _ := stack.Newest(); value != "next" {
		t.Errorf("%q serves", value)
	}
	release()
	release() // guarded: a second call must not count for another's use
	if !done(old) || done(next) {
		t.Errorf("old done %v, next done %v", done(old), done(next))
	}
}

func TestConcurrentUse(t *testing.T) {
	var stack attach.Stack[string]
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				a := stack.Attach("x")
				if _, release, ok := stack.Acquire(); ok {
					defer release()
				}
				a.Detach()
			}
		})
		group.Go(func() {
			for range 500 {
				if _, release, ok := stack.Acquire(); ok {
					release()
				}
			}
		})
	}
	group.Wait()
	if _, ok := stack.Newest(); ok {
		t.Error("a detached value still serves")
	}
}

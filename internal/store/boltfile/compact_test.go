package boltfile

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

func TestCompactShrinksAndLosesNothing(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	big := strings.Repeat("x", 64<<10)
	for i := range 300 {
		if err := s.Update(t.Context(), put("big"+strconv.Itoa(i), big)); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Update(t.Context(), func(tx *bbolt.Tx) error {
		for i := range 300 {
			if err := tx.Bucket(secretBucket).Delete([]byte("big" + strconv.Itoa(i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}

	// Readers and writers go on meanwhile; what a writer was told is there afterwards.
	var group sync.WaitGroup
	var compacted atomic.Bool
	var written [4]int
	for worker := range written {
		group.Go(func() {
			for n := 0; !compacted.Load(); n++ {
				key := fmt.Sprintf("w%d-%d", worker, n)
				if err := s.Update(context.Background(), put(key, "kept")); err != nil {
					t.Error(err)
					return
				}
				if got := s.value(t, key); got != "kept" {
					t.Errorf("%s is %q after it was written", key, got)
				}
				written[worker] = n + 1
			}
		})
	}
	before, after, err := s.Compact(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Compact(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
	compacted.Store(true)
	group.Wait()
	t.Logf("%d bytes became %d", before, after)
	if before < 18<<20 || after > 4<<20 {
		t.Errorf("%d bytes became %d", before, after)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = openFile(t, path, Options{})
	for worker, count := range written {
		for n := range count {
			if key := fmt.Sprintf("w%d-%d", worker, n); s.value(t, key) != "kept" {
				t.Errorf("%s is lost", key)
			}
		}
	}
	if _, err := os.Stat(path + compactSuffix); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the copy is left: %v", err)
	}
}

func TestCompactOfAClosedStore(t *testing.T) {
	s := openFile(t, storePath(t), Options{})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.committing <- struct{}{}
	if _, _, err := s.Compact(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("while another holds the turn: %v", err)
	}
	s.committing.unlock()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Compact(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestCompactThatFailsLeavesTheStoreAsItWas(t *testing.T) {
	path := storePath(t)
	s := openFile(t, path, Options{})
	if err := s.Update(t.Context(), put("a", "1")); err != nil {
		t.Fatal(err)
	}
	// A directory that is not empty is where the copy would go.
	if err := os.MkdirAll(path+compactSuffix+"/x", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Compact(t.Context()); err == nil {
		t.Error("compacted")
	}
	if err := os.RemoveAll(path + compactSuffix); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), put("b", "2")); err != nil || s.value(t, "a") != "1" || s.value(t, "b") != "2" {
		t.Errorf("the store does not work any more: %v", err)
	}
}

const compactVariable = "DATA_API_TEST_COMPACT_STORE"

// compactHelper is the process that TestCompactKilled kills: it compacts without a pause while it writes numbers, and says
// which of them are on disk.
func compactHelper(path string) error {
	s, err := openAt(path, Options{LockTimeout: 10 * time.Second})
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, _, err := s.Compact(context.Background()); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Fprintln(os.Stdout, "compacted 0")
			time.Sleep(5 * time.Millisecond)
		}
	}()
	padding := strings.Repeat("x", 4096)
	for n := 0; ; n++ {
		key := fmt.Sprintf("%d-%d", os.Getpid(), n)
		if err := s.Update(context.Background(), put(key, padding)); err != nil {
			return err
		}
		fmt.Fprintln(os.Stdout, "written", key)
	}
}

func TestCompactKilled(t *testing.T) {
	path := storePath(t)
	var written []string
	compactions := 0
	for range 12 {
		command := exec.CommandContext(t.Context(), os.Args[0])
		command.Env = append(os.Environ(), compactVariable+"="+path)
		command.Stderr = os.Stderr
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		kill := sync.OnceFunc(func() {
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, func() { _ = command.Process.Kill() })
		})
		lines := bufio.NewScanner(output)
		for lines.Scan() {
			what, key, _ := strings.Cut(lines.Text(), " ")
			if what == "compacted" {
				compactions++
				kill()
			} else if what == "written" && lines.Err() == nil {
				written = append(written, key)
			}
		}
		_ = command.Wait()
	}
	s := openFile(t, path, Options{})
	lost := 0
	for i, key := range written {
		if s.value(t, key) == "" && i < len(written)-1 { // the kill may have cut the last line short
			lost++
		}
	}
	t.Logf("12 processes were killed during %d compactions: %d writes were acknowledged, %d are lost", compactions, len(written), lost)
	if lost > 0 || compactions < 12 {
		t.Fail()
	}
}

package servertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// ports are those that tests of this process have got: a port is free again before its server listens.
var ports sync.Map

// reserve keeps a port from the tests of other packages, which run at the same time and draw from the same ports: a socket whose name
// has the port is there until this process ends. Linux alone has such names; elsewhere nothing is kept.
func reserve(port int) bool {
	if runtime.GOOS != "linux" {
		return true
	}
	held, err := net.Listen("unix", fmt.Sprintf("@data-api-test-port-%d", port))
	if err == nil {
		ports.Store(port, held) // what nothing refers to would be closed
	}
	return !errors.Is(err, syscall.EADDRINUSE)
}

// FreePort returns a port that no other test gets. It is below those that systems give to outgoing connections, one of which could
// else take it before its server does.
func FreePort(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := 15_000 + rand.IntN(15_000)
		if _, taken := ports.LoadOrStore(port, true); taken || !reserve(port) {
			continue
		}
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// AwaitOneListener waits until one socket alone listens at a port. A server's former configuration closes its own a moment after the
// new one serves: until then it takes some of the new connections, and Linux resets those that still wait there when it closes. See
// docs/operations.md. Where the system does not tell, it does not wait.
func AwaitOneListener(port int) {
	for end := time.Now().Add(Patience); listeners(port) > 1 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// listeners counts the TCP sockets that listen at a port; none where the system does not tell.
func listeners(port int) (n int) {
	const listening = "0A"
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, _ := os.ReadFile(table)
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) > 3 && fields[3] == listening && strings.HasSuffix(fields[1], fmt.Sprintf(":%04X", port)) {
				n++
			}
		}
	}
	return n
}

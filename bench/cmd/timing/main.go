package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

const warmUp = 2000 // requests before the first sample

func main() {
	binary := flag.String("caddy", "bin/caddy", "the server")
	samples := flag.Int("n", 20_000, "samples of each kind")
	flag.Parse()
	rig.Main("timing", func(ctx context.Context) error { return measure(ctx, *binary, *samples) })
}

func measure(ctx context.Context, binary string, samples int) error {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return err
	}
	server, err := rig.Start(ctx, rig.Config{
		Binary: binary,
		Files:  map[string]string{"acme/company.yaml": "users: { erp: { policies: [DataAPIConsumer] } }\n"},
		Options: `source none sqlite /nonexistent.db
		tokens {
			throttle off
		}`,
	})
	if err != nil {
		return err
	}
	defer server.Stop()
	kinds, err := credentials(ctx, server)
	if err != nil {
		return err
	}
	client, err := dial(server.Address)
	if err != nil {
		return err
	}
	defer client.connection.Close()
	times := make([][]float64, len(kinds))
	answers := make([]string, len(kinds))
	order := make([]int, len(kinds))
	for i := range order {
		order[i] = i
	}
	for round := range samples + warmUp/len(kinds) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Each round asks once for each kind, in an order of its own, so that what changes with time changes for all.
		rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, kind := range order {
			taken, answer, err := client.ask(kinds[kind].request)
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", kinds[kind].name, err, server.Log())
			}
			if answers[kind] == "" {
				answers[kind] = answer
			}
			if answer != answers[0] && answers[0] != "" {
				return fmt.Errorf("the answers differ:\n%s: %q\n%s: %q", kinds[kind].name, answer, kinds[0].name, answers[0])
			}
			if round >= warmUp/len(kinds) {
				times[kind] = append(times[kind], taken)
			}
		}
	}
	fmt.Printf("Every answer is, apart from its date and request id:\n\n%s\n\n", indent(answers[0]))
	return report(os.Stdout, kinds, times)
}

// kind is one way in which credentials are wrong.
type kind struct {
	name    string
	request []byte
}

// credentials makes the requests. In all of them the secret has its right form and checksum.
func credentials(ctx context.Context, server *rig.Server) ([]kind, error) {
	var keys [3]rig.Key
	for i := range keys {
		var err error
		if keys[i], err = server.CreateKey(ctx, "acme", "erp"); err != nil {
			return nil, err
		}
	}
	live, revoked, other := keys[0], keys[1], keys[2]
	if _, err := server.Token(ctx, "acme", live); err != nil {
		return nil, err
	}
	if err := server.RevokeKey(ctx, revoked.ID); err != nil {
		return nil, err
	}
	unknown := []byte(live.ID)
	for i := len(unknown) - 22; i < len(unknown); i++ {
		unknown[i] = '1' + byte(rand.IntN(9))
	}
	return []kind{
		{"unknown company", request(server.Address, "emca", live.ID, live.Secret)},
		{"unknown key", request(server.Address, "acme", string(unknown), live.Secret)},
		{"wrong secret", request(server.Address, "acme", live.ID, other.Secret)},
		{"revoked key", request(server.Address, "acme", revoked.ID, revoked.Secret)},
	}, nil
}

func request(address, company, key, secret string) []byte {
	body := fmt.Sprintf(`{"company_slug":%q,"api_key":%q,"api_secret":%q}`, company, key, secret)
	return fmt.Appendf(nil, "POST /api/v1/auth/api-key HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\n\r\n%s", address, len(body), body)
}

// client sends requests over one connection, as plainly as can be, so that it adds little to the times.
type client struct {
	connection net.Conn
	reader     *bufio.Reader
	buffer     []byte
	length     int // of an answer; 0: not known yet
}

func dial(address string) (*client, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{connection: connection, reader: bufio.NewReader(connection), buffer: make([]byte, 64<<10)}, nil
}

// ask returns how long the answer took, in nanoseconds, and the answer without what differs each time.
func (c *client) ask(request []byte) (taken float64, answer string, err error) {
	if c.length == 0 {
		return c.askFirst(request)
	}
	started := time.Now()
	if _, err := c.connection.Write(request); err != nil {
		return 0, "", err
	}
	// All answers have one length: one that is longer shows as a rest that is left behind, one that is shorter as a wait.
	if err := c.connection.SetReadDeadline(started.Add(10 * time.Second)); err != nil {
		return 0, "", err
	}
	_, err = io.ReadFull(c.reader, c.buffer[:c.length])
	taken = float64(time.Since(started))
	if err == nil && c.reader.Buffered() > 0 {
		err = errors.New("an answer is longer than the others")
	}
	return taken, normalise(string(c.buffer[:c.length])), err
}

// askFirst finds out how long answers are.
func (c *client) askFirst(request []byte) (float64, string, error) {
	if _, err := c.connection.Write(request); err != nil {
		return 0, "", err
	}
	var text strings.Builder
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(c.reader, &text)), nil)
	if err != nil {
		return 0, "", err
	}
	if _, err := io.ReadAll(response.Body); err != nil {
		return 0, "", err
	}
	if err := response.Body.Close(); err != nil {
		return 0, "", err
	}
	if response.StatusCode != http.StatusUnauthorized {
		return 0, "", fmt.Errorf("the answer is %s", response.Status)
	}
	c.length = text.Len()
	return 0, normalise(text.String()), nil
}

// normalise leaves the values of the date and the request id out.
func normalise(answer string) string {
	var lines []string
	for line := range strings.SplitSeq(answer, "\r\n") {
		name, value, ok := strings.Cut(line, ": ")
		if ok && (name == "Date" || name == "X-Request-Id") {
			line = name + ": (" + strconv.Itoa(len(value)) + " characters)"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\r\n")
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n    ")
}

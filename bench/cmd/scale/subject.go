package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// subject is a server that is measured.
type subject struct {
	size   size
	server *rig.Server
	client *http.Client
	key    rig.Key
	token  string
	found  found
	costs  []float64 // of a point request in each round, in microseconds of the server's processor time
}

// replaced is how long a configuration may live on after it was replaced, for the connections that it has, and a little more.
const replaced = 15 * time.Second

// found is what was measured once.
type found struct {
	firstStart, start, reload, edit time.Duration // to the first answer, or until it is in force
	heap, heapLater                 float64       // bytes that are live after a collection, after the start and after reloads
	resident, residentLater         float64       // MiB
	document                        int           // bytes of the OpenAPI document of a company
	made, again                     time.Duration // the same: for the first caller, and for another one of the same rights
}

func newSubject(ctx context.Context, o options, dsn string, size size) (*subject, error) {
	s := &subject{size: size, client: &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: clients}}}
	config := rig.Config{Binary: o.binary, Files: size.files(), Options: fmt.Sprintf("source warehouse postgres %q", dsn)}
	begun := time.Now()
	server, err := rig.Start(ctx, config)
	if err != nil {
		return nil, err
	}
	s.server, s.found.firstStart = server, time.Since(begun)
	if s.key, err = server.CreateKey(ctx, company(0), "erp"); err != nil {
		server.Stop()
		return nil, err
	}
	return s, nil
}

// measure measures all that is measured once.
func (s *subject) measure(ctx context.Context, o options) error {
	s.server.End()
	if err := s.fill(ctx); err != nil {
		return err
	}
	begun := time.Now()
	if err := s.server.Begin(ctx); err != nil {
		return err
	}
	var err error
	if s.token, err = s.server.Token(ctx, company(0), s.key); err != nil {
		return err
	}
	if _, err := s.ask(ctx); err != nil {
		return err
	}
	s.found.start = time.Since(begun)
	if err := s.sound(ctx); err != nil {
		return err
	}
	if err := s.documents(ctx); err != nil {
		return err
	}
	if s.found.heap, s.found.resident, err = s.memory(ctx); err != nil {
		return err
	}
	var reloads, edits []float64
	for range o.reloads {
		begun := time.Now()
		if err := s.server.Reload(ctx); err != nil {
			return err
		}
		reloads = append(reloads, float64(time.Since(begun)))
	}
	s.found.reload = time.Duration(median(reloads))
	time.Sleep(replaced)
	if s.found.heapLater, s.found.residentLater, err = s.memory(ctx); err != nil {
		return err
	}
	for version := range o.edits {
		took, err := s.edit(ctx, version+1)
		if err != nil {
			return err
		}
		edits = append(edits, float64(took))
	}
	s.found.edit = time.Duration(median(edits))
	return nil
}

// sound fails when an endpoint is left out.
func (s *subject) sound(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/data_api/catalog", http.NoBody)
	if err != nil {
		return err
	}
	response, err := s.server.Admin().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	var catalog struct {
		Faults []string `json:"faults"`
	}
	if err := json.NewDecoder(response.Body).Decode(&catalog); err != nil {
		return err
	}
	if len(catalog.Faults) > 0 {
		return fmt.Errorf("the catalog has %d faults, the first one: %s", len(catalog.Faults), catalog.Faults[0])
	}
	return nil
}

// edit changes the point endpoint, and returns how long it takes until callers get what it says.
func (s *subject) edit(ctx context.Context, version int) (time.Duration, error) {
	begun := time.Now()
	if err := os.WriteFile(s.server.Path("catalog/"+pointFile), []byte(point(version)), 0o600); err != nil {
		return 0, err
	}
	wanted := fmt.Sprintf(`"version":%d`, version)
	for time.Since(begun) < time.Minute {
		answer, err := s.ask(ctx)
		if err != nil {
			return 0, err
		}
		if strings.Contains(string(answer), wanted) {
			return time.Since(begun), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
	return 0, errors.New("an edited file is not live after a minute")
}

func (s *subject) ask(ctx context.Context) ([]byte, error) {
	return s.get(ctx, http.MethodPost, "/api/v1/data-api/area-000/point/execute", `{"parameter_values":{"id":51}}`, s.token)
}

func (s *subject) get(ctx context.Context, method, path, body, token string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.server.Address+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s is answered with %s: %s", path, response.Status, answer)
	}
	return answer, err
}

// documents reads the OpenAPI document for a user, and for another one who may do the same.
func (s *subject) documents(ctx context.Context) error {
	other, err := s.server.CreateKey(ctx, company(0), "site")
	if err != nil {
		return err
	}
	token, err := s.server.Token(ctx, company(0), other)
	if err != nil {
		return err
	}
	const path = dataapi.PathOpenAPI + "?namespace=area-000" // which has a hundred
	begun := time.Now()
	document, err := s.get(ctx, http.MethodGet, path, "", s.token)
	if err != nil {
		return err
	}
	s.found.made, s.found.document = time.Since(begun), len(document)
	begun = time.Now()
	if _, err = s.get(ctx, http.MethodGet, path, "", token); err != nil {
		return err
	}
	s.found.again = time.Since(begun)
	return nil
}

// memory returns the bytes that are live after a collection, and the MiB that are resident then.
func (s *subject) memory(ctx context.Context) (heap, resident float64, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1/debug/pprof/heap?gc=1&debug=1", http.NoBody)
	if err != nil {
		return 0, 0, err
	}
	var text []byte
	for range 2 { // what has a finaliser, and what is in pools, goes with the second collection
		response, err := s.server.Admin().Do(request)
		if err != nil {
			return 0, 0, err
		}
		text, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return 0, 0, err
		}
	}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			heap, err = strconv.ParseFloat(value, 64)
		}
	}
	if err != nil || heap == 0 {
		return 0, 0, fmt.Errorf("the server does not say what its heap holds: %w", err)
	}
	resident, err = rig.Memory(s.server.PID(), "VmRSS")
	return heap, resident, err
}

// clients are those that send point requests at once.
const clients = 4

// load sends point requests for a while, and notes what one cost.
func (s *subject) load(ctx context.Context, span time.Duration) error {
	before, deadline := rig.CPUTime(s.server.PID()), time.Now().Add(span)
	var requests atomic.Int64
	failures := make([]error, clients)
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for time.Now().Before(deadline) && failures[i] == nil {
				_, failures[i] = s.ask(ctx)
				requests.Add(1)
			}
		})
	}
	all.Wait()
	s.costs = append(s.costs, 1e6*(rig.CPUTime(s.server.PID())-before)/float64(requests.Load()))
	return errors.Join(failures...)
}

package catalog

import (
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/source"
)

// CheckFunc asks an endpoint's source whether it accepts the statement. A *source.StatementError is a fault at its
// offset. dataapi.CodeSourceUnavailable, and the end of ctx, mean that nobody could be asked: the endpoint is taken, and
// asked about again later. Every other error is a fault of the endpoint's source key; its text is for the author.
// It is called from several goroutines at once.
type CheckFunc func(ctx context.Context, endpoint *Endpoint) error

const (
	checkTimeout  = 5 * time.Second // for one endpoint
	checkParallel = 4
)

// check asks about every endpoint that was not live and checked before, and takes back those that are at fault.
func (s *state) check(ctx context.Context, check CheckFunc, previous *state) {
	var (
		mu          sync.Mutex
		unavailable = make(map[string]bool) // sources that could not be asked once: they are not asked again in this round
		group       errgroup.Group
	)
	group.SetLimit(checkParallel)
	for _, endpoint := range s.toAsk(previous) {
		s.asked[endpoint] = true
		group.Go(func() error {
			mu.Lock()
			skip := unavailable[endpoint.Source]
			mu.Unlock()
			var err error
			if !skip {
				err = checkOne(ctx, check, endpoint)
			}
			mu.Lock()
			defer mu.Unlock()
			if skip || unreachable(err) {
				unavailable[endpoint.Source] = true
				s.unchecked[endpoint] = true
			} else if err != nil {
				s.faults = append(s.faults, checkFault(endpoint, err))
				s.refuse(endpoint, previous)
			}
			return nil
		})
	}
	_ = group.Wait() // the functions return no error
}

// toAsk lists the endpoints that are new, changed, or live without having been checked.
func (s *state) toAsk(previous *state) []*Endpoint {
	var endpoints []*Endpoint
	for _, file := range sortedKeys(s.live.endpoints) {
		endpoint := s.live.endpoints[file]
		if previous.live.endpoints[file] != endpoint || previous.unchecked[endpoint] {
			endpoints = append(endpoints, endpoint)
		}
	}
	return endpoints
}

func checkOne(ctx context.Context, check CheckFunc, endpoint *Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return check(ctx, endpoint)
}

func unreachable(err error) bool {
	return dataapi.HasCode(err, dataapi.CodeSourceUnavailable) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

func checkFault(endpoint *Endpoint, err error) Fault {
	at, message := endpoint.places.source, err.Error()
	if statement, ok := errors.AsType[*source.StatementError](err); ok {
		line, column := endpoint.Position(statement.Offset)
		at, message = place{line, column}, statement.Message
	}
	return Fault{endpoint.File, at.line, at.column, message}
}

// refuse takes an endpoint back that its source does not accept. One that was live unchecked never was good: it goes.
func (s *state) refuse(endpoint *Endpoint, previous *state) {
	before := previous.live.endpoints[endpoint.File]
	if before == nil || before == endpoint {
		delete(s.live.endpoints, endpoint.File)
		return
	}
	s.live.endpoints[endpoint.File] = before
}

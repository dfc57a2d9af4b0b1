package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/solucao42/caddy-data-api/bench/rig"
)

// profile takes profiles of the server under test, of processor time and of allocations, while a measure runs. The function that it returns waits for them.
func (l *lab) profile(ctx context.Context, name string) func() {
	s, err := l.hs256(ctx)
	if err != nil {
		return func() {}
	}
	var writing sync.WaitGroup
	for _, kind := range []string{"profile", "allocs"} {
		writing.Go(func() {
			path := filepath.Join(l.profiles, strings.ReplaceAll(name, " ", "-")+"."+kind)
			if err := fetchProfile(ctx, s.socket, kind, path, l.seconds); err != nil {
				say("%s of %s: %v", kind, name, err)
			}
		})
	}
	return writing.Wait
}

func fetchProfile(ctx context.Context, socket, kind, path string, seconds int) error {
	url := fmt.Sprintf("http://127.0.0.1/debug/pprof/%s?seconds=%d", kind, seconds)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := rig.UnixClient(socket).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the admin API answers %s", response.Status)
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(file, response.Body)
	return err
}

package jwks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	// fetchTimeout bounds one fetch, from the look-up of the name to the last byte.
	fetchTimeout = 5 * time.Second

	defaultInterval = 10 * time.Minute
	minInterval     = time.Minute // however short the issuer lets its set be kept
	maxInterval     = time.Hour   // however long
	fileInterval    = 10 * time.Second
)

// fetched is what a fetch has brought.
type fetched struct {
	document []byte // nil: the same as before
	etag     string
	keepFor  time.Duration
}

// fetcher gets a document, unless it is known to be the one of etag.
type fetcher func(ctx context.Context, etag string) (fetched, error)

func fetcherOf(location string) fetcher {
	if !isURL(location) {
		return func(context.Context, string) (fetched, error) { return readFile(location) }
	}
	client := &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: fetchTimeout}).DialContext,
			TLSHandshakeTimeout:    fetchTimeout,
			ResponseHeaderTimeout:  fetchTimeout,
			MaxResponseHeaderBytes: 64 << 10,
			MaxIdleConns:           1,
			IdleConnTimeout:        30 * time.Second,
			ForceAttemptHTTP2:      true,
		},
		// The keys come from where the configuration says, and not from where somebody else does.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return func(ctx context.Context, etag string) (fetched, error) { return get(ctx, client, location, etag) }
}

func readFile(path string) (fetched, error) {
	path, err := filepath.Abs(path) // so that what goes wrong says where a relative path began
	if err != nil {
		return fetched{}, err
	}
	file, err := os.Open(path)
	if err != nil {
		return fetched{}, err
	}
	defer file.Close()
	document, err := readAll(file)
	return fetched{document: document, keepFor: fileInterval}, err
}

func get(ctx context.Context, client *http.Client, location, etag string) (fetched, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return fetched{}, errors.New("the URL cannot be asked")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	request.Header.Set("User-Agent", "caddy-data-api")
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	response, err := client.Do(request)
	if err != nil {
		return fetched{}, err
	}
	defer response.Body.Close()
	got := fetched{etag: response.Header.Get("ETag"), keepFor: keepFor(response.Header)}
	switch {
	case response.StatusCode == http.StatusOK:
		got.document, err = readAll(response.Body)
		return got, err
	case response.StatusCode == http.StatusNotModified && etag != "":
		got.etag = etag
		return got, nil
	}
	return fetched{}, fmt.Errorf("the issuer answers %d", response.StatusCode)
}

func readAll(from io.Reader) ([]byte, error) {
	document, err := io.ReadAll(io.LimitReader(from, MaxBytes+1))
	if err == nil && len(document) > MaxBytes {
		return nil, fmt.Errorf("the key set is longer than %d bytes", MaxBytes)
	}
	return document, err
}

// keepFor returns after how long a set is to be fetched again: what the issuer says (RFC 9111, 5.2.2.1), within reason.
func keepFor(header http.Header) time.Duration {
	for directive := range strings.SplitSeq(header.Get("Cache-Control"), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		if !strings.EqualFold(name, "max-age") {
			continue
		}
		if seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
			seconds = min(seconds, uint64(maxInterval/time.Second)) // a number of too many digits is the largest
			return max(minInterval, time.Duration(seconds)*time.Second)
		}
	}
	return defaultInterval
}

package callback_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

// Each try that did not succeed is kept with a word for why, in whatever words the error is written.
func TestReasons(t *testing.T) {
	t.Parallel()
	secure := httptest.NewTLSServer(status(200)) // whose certificate nobody has signed
	t.Cleanup(secure.Close)
	mute := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no name server") }}
	private := callback.NameServer(t, func() [4]byte { return [4]byte{127, 0, 0, 1} })
	answers := func(handler http.HandlerFunc) string { return newReceiver(t, handler).URL }
	plain := answers(status(200))

	for want, c := range map[callback.Reason]struct {
		url      string
		resolver *net.Resolver
		config   callback.Config
	}{
		callback.AnsweredError:     {url: answers(status(500))},
		callback.AnsweredGone:      {url: answers(status(410))},
		callback.AnsweredRedirect:  {url: answers(status(302))},
		callback.TimedOut:          {url: answers(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })},
		callback.ConnectionBroken:  {url: answers(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })},
		callback.NotConnected:      {url: "http://127.0.0.1:1"},
		callback.NameNotResolved:   {url: "https://hooks.example.com/", resolver: mute},
		callback.AddressNotAllowed: {url: "https://hooks.example.com/", resolver: private},
		callback.URLNotAllowed:     {url: "http://hooks.example.com/"},
		callback.NotPermitted: {url: plain, config: callback.Config{
			Authorize: func(context.Context, callback.Delivery) error { return errors.New("the user is disabled") },
		}},
		callback.Internal: {url: plain, config: callback.Config{
			Authorize: func(context.Context, callback.Delivery) error { panic("oh no") },
		}},
	} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			timeout := patience // what a busy machine makes slow has not timed out
			if want == callback.TimedOut {
				timeout = time.Second
			}
			d := start(t, store, callback.Options{Timeout: timeout, Resolver: c.resolver})
			c.config.AllowedHosts = allowed(c.url)
			attachTo(t, d, c.config)
			expectReason(t, await(t, store, endJob(t, store, d, time.Now(), c.url, "1"), logged), want)
		})
	}
	for name, url := range map[string]string{"a certificate of nobody's": secure.URL, "no TLS at all": strings.Replace(plain, "http:", "https:", 1)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t)
			d := start(t, store, callback.Options{Timeout: patience})
			attachTo(t, d, callback.Config{AllowedHosts: allowed(url)})
			expectReason(t, await(t, store, endJob(t, store, d, time.Now(), url, "1"), logged), callback.TLSFailed)
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		store := newStore(t)
		d := start(t, store, callback.Options{})
		attachTo(t, d, callback.Config{AllowedHosts: allowed(plain)})
		expectReason(t, await(t, store, endJob(t, store, d, time.Now(), plain, "1"), in(callback.Delivered)), "")
	})
}

// allowed is the host of a receiver that runs here; hosts by name stay strangers.
func allowed(url string) []string {
	_, host, _ := strings.Cut(url, "://")
	if strings.HasPrefix(host, "127.") {
		return []string{host}
	}
	return nil
}

func logged(d callback.Delivery) bool { return len(d.Log) > 0 }

func expectReason(t *testing.T, delivery callback.Delivery, want callback.Reason) {
	t.Helper()
	if try := delivery.Log[0]; try.Reason != want || (try.Error == "") != (want == "") {
		t.Errorf("the reason %q, want %q: %s", try.Reason, want, try.Error)
	}
}

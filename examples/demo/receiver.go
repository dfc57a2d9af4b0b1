package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const maxCallback = 8 << 20 // bytes

// receiver is the customer's side of callbacks: a small web server that checks signatures.
type receiver struct {
	server     *http.Server
	served     chan error
	verifier   atomic.Pointer[standardwebhooks.Webhook]
	deliveries chan delivery // what arrived; it must be read
}

// delivery is one callback as it arrived.
type delivery struct {
	header http.Header
	body   []byte
	err    error // why its signature is not accepted; nil when it is
}

// startReceiver listens where the demo's callbacks go. The caller stops it.
func startReceiver(ctx context.Context) (*receiver, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", receiverAddress)
	if err != nil {
		return nil, fmt.Errorf("the receiver of callbacks: %w", err)
	}
	r := &receiver{served: make(chan error, 1), deliveries: make(chan delivery, 64)}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /webhook", r.receive)
	r.server = &http.Server{Handler: mux, ReadTimeout: 10 * time.Second}
	go func() { r.served <- r.server.Serve(listener) }()
	return r, nil
}

// trust sets the secret that signatures are checked with: base64 behind the prefix whsec_.
func (r *receiver) trust(secret string) error {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	r.verifier.Store(verifier)
	return nil
}

func (r *receiver) receive(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxCallback))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	verifier := r.verifier.Load()
	if verifier == nil {
		// An earlier demo's callback: the sender tries again later.
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	arrived := delivery{header: request.Header, body: body, err: verifier.Verify(body, request.Header)}
	if arrived.err != nil {
		http.Error(w, "the signature does not match", http.StatusUnauthorized)
	} else {
		w.WriteHeader(http.StatusNoContent)
	}
	select {
	case r.deliveries <- arrived:
	case <-request.Context().Done():
	}
}

func (r *receiver) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// What is still open after a second is cut off: nobody reads it any more.
	if err := r.server.Shutdown(ctx); err != nil {
		_ = r.server.Close()
	}
	if err := <-r.served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/solucao42/caddy-data-api/examples/demo/demodata"
)

// What the demo reads and writes, below the repository's root.
const (
	configFile  = "examples/demo/Caddyfile"
	housingFile = "examples/data/txhousing.csv.gz"
	dataDir     = "data"
)

func main() {
	once := flag.Bool("once", false, "stop after one pass instead of serving until Ctrl-C")
	caddy := flag.String("caddy", "bin/caddy", "the server's program")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	screen := newScreen(os.Stdout)
	err := run(ctx, screen, *caddy, *once)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n"+screen.paint(red, "demo: "+err.Error()))
		os.Exit(1)
	}
}

// run does one pass and then serves until ctx ends, unless once is set. The server is stopped whenever it returns.
func run(ctx context.Context, screen *screen, caddy string, once bool) (err error) {
	if _, err := os.Stat(configFile); err != nil {
		return fmt.Errorf("%s is not here: run the demo from the repository's root, with make demo", configFile)
	}
	screen.title("Data API for Caddy", "the guide, end to end, on this machine")

	database := filepath.Join(dataDir, "demo.db")
	made, err := demodata.Ensure(database, housingFile)
	if err != nil {
		return err
	}
	screen.fact("database", database+map[bool]string{
		true:  ", made just now: the sales of a coffee chain, and home sales in Texas",
		false: ", as an earlier demo left it",
	}[made])

	if err := portsFree(ctx); err != nil {
		return err
	}
	receiver, err := startReceiver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, receiver.stop()) }()

	server, err := startServer(caddy)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	if err := server.waitUntilReady(ctx); err != nil {
		return err
	}
	screen.fact("server", baseURL+", from "+configFile)
	screen.fact("log", server.logFile)

	pass := &pass{screen: screen, cli: cli{program: caddy}, receiver: receiver}
	if err := pass.run(ctx, server); err != nil {
		return err
	}
	if once {
		return nil
	}
	link, another, err := pass.cli.consoleLink(ctx)
	if err != nil {
		return err
	}
	screen.guide(pass.credentials, pass.token, link, another)
	return serve(ctx, screen, server, receiver)
}

// serve shows callbacks as they come in, until ctx ends. It fails when the server ends on its own.
func serve(ctx context.Context, screen *screen, server *server, receiver *receiver) error {
	for {
		select {
		case <-ctx.Done():
			screen.line("\nStopping.")
			return nil
		case <-server.ended:
			return server.failure("the server ended on its own")
		case delivery := <-receiver.deliveries:
			screen.callback(delivery)
		}
	}
}

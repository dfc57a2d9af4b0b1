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
	consoleDir  = "examples/console" // what somebody has made in the console
)

func main() {
	once := flag.Bool("once", false, "stop after one pass instead of serving until Ctrl-C")
	caddy := flag.String("caddy", "bin/caddy", "the server's program")
	store := flag.String("store", "bbolt", "where the server keeps keys and jobs: bbolt, or postgres, which several can share")
	nodes := flag.Int("nodes", 0, "how many servers share the store in PostgreSQL (default 3)")
	flag.Parse()
	if err := check(*store, nodes); err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(2)
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	screen := newScreen(os.Stdout)
	err := run(ctx, screen, *caddy, *once, *nodes)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "\n"+screen.paint(red, "demo: "+err.Error()))
		os.Exit(1)
	}
}

// check refuses what is not there to be shown, and sets how many servers there are: 0 means one, on bbolt.
func check(store string, nodes *int) error {
	switch {
	case store != "bbolt" && store != "postgres":
		return fmt.Errorf("the store is %q: it is bbolt, or postgres", store)
	case store == "bbolt" && *nodes > 1:
		return errors.New("several servers share a store in PostgreSQL: make demo STORE=postgres NODES=3")
	case store == "bbolt":
		*nodes = 0
	case *nodes == 0:
		*nodes = 3
	case *nodes < 1 || *nodes > maxServers:
		return fmt.Errorf("there are from 1 to %d servers, not %d", maxServers, *nodes)
	}
	return nil
}

// run does one pass and then serves until ctx ends, unless once is set. What it has started is stopped whenever it returns.
func run(ctx context.Context, screen *screen, caddy string, once bool, nodes int) (err error) {
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

	ports := serverPorts
	if nodes > 0 {
		ports = clusterPorts(nodes)
	}
	if err := portsFree(ctx, ports); err != nil {
		return err
	}
	receiver, err := startReceiver(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, receiver.stop()) }()

	pass := &pass{screen: screen, cli: cli{program: caddy, address: adminAddress}, receiver: receiver}
	var servers []*server
	if nodes > 0 {
		var started *cluster
		started, err = startCluster(ctx, screen, caddy, nodes)
		defer func() { err = errors.Join(err, started.stop()) }()
		if err != nil {
			return err
		}
		servers, pass.cli.address = started.processes(), fmt.Sprintf("localhost:%d", adminPort(1))
	} else {
		var server *server
		server, err = startServer(caddy, process{name: "the server", config: configFile, log: filepath.Join(dataDir, "demo.log"), url: baseURL})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, server.stop()) }()
		if err := server.waitUntilReady(ctx); err != nil {
			return err
		}
		screen.fact("server", baseURL+", from "+configFile)
		screen.fact("log", server.log)
		servers = append(servers, server)
	}
	if err := pass.run(ctx, servers); err != nil {
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
	if nodes > 1 {
		screen.trial(servers[1:])
	}
	return serve(ctx, screen, servers, receiver)
}

// serve shows callbacks as they come in, until ctx ends. It fails when the first of servers ends on its own, and tells when others do,
// which somebody may have stopped to see what happens.
func serve(ctx context.Context, screen *screen, servers []*server, receiver *receiver) error {
	over := make(chan string, len(servers))
	for _, other := range servers[1:] {
		go func() {
			<-other.ended
			over <- other.name
		}()
	}
	for {
		select {
		case <-ctx.Done():
			screen.line("\nStopping.")
			return nil
		case <-servers[0].ended:
			return servers[0].failure(servers[0].name + " ended on its own")
		case name := <-over:
			screen.line("\n" + indent + name + " has ended. The others go on: send a request.")
		case delivery := <-receiver.deliveries:
			screen.callback(delivery)
		}
	}
}

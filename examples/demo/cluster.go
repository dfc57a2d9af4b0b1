package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

const (
	clusterConfig = "examples/demo/cluster.Caddyfile"
	proxyConfig   = "examples/demo/proxy.Caddyfile"

	maxServers = 9
)

// The ports of the n-th server, from 1 on, and of its admin API.
func serverPort(n int) int { return 3110 + n }
func adminPort(n int) int  { return 3120 + n }

// cluster is a PostgreSQL of its own, servers that keep everything in it, and a proxy in front of them.
type cluster struct {
	database *pgtest.Cluster
	servers  []*server
	proxy    *server
}

// startCluster starts a cluster of n servers, and returns when all answer. The caller stops it, also after an error.
func startCluster(ctx context.Context, screen *screen, program string, n int) (c *cluster, err error) {
	c = new(cluster)
	if c.database, err = pgtest.Start(); err != nil {
		return c, fmt.Errorf("no PostgreSQL can be started (make tools installs one, or says what is missing): %w", err)
	}
	screen.fact("store", "a PostgreSQL of its own, which goes when the demo ends")
	var upstreams []string
	for i := 1; i <= n; i++ {
		started, err := startServer(program, process{
			name: fmt.Sprintf("server %d", i), config: clusterConfig, log: filepath.Join(dataDir, fmt.Sprintf("demo-%d.log", i)),
			url: "http://127.0.0.1:" + strconv.Itoa(serverPort(i)),
			env: []string{
				"STORE_URL=" + c.database.DSN(), "PORT=" + strconv.Itoa(serverPort(i)), "ADMIN_PORT=" + strconv.Itoa(adminPort(i)),
			},
		})
		if err != nil {
			return c, err
		}
		c.servers = append(c.servers, started)
		upstreams = append(upstreams, "127.0.0.1:"+strconv.Itoa(serverPort(i)))
	}
	for _, started := range c.servers {
		if err := started.waitUntilReady(ctx); err != nil {
			return c, err
		}
		screen.fact(started.name, started.url+", from "+clusterConfig)
	}
	c.proxy, err = startServer(program, process{
		name: "the proxy", config: proxyConfig, log: filepath.Join(dataDir, "demo-proxy.log"), url: baseURL,
		env: []string{"SERVERS=" + strings.Join(upstreams, " ")},
	})
	if err != nil {
		return c, err
	}
	if err := c.proxy.waitUntilReady(ctx); err != nil {
		return c, err
	}
	screen.fact("proxy", baseURL+", from "+proxyConfig+": requests go to each server in turn")
	screen.fact("logs", filepath.Join(dataDir, "demo-*.log"))
	return c, nil
}

// stop ends everything, the proxy first.
func (c *cluster) stop() error {
	var faults []error
	if c.proxy != nil {
		faults = append(faults, c.proxy.stop())
	}
	for _, server := range c.servers {
		faults = append(faults, server.stop())
	}
	if c.database != nil {
		c.database.Remove()
	}
	return errors.Join(faults...)
}

// processes are those whose end ends the demo.
func (c *cluster) processes() []*server { return append([]*server{c.proxy}, c.servers...) }

// ports are those that a cluster of n servers needs.
func clusterPorts(n int) (uses []use) {
	uses = []use{{"127.0.0.1:3100", "the proxy"}, {receiverAddress, "the receiver of callbacks"}}
	for i := 1; i <= n; i++ {
		uses = append(uses, use{"127.0.0.1:" + strconv.Itoa(serverPort(i)), fmt.Sprintf("server %d", i)},
			use{"127.0.0.1:" + strconv.Itoa(adminPort(i)), fmt.Sprintf("the admin API of server %d", i)})
	}
	return uses
}

// serverOf names the server that has answered behind the proxy; empty: there is no proxy.
func serverOf(servedBy string) string {
	_, port, err := net.SplitHostPort(servedBy)
	if err != nil {
		return ""
	}
	n, err := strconv.Atoi(port)
	if err != nil || n <= serverPort(0) || n > serverPort(maxServers) {
		return ""
	}
	return fmt.Sprintf("server %d", n-serverPort(0))
}

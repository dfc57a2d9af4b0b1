//go:build linux && faults

package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// The addresses of the cluster's network, of a range that is kept for tests of networks (RFC 2544).
const (
	clusterNet    = "198.18.77.0/24"
	storeAddress  = "198.18.77.1" // of the host, as the next
	sourceAddress = "198.18.77.2"
)

func nodeAddress(n int) string { return fmt.Sprintf("198.18.77.%d", 11+n) }

// clusterNetwork is a bridge of the host, and a network namespace for each server, joined to it.
type clusterNetwork struct {
	t      *testing.T
	bridge string
	spaces []string
}

func newClusterNetwork(t *testing.T, nodes int) *clusterNetwork {
	t.Helper()
	n := &clusterNetwork{t: t, bridge: fmt.Sprintf("dab%d", os.Getpid())}
	n.removeLeftovers()
	n.run("ip", "link", "add", n.bridge, "type", "bridge")
	t.Cleanup(func() { n.run("ip", "link", "del", n.bridge) })
	for _, address := range []string{storeAddress, sourceAddress} {
		n.run("ip", "address", "add", address+"/24", "dev", n.bridge)
	}
	n.run("ip", "link", "set", n.bridge, "up")
	for i := range nodes {
		space, outer := fmt.Sprintf("data-api-%d-%d", os.Getpid(), i), fmt.Sprintf("dav%d-%d", os.Getpid(), i)
		n.run("ip", "netns", "add", space)
		t.Cleanup(func() { n.run("ip", "netns", "del", space) })
		n.run("ip", "link", "add", outer, "type", "veth", "peer", "name", "eth0", "netns", space)
		n.run("ip", "link", "set", outer, "master", n.bridge, "up")
		n.spaces = append(n.spaces, space)
		n.inside(i, "ip", "address", "add", nodeAddress(i)+"/24", "dev", "eth0")
		n.inside(i, "ip", "link", "set", "eth0", "up")
		n.inside(i, "ip", "link", "set", "lo", "up")
	}
	return n
}

// removeLeftovers removes what tests have left that were killed: the addresses would be taken.
func (n *clusterNetwork) removeLeftovers() {
	n.t.Helper()
	spaces, _ := filepath.Glob("/run/netns/data-api-*")
	for _, path := range spaces {
		space := filepath.Base(path)
		owner, _, _ := strings.Cut(strings.TrimPrefix(space, "data-api-"), "-")
		if _, err := os.Stat("/proc/" + owner); err == nil {
			n.t.Fatalf("process %s has a cluster's network already", owner)
		}
		n.run("ip", "netns", "del", space)
		if _, err := os.Stat("/sys/class/net/dab" + owner); err == nil {
			n.run("ip", "link", "del", "dab"+owner)
		}
	}
}

func (n *clusterNetwork) run(line ...string) {
	n.t.Helper()
	program, err := pgtest.FindProgram(line[0])
	if err != nil {
		n.t.Fatal(err)
	}
	if output, err := exec.Command(program, line[1:]...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s: %v: %s", strings.Join(line, " "), err, output)
	}
}

// prefix is what a command begins with that is to run on a server's network.
func (n *clusterNetwork) prefix(node int) []string {
	return []string{"ip", "netns", "exec", n.spaces[node]}
}

func (n *clusterNetwork) inside(node int, line ...string) {
	n.t.Helper()
	n.run(append(n.prefix(node), line...)...)
}

// cut drops whatever a server sends to the store, or gets from it, until the function is called that it returns.
func (n *clusterNetwork) cut(node int) (heal func()) {
	n.t.Helper()
	n.inside(node, "nft", "add table inet cut; add chain inet cut out { type filter hook output priority 0; }; "+
		"add chain inet cut in { type filter hook input priority 0; }; "+
		"add rule inet cut out ip daddr "+storeAddress+" tcp dport 5432 drop; add rule inet cut in ip saddr "+storeAddress+" tcp sport 5432 drop")
	return func() { n.inside(node, "nft", "delete table inet cut") }
}

// serverCluster is several servers on one store, behind a load balancer. Each is a process, and may be on a network of its own.
type serverCluster struct {
	*server // the load balancer; it has no admin socket
	network *clusterNetwork
	store   string // DSN of the store's superuser
	source  *pgtest.Cluster
	hook    *servertest.Hook
	nodes   []*server
	logs    []*servertest.Log // of all processes that there were
	token   string
}

// newServerCluster starts servers, each on a network of its own.
func newServerCluster(t *testing.T, nodes int) *serverCluster {
	t.Helper()
	c := &serverCluster{network: newClusterNetwork(t, nodes)}
	stored := pgtest.NewCluster(t, "-c", "listen_addresses="+storeAddress)
	c.source = pgtest.NewCluster(t, append(loggingStatements, "-c", "listen_addresses="+sourceAddress)...)
	stored.Allow(t, clusterNet)
	c.source.Allow(t, clusterNet)
	listener, err := net.Listen("tcp", sourceAddress+":0")
	if err != nil {
		t.Fatal(err)
	}
	c.hook = servertest.NewHookOn(t, listener)
	byTCP := func(db *pgtest.DB, address string) string {
		return fmt.Sprintf("host=%s port=5432 user=%s dbname=%s sslmode=disable", address, pgtest.ReaderRole, db.Name)
	}
	c.start(t, nodes, stored.New(t), func(db *pgtest.DB) string { return byTCP(db, storeAddress) }, byTCP(c.source.New(t), sourceAddress))
	return c
}

// loggingStatements are arguments of a source's server: see [clusterLoad.runs].
var loggingStatements = []string{"-c", "log_statement=all", "-c", "log_line_prefix=%n %h "}

// start starts the servers and the load balancer.
func (c *serverCluster) start(t *testing.T, nodes int, stored *pgtest.DB, storeDSN func(*pgtest.DB) string, sourceDSN string) {
	t.Helper()
	c.store = stored.AdminDSN
	stored.Exec("CREATE SCHEMA data_api AUTHORIZATION " + pgtest.ReaderRole)
	host, _, err := net.SplitHostPort(c.hook.Host())
	if err != nil {
		t.Fatal(err)
	}
	for i := range nodes {
		config := serverConfig{
			globals: "shutdown_delay 5s",
			sources: fmt.Sprintf("source main postgres %q {\n max_conns 28\n }", sourceDSN),
			store:   fmt.Sprintf("store postgres %q", storeDSN(stored)),
			options: "tokens {\n access_ttl 12h\n }\n jobs {\n workers 24\n per_company 24\n }\n callbacks {\n allow " + c.hook.Host() + "\n }",
			files: map[string]string{
				"acme/company.yaml": companyFile + "callbacks: { hosts: [" + host + "] }\n",
				"acme/default/work.sql": "/*---\nsource: main\nmode: async\nparams: { n: { type: integer, required: true } }\n---*/\n" +
					"SELECT @n AS n, 1 + length(pg_sleep(0.2 + random())::text) AS slept",
				"acme/default/point.sql": "/*---\nsource: main\n---*/\nSELECT 1 AS n",
			},
		}
		if c.network != nil {
			config.address, config.prefix = nodeAddress(i), c.network.prefix(i)
		}
		s := newServer(t, config)
		c.nodes = append(c.nodes, s)
		c.logs = append(c.logs, s.Log)
	}
	c.balance(t)
	key := c.nodes[0].CreateKey("acme", "integration")
	c.token = c.nodes[0].Exchange("acme", key).Access
	for _, node := range c.nodes {
		servertest.Eventually(t, "a server knows the key", patience, func() bool { return node.Get(whoAmI, c.token).Status == http.StatusOK })
	}
}

// admin is a connection of the store's superuser, which ends with the test.
func (c *serverCluster) admin(t *testing.T) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.store)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// balance starts the load balancer of docs/cluster.md.
func (c *serverCluster) balance(t *testing.T) {
	t.Helper()
	c.server = unstarted(t)
	c.server.caddyfile = filepath.Join(c.Dir, "Caddyfile")
	var upstreams []string
	for _, node := range c.nodes {
		upstreams = append(upstreams, fmt.Sprintf("%s:%d", node.address, node.port))
	}
	content := fmt.Sprintf("{\n admin unix/%s\n auto_https off\n grace_period 1s\n}\nhttp://127.0.0.1:%d {\n"+
		" reverse_proxy %s {\n%s\n }\n}\n", c.adminSocket(), c.port, strings.Join(upstreams, " "), balancerOptions)
	if err := os.WriteFile(c.server.caddyfile, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c.server.startCaddy()
	t.Cleanup(c.server.stop)
}

// balancerOptions are those of docs/cluster.md.
const balancerOptions = `		lb_policy least_conn
		lb_try_duration 5s
		health_uri /health/ready
		health_interval 2s
		health_timeout 2s
		flush_interval -1`

// restart starts a server that has ended.
func (c *serverCluster) restart(n int) {
	c.nodes[n].start()
	c.logs = append(c.logs, c.nodes[n].Log)
}

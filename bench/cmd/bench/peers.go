package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// peer is a service that teams run instead. Its source is in bench/peers.
type peer struct {
	*process
	port int
}

// pool is how many connections to the database a service has, over all its processes: as many as the product's default.
const pool = 8

// installPeers brings the pinned packages.
func (l *lab) installPeers(ctx context.Context) error {
	if _, err := exec.LookPath("npm"); err != nil {
		return errors.New("npm was not found: install Node.js 20 or later to run the peers")
	}
	if l.peersPresent() {
		return nil
	}
	_, err := run(ctx, l.peers, "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
	return err
}

// peersPresent reports whether the packages were installed after their list was last changed.
func (l *lab) peersPresent() bool {
	wanted, err := os.Stat(filepath.Join(l.peers, "package-lock.json"))
	if err != nil {
		return false
	}
	installed, err := os.Stat(filepath.Join(l.peers, "node_modules", ".package-lock.json")) // npm writes it at the end
	return err == nil && installed.ModTime().After(wanted.ModTime())
}

// startPeer runs a service in this many processes.
func (l *lab) startPeer(ctx context.Context, script string, processes int) (*peer, error) {
	if err := l.peersInstalled(ctx); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	known := make(map[string]any)
	for _, slug := range []string{"point", "page", "big"} {
		known[slug] = map[string]any{"sql": statements[slug].positional(), "parameters": append([]string{}, statements[slug].parameters...)}
	}
	encoded, err := json.Marshal(known)
	if err != nil {
		return nil, err
	}
	environment := []string{
		"NODE_ENV=production", "GRAPHILE_ENV=production", "BENCH_PORT=" + strconv.Itoa(port), "BENCH_PROCESSES=" + strconv.Itoa(processes),
		"BENCH_POOL=" + strconv.Itoa(pool/processes), "BENCH_SECRET=" + tokenSecret, "BENCH_STATEMENTS=" + string(encoded),
		"BENCH_PGHOST=" + l.database.config.Host, "BENCH_PGUSER=" + l.database.config.User,
		"BENCH_PGDATABASE=" + l.database.config.Database,
	}
	log := filepath.Join(l.dir, fmt.Sprintf("%s-%d.log", script, processes))
	started, err := startProcess(ctx, log, l.peers, environment, l.node(), script)
	if err != nil {
		return nil, err
	}
	l.onClose(started.stop)
	p := &peer{process: started, port: port}
	if err := p.ready(ctx, listens(port)); err != nil {
		return nil, err
	}
	return p, nil
}

// startPrest builds pREST, of its pinned modules, and runs it.
func (l *lab) startPrest(ctx context.Context) (*peer, error) {
	binary := filepath.Join(l.root, "bin", "prest")
	if _, err := run(ctx, filepath.Join(l.peers, "prest"), "go", "build", "-buildvcs=false", "-o", binary, "."); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	connections := strconv.Itoa(pool)
	environment := []string{
		"PREST_HTTP_HOST=127.0.0.1", "PREST_HTTP_PORT=" + strconv.Itoa(port), "PREST_JWT_KEY=" + tokenSecret, "PREST_JSON_AGG_TYPE=json_agg",
		"PREST_PG_HOST=" + l.database.config.Host, "PREST_PG_PORT=" + strconv.Itoa(int(l.database.config.Port)),
		"PREST_PG_USER=" + l.database.config.User, "PREST_PG_PASS=", "PREST_PG_DATABASE=" + databaseName, "PREST_PG_SSL_MODE=disable",
		"PREST_PG_MAXOPENCONN=" + connections, "PREST_PG_MAXIDLECONN=" + connections, "PREST_QUERIES_LOCATION=" + l.dir,
	}
	started, err := startProcess(ctx, filepath.Join(l.dir, "prest.log"), l.dir, environment, binary)
	if err != nil {
		return nil, err
	}
	l.onClose(started.stop)
	p := &peer{process: started, port: port}
	return p, p.ready(ctx, listens(port))
}

// restPaths makes the paths that ask pREST what an endpoint is asked.
func restPaths(slug string) []string {
	const items = "/" + databaseName + "/public/items?_select=id,name,price,day,changed_at,active"
	return variantsOf(slug, map[string]func(n int) string{
		"point": func(n int) string {
			return fmt.Sprintf("/%s/public/accounts?_select=id,name,balance&id=$eq.%d", databaseName, n)
		},
		"page": func(n int) string { return fmt.Sprintf("%s&id=$gt.%d&_order=id&_page=1&_page_size=100", items, n) },
		"big":  func(int) string { return items },
	}[slug])
}

// node returns the Node.js that the peers' packages bring, since PostGraphile 5 answers nothing on one before 22; where
// there is no such build, the machine's own.
func (l *lab) node() string {
	pinned := filepath.Join(l.peers, "node_modules", "node", "bin", "node")
	if err := exec.Command(pinned, "--version").Run(); err != nil {
		return "node"
	}
	return pinned
}

// graphql holds what PostGraphile is asked instead of an endpoint.
var graphql = map[string]string{
	"point": `query ($n: Int!) { accountByRowId(rowId: $n) { rowId name balance } }`,
	"page": `query ($n: Int!) { allItems(first: 100, offset: $n, orderBy: ROW_ID_ASC) ` +
		`{ nodes { rowId name price day changedAt active } } }`,
	"big": `{ allItems(orderBy: NATURAL) { nodes { rowId name price day changedAt active } } }`,
}

// graphqlBodies makes the bodies of PostGraphile's requests.
func graphqlBodies(slug string) []string {
	query := graphql[slug]
	if len(statements[slug].parameters) == 0 {
		return []string{fmt.Sprintf(`{"query":%q}`, query)}
	}
	return variantsOf(slug, func(n int) string { return fmt.Sprintf(`{"query":%q,"variables":{"n":%d}}`, query, n) })
}

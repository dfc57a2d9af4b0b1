package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/source/postgres"
	"github.com/solucao42/caddy-data-api/source"
)

// A primary is a server that can write, although our sessions cannot.
func TestTargetSessionAttributes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for attributes, good := range map[string]bool{
		"any": true, "read-write": true, "primary": true, "prefer-standby": true, "read-only": false, "standby": false,
	} {
		s := open(t, db, func(c *postgres.Config) { c.DSN += " target_session_attrs=" + attributes })
		_, err := compile(t, s, "SELECT 1 AS v").Check(t.Context())
		if good != (err == nil) {
			t.Errorf("%s: %v", attributes, err)
		}
		if err != nil && !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
			t.Errorf("%s: %v", attributes, err)
		}
	}
}

func TestSettingsOfConnectionStringsReachTheSession(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec("CREATE SCHEMA sales; CREATE TABLE sales.orders (n int); INSERT INTO sales.orders VALUES (7); " +
		"GRANT USAGE ON SCHEMA sales TO data_api_reader; GRANT SELECT ON sales.orders TO data_api_reader")
	for _, words := range []string{" search_path=sales", " options=-csearch_path=sales", " options='-c search_path=sales'"} {
		s := open(t, db, func(c *postgres.Config) { c.DSN += words + " plan_cache_mode=force_custom_plan" })
		if got := rows(t, compile(t, s, "SELECT n, current_setting('plan_cache_mode') AS m FROM orders")); got != `[{"n":7,"m":"force_custom_plan"}]` {
			t.Errorf("%s: %s", words, got)
		}
	}
	// What PostgreSQL refuses to set is a refusal, and no outage.
	s := open(t, db, func(c *postgres.Config) { c.DSN += " options=-cno_such_setting=1" })
	if _, err := compile(t, s, "SELECT 1 AS v").Check(t.Context()); err == nil || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("an unknown setting: %v", err)
	}
}

// connect_timeout is kept: a server that accepts and says nothing is given up after it, and not after the default.
func TestConnectTimeoutIsKept(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	took := func(words string) time.Duration {
		s := open(t, pgtest.New(t), func(c *postgres.Config) {
			host, port, _ := net.SplitHostPort(listener.Addr().String())
			c.DSN = "host=" + host + " port=" + port + " user=u sslmode=disable " + words
		})
		started := time.Now()
		if err := compile(t, s, "SELECT 1 AS v").Run(t.Context(), source.Call{}, &count{}); !dataapi.HasCode(err, dataapi.CodeSourceUnavailable) {
			t.Errorf("got %v", err)
		}
		return time.Since(started)
	}
	if short, usual := took("connect_timeout=1"), took(""); short >= usual {
		t.Errorf("with connect_timeout=1 it took %s, and %s without", short, usual)
	}
}

// authority signs certificates.
type authority struct {
	t           *testing.T
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	a.certificate, a.key = a.make(template, nil)
	return a
}

func (a *authority) make(template *x509.Certificate, parent *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	issuer, signer := template, key
	if parent != nil {
		issuer, signer = parent.certificate, parent.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return certificate, key
}

// issue writes a certificate and its key, for a name and an address, and the authority's own certificate, into a directory.
func (a *authority) issue(directory, name, address string) {
	a.t.Helper()
	certificate, key := a.make(&x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.ParseIP(address)}, KeyUsage: x509.KeyUsageDigitalSignature,
	}, a)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		"key.pem":  {Type: "PRIVATE KEY", Bytes: der},
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate.Raw},
		"ca.pem":   {Type: "CERTIFICATE", Bytes: a.certificate.Raw},
	} {
		path := filepath.Join(directory, file)
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			a.t.Fatal(err)
		}
		info, err := os.Stat(directory)
		if err != nil {
			a.t.Fatal(err)
		}
		owner := info.Sys().(*syscall.Stat_t) // PostgreSQL reads only keys of its own
		if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			a.t.Fatal(err)
		}
	}
}

// tlsServers counts them: each has an address of its own, for all have one port.
var tlsServers atomic.Int32

// tlsServer is a cluster that takes connections of a role by certificate.
type tlsServer struct {
	db            *pgtest.DB
	address, role string
	data, client  string // directories that hold the certificates of the two sides
	dsn           string
}

func newTLSServer(t *testing.T) *tlsServer {
	t.Helper()
	address := fmt.Sprintf("127.%d.%d.%d", 1+os.Getpid()%250, 1+os.Getpid()/250%250, tlsServers.Add(1)%250)
	cluster := pgtest.NewCluster(t, "-c", "listen_addresses="+address)
	db := cluster.New(t)
	data := scalar[string](t, db, "SHOW data_directory")
	role := "tls_" + db.Name
	db.Exec("CREATE ROLE " + role + " LOGIN")
	rules := "hostssl all " + role + " all cert\nlocal all postgres trust\n"
	if err := os.WriteFile(scalar[string](t, db, "SHOW hba_file"), []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	client := t.TempDir()
	s := &tlsServer{db: db, address: address, role: role, data: data, client: client, dsn: fmt.Sprintf(
		"host=%s user=%s dbname=%s sslmode=verify-full sslcert=%[4]s/cert.pem sslkey=%[4]s/key.pem sslrootcert=%[4]s/ca.pem",
		address, role, db.Name, client)}
	first := newAuthority(t, "first")
	first.issue(data, "server", address)
	first.issue(client, role, address)
	for setting, value := range map[string]string{"ssl_cert_file": "cert.pem", "ssl_key_file": "key.pem", "ssl_ca_file": "ca.pem", "ssl": "on"} {
		db.Exec("ALTER SYSTEM SET " + setting + " = '" + value + "'")
	}
	db.Exec("SELECT pg_reload_conf()")
	return s
}

// Certificates are changed as passwords are: the authority, the server's and the client's at once.
func TestChangedCertificatesAreReadAgain(t *testing.T) {
	t.Parallel()
	server := newTLSServer(t)
	db, role := server.db, server.role
	s := open(t, db, func(c *postgres.Config) { c.DSN = server.dsn })
	query := compile(t, s, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
	eventually(t, "the source is connected with TLS", func() bool { return query.Run(t.Context(), source.Call{}, &count{}) == nil })
	if got := rows(t, query); got != `[{"ssl":true}]` {
		t.Errorf("got %s", got)
	}

	second := newAuthority(t, "second")
	second.issue(server.data, "server", server.address)
	db.Exec("SELECT pg_reload_conf()")
	drop := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role + "'"
	db.Exec(drop)
	eventually(t, "the old certificates are refused", func() bool {
		db.Exec(drop)
		return query.Run(t.Context(), source.Call{}, &count{}) != nil
	})
	second.issue(server.client, role, server.address)
	eventually(t, "the new certificates are used", func() bool { return query.Run(t.Context(), source.Call{}, &count{}) == nil })
}

// A database that cannot be reached is reported, with why and since when, and without its password.
func TestStatsOfAnUnreachableDatabase(t *testing.T) {
	s, err := postgres.New(postgres.Config{DSN: "postgres://someone:s3cret@127.0.0.1:1/db", MaxConns: 3}) // where nobody listens
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Stats(); got != (source.Stats{Limit: 3}) {
		t.Errorf("before it is asked: %+v", got)
	}
	if _, err := compile(t, s, "SELECT 1 AS v").Check(t.Context()); err == nil {
		t.Fatal("nobody answers, and a check succeeds")
	}
	got := s.Stats()
	if got.UnavailableSince.IsZero() || got.LastFailure == nil || got.LastFailureAt.Before(got.UnavailableSince) || got.InUse != 0 {
		t.Errorf("after it was asked: %+v", got)
	}
	if text := fmt.Sprint(got.LastFailure); strings.Contains(text, "s3cret") {
		t.Errorf("the password is in %q", text)
	}
}

package postgres

import (
	"crypto/tls"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/source/postgres/connstring"
)

// libpq are the keywords of PostgreSQL 18's own client library.
var libpq = strings.Fields(`host hostaddr port dbname user password passfile require_auth channel_binding connect_timeout client_encoding
	options application_name fallback_application_name keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
	replication gssencmode sslmode sslnegotiation sslcompression sslcert sslkey sslkeylogfile sslpassword sslcertmode sslrootcert sslcrl
	sslcrldir sslsni requirepeer ssl_min_protocol_version ssl_max_protocol_version min_protocol_version max_protocol_version krbsrvname
	gsslib gssdelegation scram_client_key scram_server_key service servicefile target_session_attrs load_balance_hosts
	oauth_issuer oauth_client_id oauth_client_secret oauth_scope`)

func TestEveryKeywordIsHonouredOrRefusedByName(t *testing.T) {
	for _, word := range libpq {
		_, refused := connstring.Unsupported[word]
		if honoured := slices.Contains(connstring.DriverWords, word) || slices.Contains(connstring.OwnWords, word); honoured == refused {
			t.Errorf("%s: honoured is %t and refused is %t", word, honoured, refused)
		}
	}
	for word := range connstring.Unsupported {
		for _, dsn := range []string{"host=localhost user=u " + word + "=x", "postgres://u@localhost/db?" + word + "=x"} {
			if _, err := New(Config{DSN: dsn}); err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v", dsn, err)
			}
		}
	}
}

func TestConnectionStringFaults(t *testing.T) {
	for dsn, want := range map[string]string{
		"postgres://u:hunter2@localhost/db?schema=sales":                    `DSN: schema is no keyword of PostgreSQL's connection strings: write options=-csearch_path=NAME. Allowed are application_name, channel_binding,`,
		"postgres://u:hunter2@localhost/db?pgbouncer=true":                  "DSN: pgbouncer is no keyword of PostgreSQL's connection strings: set statement_cache off on the source. Allowed are",
		"postgres://u:hunter2@localhost/db?conect_timeout=3":                "DSN: conect_timeout is no keyword",
		"host=localhost password=hunter2 pool_max_conns=3":                  "set max_conns on the source",
		"postgres://u:hunter2@localhost/db?ssl=1":                           "DSN: ssl is no keyword of PostgreSQL's connection strings: write sslmode=require",
		"host=localhost password=hunter2 sslmode=nonsense":                  "DSN: sslmode must be disable, allow,",
		"host=localhost password=hunter2 sslrootcert=/not/here":             "DSN: sslcert, sslkey and sslrootcert: unable to read CA file: open /not/here",
		"host=localhost password=hunter2 sslcert=/not/here":                 `both "sslcert" and "sslkey" are required`,
		"host=localhost password=hunter2 target_session_attrs=master":       "DSN: target_session_attrs must be any, read-write,",
		"host=localhost password=hunter2 connect_timeout=soon":              "DSN: connect_timeout must be a whole number",
		"host=localhost password=hunter2 connect_timeout=-1":                "DSN: connect_timeout must be a whole number",
		"host=localhost password=hunter2 port=99999":                        "DSN: port must be a number",
		"host=a,b,c password=hunter2 port=1,2":                              "DSN: port must be a number",
		"postgres://u:hunter2@localhost:notaport/db":                        "DSN: port must be a number",
		"host=localhost password=hunter2 channel_binding=maybe":             "DSN: channel_binding must be",
		"host=localhost password=hunter2 require_auth=magic":                "DSN: require_auth must be",
		"host=localhost password=hunter2 sslcertmode=maybe":                 "DSN: sslcertmode must be",
		"host=localhost password=hunter2 min_protocol_version=4":            "DSN: min_protocol_version and max_protocol_version must be",
		"host=localhost password=hunter2 service=nowhere":                   "DSN: service:",
		"host=localhost password=hunter2 gssencmode=require":                "DSN: gssencmode is require:",
		"host=localhost password=hunter2 gssencmode=maybe":                  `DSN: gssencmode is "maybe": allowed is disable or prefer`,
		"host=localhost password=hunter2 load_balance_hosts=yes":            `DSN: load_balance_hosts is "yes": allowed is disable or random`,
		"host=localhost password=hunter2 replication=database":              `DSN: replication is "database"`,
		"host=localhost password=hunter2 hostaddr=db.example":               `DSN: hostaddr "db.example" is no IP address`,
		"host=a,b password=hunter2 hostaddr=127.0.0.1":                      "DSN: hostaddr has 1 addresses for 2 hosts",
		"host=/tmp,a password=hunter2 hostaddr=127.0.0.1,127.0.0.1":         "DSN: hostaddr", // the directory of a socket
		"host=localhost password=hunter2 keepalives_idle=soon":              `DSN: keepalives_idle is "soon": it must be a whole number from 0 to`,
		"host=localhost password=hunter2 keepalives=2":                      `DSN: keepalives is "2": it must be a whole number from 0 to 1`,
		"host=localhost password=hunter2 tcp_user_timeout=-1":               `DSN: tcp_user_timeout is "-1"`,
		"host=localhost password=hunter2 ssl_min_protocol_version=SSLv3":    `DSN: ssl_min_protocol_version is "SSLv3": allowed is TLSv1,`,
		"host=localhost password=hunter2 client_encoding=LATIN1":            `DSN: client_encoding is "LATIN1": the source needs "UTF8"`,
		"host=localhost password=hunter2 TimeZone=Asia/Tokyo":               `DSN: TimeZone is "Asia/Tokyo": the source needs "UTC"`,
		"host=localhost password=hunter2 statement_timeout=5s":              "DSN: statement_timeout cannot be set",
		"host=localhost password=hunter2 default_transaction_read_only=off": `DSN: default_transaction_read_only is "off"`,
		`host=localhost password=hunter2 options='-c DateStyle=German'`:     `DSN: options: datestyle is "German"`,
		`host=localhost password=hunter2 options=--statement-timeout=5`:     `DSN: options: statement_timeout cannot be set`,
		"postgres://u:hun/ter2@localhost/db":                                "DSN: port must be a number", // hun reads as one
		"postgres://u:hun@ter2@localhost/db":                                "DSN: host holds a character that no host name has",
		"host='ho st' password=hunter2":                                     "DSN: host holds a character that no host name has",
		"host=https://db.example password=hunter2":                          "DSN: host holds a character that no host name has",
	} {
		_, err := New(Config{DSN: dsn})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", dsn, err, want)
		}
		if err != nil && (strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "ter2@")) {
			t.Errorf("%s: the fault shows the password: %v", dsn, err)
		}
	}
	_, err := New(Config{DSN: "postgres://u@localhost/db?schema=a&pgbouncer=true&gssencmode=maybe"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not all faults at once: %v", err)
	}
}

func targetOf(t *testing.T, config Config) *connstring.Target {
	t.Helper()
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = DefaultConnectTimeout
	}
	target, err := newTarget(config)
	if err != nil {
		t.Fatalf("%s: %v", config.DSN, err)
	}
	return target
}

func hostsOf(connect *pgconn.Config) (hosts []string) {
	for _, place := range connstring.Places(connect) {
		hosts = append(hosts, place[0].Host)
	}
	return hosts
}

func TestKeywordsAreHonoured(t *testing.T) {
	connect := func(words string) *pgconn.Config {
		return targetOf(t, Config{DSN: "host=db.example user=u " + words}).Connect
	}
	for words, want := range map[string]time.Duration{"": DefaultConnectTimeout, "connect_timeout=12": 12 * time.Second, "connect_timeout=0": DefaultConnectTimeout} {
		if got := connect(words).ConnectTimeout; got != want {
			t.Errorf("%q: connect_timeout is %s, want %s", words, got, want)
		}
	}
	for words, want := range map[string]string{
		"": "caddy-data-api", "fallback_application_name=a": "a", "application_name=b fallback_application_name=a": "b",
	} {
		if got := connect(words).RuntimeParams["application_name"]; got != want {
			t.Errorf("%q: application_name is %s, want %s", words, got, want)
		}
	}
	c := connect("ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=tlsv1.3 sslmode=prefer")
	for _, place := range connstring.Places(c) {
		if len(place) != 2 || place[0].TLSConfig.MinVersion != tls.VersionTLS13 || place[0].TLSConfig.MaxVersion != tls.VersionTLS13 || place[1].TLSConfig != nil {
			t.Errorf("versions of TLS: %v", place)
		}
	}
	c = connect("hostaddr=127.0.0.7 sslmode=verify-full")
	if c.Host != "127.0.0.7" || c.TLSConfig.ServerName != "db.example" {
		t.Errorf("hostaddr: %s, verified as %s", c.Host, c.TLSConfig.ServerName)
	}
	for _, dsn := range []string{"hostaddr=127.0.0.7 user=u sslmode=require", "postgres:///db?hostaddr=127.0.0.7&sslmode=require"} {
		if c := targetOf(t, Config{DSN: dsn}).Connect; c.Host != "127.0.0.7" || c.TLSConfig == nil {
			t.Errorf("%s: %s, TLS is %t", dsn, c.Host, c.TLSConfig != nil)
		}
	}
	c = targetOf(t, Config{DSN: "host=a,a,b hostaddr=127.0.0.1,,127.0.0.3 sslmode=prefer"}).Connect
	if hosts := hostsOf(c); !slices.Equal(hosts, []string{"127.0.0.1", "a", "127.0.0.3"}) {
		t.Errorf("hosts are %v", hosts)
	}
	for _, accepted := range []string{
		"gssencmode=disable", "gssencmode=prefer", "sslcompression=0", "replication=false", "load_balance_hosts=disable",
		"client_encoding=utf8", "client_encoding=auto", "TimeZone=utc", "default_transaction_read_only=on", "options='-cTimeZone=UTC -c jit=off'",
		"search_path=a,b", "plan_cache_mode=force_custom_plan", "enable_seqscan=off", "my.setting=x", "role=reader",
	} {
		connect(accepted)
	}
	if got := connect("search_path=a,b").RuntimeParams["search_path"]; got != "a,b" {
		t.Errorf("search_path is %q", got)
	}
}

// Names of settings are the same in any case, and a setting must not be sent twice: which one counts would be chance.
func TestSettingsAreSentOnce(t *testing.T) {
	t.Setenv("PGTZ", "Asia/Tokyo")
	for _, dsn := range []string{"host=a", "host=a timezone=UTC", "host=a datestyle='iso, mdy' TIMEZONE=utc"} {
		seen := make(map[string]bool)
		for name, value := range targetOf(t, Config{DSN: dsn}).Connect.RuntimeParams {
			lower := strings.ToLower(name)
			if seen[lower] || lower == "timezone" && value != "UTC" {
				t.Errorf("%s: %s is sent twice, or as %s", dsn, name, value)
			}
			seen[lower] = true
		}
	}
}

func TestLibpqsEnvironmentIsHonoured(t *testing.T) {
	t.Setenv("PGHOSTADDR", "127.0.0.9")
	if got := targetOf(t, Config{DSN: "host=a"}).Connect.Host; got != "127.0.0.9" {
		t.Errorf("PGHOSTADDR: %s", got)
	}
	t.Setenv("PGREQUIREPEER", "postgres")
	if _, err := New(Config{DSN: "host=a"}); err == nil || !strings.Contains(err.Error(), "requirepeer") {
		t.Errorf("PGREQUIREPEER: %v", err)
	}
}

func TestHostsAreBalanced(t *testing.T) {
	fixed := targetOf(t, Config{DSN: "host=a,b,c sslmode=prefer"})
	random := targetOf(t, Config{DSN: "host=a,b,c sslmode=prefer load_balance_hosts=random"})
	first := make(map[string]int)
	for range 200 {
		if hosts := hostsOf(fixed.Attempt()); !slices.Equal(hosts, []string{"a", "b", "c"}) {
			t.Fatalf("hosts are %v", hosts)
		}
		attempt := random.Attempt()
		list := connstring.Places(attempt)
		if len(list) != 3 || len(list[0]) != 2 || list[0][0].TLSConfig == nil || list[0][1].TLSConfig != nil {
			t.Fatalf("the ways to connect are %v", list)
		}
		first[attempt.Host]++
	}
	if len(first) != 3 {
		t.Errorf("first were %v", first)
	}
}

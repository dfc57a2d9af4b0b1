package connstring

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5/pgconn"
)

// Target is what a connection string says: where and how to connect. It is immutable.
type Target struct {
	Connect *pgconn.Config
	Balance bool // hosts and their addresses in random order
}

// notAString is said of what cannot be read at all. The parser's own words quote the string, password included.
const notAString = "the DSN is not a PostgreSQL connection string such as postgres://user@host/database or host=HOST user=USER dbname=DATABASE"

// Parse reads a connection string for a source that has this role of its own, or none. The time limit is for connecting,
// where the string has none. Every keyword of libpq is honoured, or is a fault that names it; no fault shows a secret.
func Parse(dsn, role string, connectTimeout time.Duration) (*Target, error) {
	connect, err := pgconn.ParseConfig(dsn)
	if err != nil {
		return nil, parserFault(err)
	}
	words := takeWords(connect)
	if words["hostaddr"] != "" && len(Places(connect)) == 1 && strings.HasPrefix(connect.Host, "/") { // no name, which TLS needs
		connect, err = pgconn.ParseConfig(withHost(dsn, words["hostaddr"]))
		if err != nil {
			return nil, parserFault(err)
		}
		takeWords(connect)
	}
	t := &Target{Connect: connect}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(words)) {
		if err := t.apply(name, words[name], words); err != nil {
			faults = append(faults, err)
		}
	}
	faults = append(faults, t.checkHosts(), checkOptions(connect.RuntimeParams["options"], role))
	if connect.KerberosSrvName != "" || connect.KerberosSpn != "" {
		faults = append(faults, errors.New("DSN: krbsrvname and krbspn: this server cannot authenticate with Kerberos; leave them out"))
	}
	if own := connect.RuntimeParams["role"]; own != "" && role != "" && own != role {
		faults = append(faults, fmt.Errorf("DSN: role is %q, and the source's role %q: leave one out", own, role))
	}
	dialer, err := newDialer(words)
	faults = append(faults, err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	connect.DialFunc = dialer.DialContext
	if connect.ConnectTimeout == 0 {
		connect.ConnectTimeout = connectTimeout
	}
	followServer(connect)
	return t, nil
}

// takeWords takes what the driver would send to the server as a setting out of its hands. What is left out comes from libpq's
// environment variables that the driver does not read. PGTZ is for clients that show times.
func takeWords(connect *pgconn.Config) map[string]string {
	words := make(map[string]string)
	for variable, name := range environment {
		if value := os.Getenv(variable); value != "" {
			words[name] = value
		}
	}
	zone, fromEnvironment := os.LookupEnv("PGTZ")
	for name, value := range connect.RuntimeParams {
		if name == "timezone" && fromEnvironment && value == zone {
			continue
		}
		words[name] = value
	}
	connect.RuntimeParams = make(map[string]string)
	return words
}

// withHost is the string with another host, which overrides the one that it names or leaves out.
func withHost(dsn, host string) string {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		return dsn + " host='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(host) + "'"
	}
	separator := "?"
	if strings.Contains(dsn, "?") {
		separator = "&"
	}
	return dsn + separator + "host=" + strings.NewReplacer("%", "%25", "&", "%26", "=", "%3D", " ", "%20").Replace(host)
}

// environment are libpq's variables that the driver does not read.
var environment = map[string]string{
	"PGHOSTADDR": "hostaddr", "PGREQUIREPEER": "requirepeer", "PGSSLCOMPRESSION": "sslcompression", "PGSSLCRL": "sslcrl",
	"PGSSLCRLDIR": "sslcrldir", "PGSSLKEYLOGFILE": "sslkeylogfile", "PGKRBSRVNAME": "krbsrvname", "PGGSSLIB": "gsslib",
	"PGGSSENCMODE": "gssencmode", "PGGSSDELEGATION": "gssdelegation", "PGLOADBALANCEHOSTS": "load_balance_hosts",
	"PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version", "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
}

// DriverWords are the keywords that the driver honours.
var DriverWords = []string{
	"host", "port", "dbname", "user", "password", "passfile", "connect_timeout", "sslmode", "sslcert", "sslkey", "sslpassword",
	"sslcertmode", "sslrootcert", "sslsni", "sslnegotiation", "service", "servicefile", "target_session_attrs",
	"min_protocol_version", "max_protocol_version", "channel_binding", "require_auth",
}

// OwnWords are the keywords that are honoured here.
var OwnWords = []string{
	"hostaddr", "load_balance_hosts", "application_name", "fallback_application_name", "options", "client_encoding", "gssencmode",
	"sslcompression", "ssl_min_protocol_version", "ssl_max_protocol_version", "replication",
	"keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
}

// Unsupported are keywords of libpq that mean something which this server cannot do, and what to do instead.
var Unsupported = map[string]string{
	"sslcrl":              "revocation lists are not read; leave it out",
	"sslcrldir":           "revocation lists are not read; leave it out",
	"sslkeylogfile":       "the secrets of connections are not written to files; leave it out",
	"requirepeer":         "the owner of the server's process is not looked at; leave it out, or connect with TLS and sslmode=verify-full",
	"gsslib":              "this server cannot authenticate with GSSAPI; leave it out",
	"gssdelegation":       "this server cannot authenticate with GSSAPI; leave it out",
	"krbsrvname":          "this server cannot authenticate with Kerberos; leave it out",
	"scram_client_key":    "keys cannot replace a password; give the password",
	"scram_server_key":    "keys cannot replace a password; give the password",
	"oauth_issuer":        "this server cannot authenticate with OAuth; leave it out",
	"oauth_client_id":     "this server cannot authenticate with OAuth; leave it out",
	"oauth_client_secret": "this server cannot authenticate with OAuth; leave it out",
	"oauth_scope":         "this server cannot authenticate with OAuth; leave it out",
	"requiressl":          "write sslmode=require",
}

// foreign are words of other drivers that are often met, and what says the same here.
var foreign = map[string]string{
	"schema": "write options=-csearch_path=NAME", "currentschema": "write options=-csearch_path=NAME",
	"pgbouncer": "set statement_cache off on the source", "prepare_threshold": "set statement_cache off on the source",
	"default_query_exec_mode": "set statement_cache off on the source", "statement_cache_capacity": "set statement_cache off on the source",
	"prefer_simple_protocol": "set statement_cache off on the source", "binary_parameters": "set statement_cache off on the source",
	"connection_limit": "set max_conns on the source", "pool_max_conns": "set max_conns on the source", "pool_size": "set max_conns on the source",
	"ssl": "write sslmode=require or sslmode=verify-full", "sslaccept": "write sslmode", "tls": "write sslmode",
	"username": "write user", "db": "write dbname", "pass": "write password", "pwd": "write password", "server": "write host",
	"timeout": "write connect_timeout", "applicationname": "write application_name", "targetservertype": "write target_session_attrs",
}

// settable are settings of a session that may be given in the string by their own name, as other drivers allow it; all
// others can be given in options.
var settable = []string{
	"search_path", "role", "plan_cache_mode", "jit", "work_mem", "hash_mem_multiplier", "temp_buffers", "lock_timeout", "row_security",
	"transaction_timeout", "idle_session_timeout", "effective_cache_size", "effective_io_concurrency", "random_page_cost", "seq_page_cost",
	"cpu_tuple_cost", "cpu_index_tuple_cost", "cpu_operator_cost", "cursor_tuple_fraction", "from_collapse_limit", "join_collapse_limit",
	"geqo", "geqo_threshold", "constraint_exclusion", "max_parallel_workers_per_gather", "max_parallel_workers", "parallel_setup_cost",
	"parallel_tuple_cost", "gin_fuzzy_search_limit", "default_text_search_config", "default_transaction_isolation",
	"default_transaction_deferrable", "lc_monetary", "lc_numeric", "lc_time", "lc_messages", "xmlbinary", "xmloption", "client_min_messages",
}

// apply honours one word that the driver leaves to the server, or says why it cannot be.
func (t *Target) apply(name, value string, words map[string]string) error {
	fault := func(format string, args ...any) error { return fmt.Errorf("DSN: "+name+" "+format, args...) }
	lower := strings.ToLower(name)
	switch name {
	case "application_name", "options":
		t.Connect.RuntimeParams[name] = value
		return nil
	case "fallback_application_name":
		if words["application_name"] == "" {
			t.Connect.RuntimeParams["application_name"] = value
		}
		return nil
	case "hostaddr":
		return t.setAddresses(value)
	case "load_balance_hosts":
		t.Balance = value == "random"
		return oneOf(fault, value, "disable", "random")
	case "gssencmode":
		if value == "require" {
			return fault("is require: connections are encrypted with TLS; write gssencmode=disable and an sslmode")
		}
		return oneOf(fault, value, "disable", "prefer")
	case "sslcompression":
		return oneOf(fault, value, "0", "1") // which servers do not offer any more
	case "replication":
		return oneOf(fault, value, "false", "off", "no", "0")
	case "ssl_min_protocol_version", "ssl_max_protocol_version":
		return t.setProtocolVersion(fault, name, value)
	case "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout":
		return nil // see newDialer
	}
	if why, ok := Unsupported[name]; ok {
		return fault("is not supported: %s", why)
	}
	if fixed, ok := FixedSettings[lower]; ok {
		return sameSetting(fault, lower, value, fixed)
	}
	if slices.Contains(settable, lower) || strings.HasPrefix(lower, "enable_") || strings.Contains(name, ".") {
		t.Connect.RuntimeParams[lower] = value
		return nil
	}
	hint := ""
	if known := foreign[lower]; known != "" {
		hint = ": " + known
	}
	return fault("is no keyword of PostgreSQL's connection strings%s. Allowed are %s; other settings of a session belong in options, "+
		"as options=-cNAME=VALUE", hint, strings.Join(slices.Sorted(slices.Values(slices.Concat(DriverWords, OwnWords))), ", "))
}

func oneOf(fault func(string, ...any) error, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fault("is %q: allowed is %s", value, strings.Join(allowed, " or "))
}

// SessionSettings decide how values are written, and how long a transaction that we lost may stay.
var SessionSettings = map[string]string{
	"TimeZone":                            "UTC",
	"DateStyle":                           "ISO, MDY",
	"IntervalStyle":                       "postgres",
	"bytea_output":                        "hex",
	"extra_float_digits":                  "1",
	"standard_conforming_strings":         "on",
	"idle_in_transaction_session_timeout": "60000", // milliseconds, after which the server ends a transaction that we lost
}

// FixedSettings are the settings that decide how results are written and what a session may do, which the source makes
// itself: by their names in lower case, since PostgreSQL reads them in any.
var FixedSettings = func() map[string]string {
	fixed := map[string]string{"default_transaction_read_only": "on", "transaction_read_only": "on", "statement_timeout": "", "client_encoding": "UTF8"}
	for name, value := range SessionSettings {
		fixed[strings.ToLower(name)] = value
	}
	return fixed
}()

func sameSetting(fault func(string, ...any) error, name, value, fixed string) error {
	switch {
	case strings.EqualFold(value, fixed):
		return nil
	case name == "client_encoding" && slices.Contains([]string{"auto", "utf-8", "unicode"}, strings.ToLower(value)):
		return nil
	case fixed == "", strings.HasSuffix(name, "_timeout"):
		return fault("cannot be set: the source does so itself; the limit of a query is its endpoint's limits.timeout")
	}
	return fault("is %q: the source needs %q and sets that itself; leave it out", value, fixed)
}

// checkOptions looks for settings that are the source's in the options of the server's command line.
func checkOptions(options, sourceRole string) error {
	var faults []error
	switches := splitOptions(options)
	for i := 0; i < len(switches); i++ {
		setting, found := strings.CutPrefix(switches[i], "--")
		if !found {
			if setting, found = strings.CutPrefix(switches[i], "-c"); found && setting == "" && i+1 < len(switches) {
				i++
				setting = switches[i]
			}
		}
		name, value, _ := strings.Cut(setting, "=")
		name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
		if !found {
			continue // another switch, which the server judges
		}
		fault := func(format string, args ...any) error { return fmt.Errorf("DSN: options: "+name+" "+format, args...) }
		if fixed, ok := FixedSettings[name]; ok {
			faults = append(faults, sameSetting(fault, name, value, fixed))
		}
		if name == "role" && sourceRole != "" && value != sourceRole {
			faults = append(faults, fault("is %q, and the source's role %q: leave one out", value, sourceRole))
		}
	}
	return errors.Join(faults...)
}

// splitOptions splits at white space that no backslash escapes, as the server does.
func splitOptions(options string) (switches []string) {
	var current strings.Builder
	escaped := false
	flush := func() {
		if current.Len() > 0 {
			switches = append(switches, current.String())
			current.Reset()
		}
	}
	for _, r := range options {
		switch {
		case escaped:
			current.WriteRune(r)
			escaped = false
		case r == '\\':
			escaped = true
		case unicode.IsSpace(r):
			flush()
		default:
			current.WriteRune(r)
		}
	}
	flush()
	return switches
}

// place is one of the hosts, with each way to encrypt that is tried on it.
type place []*pgconn.FallbackConfig

// Places lists the hosts as the string does.
func Places(connect *pgconn.Config) (list []place) {
	entries := append([]*pgconn.FallbackConfig{{Host: connect.Host, Port: connect.Port, TLSConfig: connect.TLSConfig}}, connect.Fallbacks...)
	for _, entry := range entries {
		if len(list) > 0 {
			first := list[len(list)-1][0]
			if first.Host == entry.Host && first.Port == entry.Port && (first.TLSConfig == nil) != (entry.TLSConfig == nil) {
				list[len(list)-1] = append(list[len(list)-1], entry)
				continue
			}
		}
		list = append(list, place{entry})
	}
	return list
}

// setPlaces makes the list the hosts that are tried, in this order.
func setPlaces(connect *pgconn.Config, list []place) {
	entries := slices.Concat(list...)
	connect.Host, connect.Port, connect.TLSConfig = entries[0].Host, entries[0].Port, entries[0].TLSConfig
	connect.Fallbacks = entries[1:]
}

// setAddresses puts addresses in the place of names, which stay the names that certificates are checked for.
func (t *Target) setAddresses(value string) error {
	addresses := strings.Split(value, ",")
	list := Places(t.Connect)
	if len(addresses) != len(list) {
		return fmt.Errorf("DSN: hostaddr has %d addresses for %d hosts: give one for each, which may be empty", len(addresses), len(list))
	}
	for i, address := range addresses {
		address = strings.TrimSpace(address)
		if address == "" {
			continue
		}
		if _, err := netip.ParseAddr(address); err != nil {
			return fmt.Errorf("DSN: hostaddr %q is no IP address; a name belongs to host", address)
		}
		if strings.HasPrefix(list[i][0].Host, "/") {
			return errors.New("DSN: hostaddr gives an address for a host that is the directory of a socket: leave one out")
		}
		for _, entry := range list[i] {
			entry.Host = address
		}
	}
	setPlaces(t.Connect, list)
	return nil
}

// checkHosts refuses names that cannot be those of a host. They are not shown: what is there may be part of a password.
func (t *Target) checkHosts() error {
	for _, place := range Places(t.Connect) {
		host := place[0].Host
		if _, err := netip.ParseAddr(host); err == nil || strings.HasPrefix(host, "/") {
			continue
		}
		odd := func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._", r)
		}
		if strings.ContainsFunc(host, odd) || len(host) > 253 {
			return errors.New("DSN: host holds a character that no host name has. Allowed is a name, an IP address, or the directory of a " +
				"socket, which begins with /; in a URL, percent-encode what a user name or password holds beside letters and digits (@ is %40, / is %2F)")
		}
	}
	return nil
}

func (t *Target) setProtocolVersion(fault func(string, ...any) error, name, value string) error {
	versions := map[string]uint16{
		"tlsv1": tls.VersionTLS10, "tlsv1.1": tls.VersionTLS11, "tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13,
	}
	version, ok := versions[strings.ToLower(value)]
	if !ok {
		return fault("is %q: allowed is TLSv1, TLSv1.1, TLSv1.2 or TLSv1.3", value)
	}
	for _, entry := range slices.Concat(Places(t.Connect)...) {
		switch {
		case entry.TLSConfig == nil:
		case name == "ssl_min_protocol_version":
			entry.TLSConfig.MinVersion = version
		default:
			entry.TLSConfig.MaxVersion = version
		}
	}
	return nil
}

// followServer makes the driver ask what the server is, and not what our session is, which only reads everywhere: a server
// that can write is a primary, and one that cannot is a standby.
func followServer(connect *pgconn.Config) {
	is := func(check pgconn.ValidateConnectFunc) bool {
		return connect.ValidateConnect != nil && reflect.ValueOf(connect.ValidateConnect).Pointer() == reflect.ValueOf(check).Pointer()
	}
	switch {
	case is(pgconn.ValidateConnectTargetSessionAttrsReadWrite):
		connect.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	case is(pgconn.ValidateConnectTargetSessionAttrsReadOnly):
		connect.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsStandby
	}
}

// parserFault says what the driver's parser found, where its words can be told without the string.
func parserFault(err error) error {
	parsed, ok := errors.AsType[*pgconn.ParseConfigError](err)
	if !ok {
		return errors.New(notAString)
	}
	_, message, _ := strings.Cut(strings.TrimPrefix(err.Error(), "cannot parse `"), "`: ")
	cause := parsed.Unwrap()
	begins := func(with string) bool { return strings.HasPrefix(message, with) }
	switch {
	case begins("invalid port"), begins("could not match"):
		return errors.New("DSN: port must be a number from 1 to 65535, or one for each host with commas between them")
	case begins("invalid connect_timeout"):
		return errors.New("DSN: connect_timeout must be a whole number of seconds, such as 5")
	case begins("invalid sslcertmode"):
		return errors.New("DSN: sslcertmode must be disable, allow or require")
	case begins("unknown target_session_attrs"):
		return errors.New("DSN: target_session_attrs must be any, read-write, read-only, primary, standby or prefer-standby")
	case begins("unknown channel_binding"):
		return errors.New("DSN: channel_binding must be disable, prefer or require")
	case begins("invalid min_protocol_version"), begins("invalid max_protocol_version"), begins("min_protocol_version cannot"):
		return errors.New("DSN: min_protocol_version and max_protocol_version must be 3.0, 3.2 or latest, the first not above the second")
	case begins("invalid require_auth") && cause != nil:
		return errors.New("DSN: require_auth must be a list of password, md5, gss, sspi, scram-sha-256, oauth and none, or of those with ! before each")
	case begins("failed to read service") && cause != nil:
		return fmt.Errorf("DSN: service: %w", cause)
	case begins("failed to configure TLS") && cause != nil:
		if cause.Error() == "sslmode is invalid" {
			return errors.New("DSN: sslmode must be disable, allow, prefer, require, verify-ca or verify-full")
		}
		return fmt.Errorf("DSN: sslcert, sslkey and sslrootcert: %w", cause)
	}
	return errors.New(notAString)
}

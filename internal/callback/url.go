package callback

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxURL is the longest callback URL, in bytes.
const maxURL = 2048

// errNoURL replaces the parser's own words, which repeat the URL: that may hold a password.
var errNoURL = errors.New("this is not a URL")

// CheckURL reports why a callback URL is refused, in words for the caller who sent it. It looks at the text alone and
// asks no name server; where a name leads is checked when a connection is made.
//
// Allowed is https on port 443, to a name or a public address. What allowed lists, as host:port, may also be reached by
// http, on that port, and inside a private network.
func CheckURL(rawURL string, allowed []string) error {
	hosts, err := parseHosts(allowed)
	if err != nil {
		return err
	}
	_, err = hosts.check(rawURL)
	return err
}

// WithoutQuery returns a callback URL without what may hold the receiver's secrets, its query and its user, for those who only need to
// know where it leads. Of a query "..." is left.
func WithoutQuery(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return "?"
	}
	if u.User = nil; u.RawQuery != "" {
		u.RawQuery = "..."
	}
	return u.String()
}

// hosts is a set of host:port in the form that canonicalHost makes.
type hosts map[string]bool

// parseHosts reads the configuration's list.
func parseHosts(list []string) (hosts, error) {
	set := make(hosts, len(list))
	for _, entry := range list {
		host, err := parseHost(entry)
		if err != nil {
			return nil, fmt.Errorf("allowed host %q: %w", entry, err)
		}
		set[host] = true
	}
	return set, nil
}

// CheckHost reports why an entry of [Config.AllowedHosts] is not valid.
func CheckHost(entry string) error {
	_, err := parseHost(entry)
	return err
}

func parseHost(entry string) (string, error) {
	host, port, err := net.SplitHostPort(entry)
	number, numberErr := strconv.ParseUint(port, 10, 16)
	if err != nil || host == "" || strings.Contains(host, "/") || numberErr != nil || number == 0 {
		return "", errors.New("must be HOST:PORT without a scheme, such as 127.0.0.1:3101")
	}
	return canonicalHost(host, port), nil
}

// check parses a URL that may be called.
func (h hosts) check(rawURL string) (*url.URL, error) {
	if len(rawURL) > maxURL {
		return nil, fmt.Errorf("the URL is longer than %d bytes", maxURL)
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errNoURL
	}
	switch {
	case strings.ContainsFunc(rawURL, notInURL):
		return nil, errors.New("the URL must not hold spaces, control characters or backslashes: write a space as %20")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("the URL must begin with https://")
	case u.User != nil:
		return nil, errors.New("the URL must not hold a user name or password")
	case u.Fragment != "" || strings.Contains(rawURL, "#"):
		return nil, errors.New("the URL must not have a fragment (#)")
	case u.Hostname() == "":
		return nil, errors.New("the URL needs a host")
	}
	port := portOf(u)
	if h[canonicalHost(u.Hostname(), port)] {
		return u, nil
	}
	if u.Scheme != "https" {
		return nil, errors.New("the URL must begin with https://")
	}
	if port != "443" {
		return nil, errors.New("the URL must use port 443")
	}
	return u, checkHost(u.Hostname())
}

// notInURL reports characters that no URL holds, and that programs which pass it on read in different ways.
func notInURL(c rune) bool {
	return c == '\\' || c == utf8.RuneError || unicode.IsSpace(c) || unicode.IsControl(c)
}

// checkHost refuses hosts that no public service has.
func checkHost(host string) error {
	if addr, err := netip.ParseAddr(host); err == nil {
		if addr.Zone() != "" || guardian.SafeAddr(addr.Unmap()) != nil {
			return errors.New("the URL's address is not a public one")
		}
		return nil
	}
	for _, c := range []byte(host) {
		if c >= 0x80 {
			return errors.New("the URL's host must be ASCII: write an international name in its xn-- form")
		}
		if !isLetter(c) && !isDigit(c) && c != '-' && c != '.' && c != '_' {
			return errors.New("the URL's host is not a valid name")
		}
	}
	labels := strings.Split(host, ".")
	last := labels[len(labels)-1]
	// 127.1, 0x7f000001 and 2130706433 are addresses to some resolvers. No public top-level name begins with a digit.
	if len(labels) < 2 || last == "" || !isLetter(last[0]) {
		return errors.New("the URL's host must be a full name, such as hooks.example.com, or a public address")
	}
	if strings.EqualFold(last, "localhost") {
		return errors.New("the URL's host is not a public one")
	}
	return nil
}

// hostOf is the host and port that a URL leads to, in one form.
func hostOf(rawURL string) string {
	u, err := url.Parse(rawURL)
	if err != nil {
		return ""
	}
	return canonicalHost(u.Hostname(), portOf(u))
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"https": "443", "http": "80"}[u.Scheme]
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// canonicalHost brings a host and port to one form, so that they can be compared.
func canonicalHost(host, port string) string {
	if addr, err := netip.ParseAddr(host); err == nil {
		host = addr.Unmap().String()
	}
	return net.JoinHostPort(strings.ToLower(host), port)
}

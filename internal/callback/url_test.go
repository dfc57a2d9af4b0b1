package callback

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"code.dny.dev/ssrf"
	"go.uber.org/goleak"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/solucao42/caddy-data-api/internal/paralleltest"
)

func TestMain(m *testing.M) {
	paralleltest.AtOnce(8) // they wait for receivers
	goleak.VerifyTestMain(m)
}

func TestCheckURL(t *testing.T) {
	allowed := []string{"127.0.0.1:3101", "Hooks.Internal:8443", "[::1]:3101"}
	cases := []struct{ url, want string }{
		{"https://hooks.example.com/x?y=1", ""},
		{"https://hooks.example.com:443/", ""},
		{"HTTPS://HOOKS.EXAMPLE.COM", ""},
		{"https://xn--bcher-kva.example/", ""},
		{"https://93.184.216.34/", ""},
		{"https://[2606:2800:220:1:248:1893:25c8:1946]/", ""},
		{"http://127.0.0.1:3101/hook", ""},
		{"https://127.0.0.1:3101/hook", ""},
		{"http://[::1]:3101/hook", ""},
		{"http://[0:0::1]:3101/hook", ""},
		{"https://hooks.internal:8443/", ""},
		{"http://HOOKS.internal:8443/", ""},

		{"", "must begin with https://"},
		{"hooks.example.com/x", "must begin with https://"},
		{"//hooks.example.com/x", "must begin with https://"},
		{"http://hooks.example.com/", "must begin with https://"},
		{"ftp://hooks.example.com/", "must begin with https://"},
		{"file:///etc/passwd", "must begin with https://"},
		{"javascript:alert(1)", "must begin with https://"},
		{"https:hooks.example.com", "needs a host"},
		{"https:///x", "needs a host"},
		{"https://:443/x", "needs a host"},
		{"https://hooks.example.com:8443/", "port 443"},
		{"https://hooks.example.com:80/", "port 443"},
		{"http://127.0.0.1:3102/", "must begin with https://"},
		{"http://127.0.0.2:3101/", "must begin with https://"},
		{"https://user:pw@hooks.example.com/", "user name or password"},
		{"https://user@127.0.0.1:3101/", "user name or password"},
		{"https://hooks.example.com/#frag", "fragment"},
		{"https://hooks.example.com/#", "fragment"},
		{"https://hooks.example.com/\x00", "not a URL"},
		{"https://hooks.example.com\r\nX: y/", "not a URL"},
		{"https://hooks.exa mple.com/", "not a URL"},
		{"https://hooks.example.com\\@127.0.0.1/", "not a URL"},
		{"https://[::1", "not a URL"},
		{"https://hooks.example.com/a b", "%20"},
		{"https://hooks.example.com/?q=a b", "%20"},
		{"https://hooks.example.com/ ", "%20"},
		{" https://hooks.example.com/", "not a URL"},
		{"https://hooks.example.com/a\u00a0b", "%20"},
		{"https://hooks.example.com/a\u2028b", "%20"},
		{"https://hooks.example.com/\u0085", "%20"},
		{"https://hooks.example.com/\xff", "%20"},
		{"https://hooks.example.com/a\\b", "backslashes"},
		{"http://127.0.0.1:3101/a b", "%20"},
		{"https://hooks.example.com/a%20b?q=a+b", ""},
		{"https://hooks.example.com/\u00e9", ""},
		{"https://b\u00fccher.example/", "xn--"},
		{"https://hooks.example.com%2f@x/", "user name or password"},
		{"https://a!b.example/", "not a valid name"},
		{"https://localhost/", "full name"},
		{"https://x.localhost/", "not a public one"},
		{"https://intranet/", "full name"},
		{"https://hooks.example.com./", "full name"},
		{"https://2130706433/", "full name"},
		{"https://127.1/", "full name"},
		{"https://0x7f.0.0.1/", "full name"},
		{"https://0x7f000001/", "full name"},
		{"https://0177.0.0.1/", "full name"},
		{"https://127.0.0.1/", "not a public one"},
		{"https://10.0.0.1/", "not a public one"},
		{"https://169.254.169.254/latest/meta-data", "not a public one"},
		{"https://168.63.129.16/", "not a public one"},
		{"https://[::1]/", "not a public one"},
		{"https://[::ffff:127.0.0.1]/", "not a public one"},
		{"https://[fe80::1%25eth0]/", "not a public one"},
		{"https://[64:ff9b::7f00:1]/", "not a public one"},
		{"https://hooks.example.com/" + strings.Repeat("x", maxURL), "longer than"},
	}
	for _, c := range cases {
		err := CheckURL(c.url, allowed)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.url, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%q: the error tells the password: %v", c.url, err)
		}
	}
}

func TestAllowedHostsAreValidated(t *testing.T) {
	for _, entry := range []string{"", "127.0.0.1", ":3101", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "a:b:c", "http://x:80", "::1:80"} {
		if err := CheckURL("https://hooks.example.com/", []string{entry}); err == nil || !strings.Contains(err.Error(), "allowed host") {
			t.Errorf("%q: got %v", entry, err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, seed := range []string{
		"https://hooks.example.com/x", "http://127.0.0.1:3101/", "https://[::ffff:7f00:1]/", "https://0x7f.1/",
		"https://u:p@h.example/", "https://h.example:443:443/", "https://[fe80::1%25x]/", "https://h\u3002example/",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		allowed, err := parseHosts([]string{"127.0.0.1:3101"})
		if err != nil {
			t.Fatal(err)
		}
		u, err := allowed.check(text)
		if err != nil {
			return
		}
		// What passes is a URL whose request reaches the host that was looked at.
		request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, text, nil)
		if err != nil {
			t.Fatalf("%q passed but cannot be requested: %v", text, err)
		}
		if request.URL.Host != u.Host || request.URL.User != nil || u.Hostname() == "" {
			t.Fatalf("%q: %q is requested, %q was checked", text, request.URL.Host, u.Host)
		}
		if u.Scheme != "https" && u.Host != "127.0.0.1:3101" {
			t.Fatalf("%q passed without TLS", text)
		}
	})
}

// special are addresses that nobody outside may make the server talk to.
var special = []string{
	"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3",
	"127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255",
	"192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255",
	"198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
	"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:0:127.0.0.1",
	"64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::127.0.0.1", "64:ff9b:1:fffe::10.0.0.1", "100::1", "2001::1",
	"2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd12:3456::1",
	"fe80::1", "fe80::a9fe:a9fe", "fec0::1", "ff02::1", "ff05::2",
}

func TestSpecialAddressesAreRefusedAtDial(t *testing.T) {
	t.Parallel()
	if len(special) < 40 {
		t.Fatalf("%d addresses", len(special))
	}
	client := newClient(nil, nil, newLoad(new(Options)))
	for _, address := range special {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+net.JoinHostPort(address, "443")+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		// The guard's error comes from before connect(2): nothing was sent.
		if !errors.Is(err, ssrf.ErrProhibitedIP) {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

// NameServer answers every question for an A record with what answer returns, on a local UDP port.
func NameServer(t *testing.T, answer func() [4]byte) *net.Resolver {
	t.Helper()
	conn, err := new(net.ListenConfig).ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, peer, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var message dnsmessage.Message
			if message.Unpack(buffer[:n]) != nil || len(message.Questions) != 1 {
				continue
			}
			question := message.Questions[0]
			reply := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: message.ID, Response: true, Authoritative: true},
				Questions: message.Questions,
			}
			if question.Type == dnsmessage.TypeA {
				reply.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class},
					Body:   &dnsmessage.AResource{A: answer()},
				}}
			}
			if packed, err := reply.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, peer)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

func TestNameThatLeadsInsideIsRefusedAtDial(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	resolver := NameServer(t, func() [4]byte {
		asked.Add(1)
		return [4]byte{127, 0, 0, 1}
	})
	const target = "https://rebind.example.com/"
	if err := CheckURL(target, nil); err != nil {
		t.Fatalf("the text of the URL is harmless: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := newClient(nil, resolver, newLoad(new(Options))).Do(request)
	if err == nil {
		_ = response.Body.Close()
	}
	if !errors.Is(err, ssrf.ErrProhibitedIP) || asked.Load() == 0 {
		t.Fatalf("got %v after %d questions", err, asked.Load())
	}
}

func TestOtherPortsAreRefusedAtDialAndProxiesIgnored(t *testing.T) {
	contacted := make(chan struct{}, 10)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			contacted <- struct{}{}
			_ = conn.Close()
		}
	}()
	t.Setenv("HTTPS_PROXY", "http://"+listener.Addr().String())
	t.Setenv("HTTP_PROXY", "http://"+listener.Addr().String())
	client := newClient(hosts{"127.0.0.1:1": true}, nil, newLoad(new(Options)))
	for _, target := range []string{"https://" + listener.Addr().String() + "/", "http://192.0.2.1/", "https://192.0.2.1/"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		if !errors.Is(err, ssrf.ErrProhibitedPort) && !errors.Is(err, ssrf.ErrProhibitedIP) {
			t.Errorf("%s: got %v", target, err)
		}
	}
	_ = listener.Close()
	<-done
	if len(contacted) != 0 {
		t.Error("somebody was contacted")
	}
}

func TestWithoutQuery(t *testing.T) {
	for given, want := range map[string]string{
		"":                              "",
		"https://h.example/a":           "https://h.example/a",
		"https://h.example/a?token=1":   "https://h.example/a?...",
		"https://me:secret@h.example/x": "https://h.example/x",
		"https://h.example/%zz":         "?",
	} {
		if got := WithoutQuery(given); got != want {
			t.Errorf("%s became %s, want %s", given, got, want)
		}
	}
}

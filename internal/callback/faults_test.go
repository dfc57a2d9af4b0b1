//go:build faults

package callback_test

import (
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/callback"
)

// 600 callbacks of one company to hosts that accept and never answer, half of them under wildcard names of one address, and
// half to twenty addresses: another company's callback goes as if nothing were.
func TestFaultsHangingCallbackHosts(t *testing.T) {
	store := newStore(t)
	quick := newReceiver(t, status(200))
	silent := newSilentHost(t, "127.0.0.1")
	allowed := []string{quick.host()}
	var urls []string
	for i := range 300 {
		name := fmt.Sprintf("h%d.silent.test:%s", i, silent.port)
		allowed, urls = append(allowed, name), append(urls, "http://"+name+"/")
	}
	for i := range 20 {
		address := fmt.Sprintf("127.0.1.%d", i+1)
		name := net.JoinHostPort(address, newSilentHost(t, address).port)
		allowed = append(allowed, name)
		for range 15 {
			urls = append(urls, "http://"+name+"/")
		}
	}
	d := giveUp(t, store, callback.Options{
		Resolver: callback.NameServer(t, func() [4]byte { return [4]byte{127, 0, 0, 1} }),
	})
	attachTo(t, d, callback.Config{AllowedHosts: allowed})
	measure := func(company string, n int) (took []time.Duration) {
		t.Helper()
		for range n {
			begun := time.Now()
			await(t, store, announce(t, store, d, company, quick.URL), in(callback.Delivered))
			took = append(took, time.Since(begun))
			time.Sleep(500 * time.Millisecond)
		}
		slices.Sort(took)
		return took
	}
	quiet := measure("other", 10)
	announceMany(t, store, "busy", len(urls), func(i int) string { return urls[i] })
	d.Wake()
	time.Sleep(time.Second)
	other := measure("other", 80) // longer than two time-outs of a try
	own := measure("busy", 20)
	t.Logf("another company's callback: quiet median %s, worst %s; beside 600 that hang median %s, worst %s",
		quiet[len(quiet)/2], quiet[len(quiet)-1], other[len(other)/2], other[len(other)-1])
	t.Logf("the same company's callback to a good host: median %s, worst %s", own[len(own)/2], own[len(own)-1])
	t.Logf("at most %d tries went to the address with 300 names", silent.most.Load())
	if worst := other[len(other)-1]; worst > 2*time.Second+quiet[len(quiet)-1] {
		t.Errorf("another company's callback took %s", worst)
	}
	if most := silent.most.Load(); most > 4 {
		t.Errorf("%d tries went to one address at a time", most)
	}
}

package ratelimit_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// Servers that share a limit admit together what one would, however unevenly they are asked; one that is alone admits all.
func TestSharedLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := new(clock)
		servers := rapid.IntRange(1, 20).Draw(t, "servers")
		tables := make([]*ratelimit.Table, servers)
		for i := range tables {
			tables[i] = ratelimit.NewTable(64, clock.now)
			tables[i].ShareAmong(func() int { return servers })
		}
		limit := ratelimit.Limit{
			Count: rapid.IntRange(1, 50).Draw(t, "count"), Period: time.Minute, Burst: rapid.IntRange(1, 50).Draw(t, "burst"),
		}
		taken := 0
		take := func() {
			for _, table := range tables {
				for table.Take(table.Key("k"), limit).OK {
					taken++
				}
			}
		}
		take()
		if most := max(limit.Burst, servers); taken > most || taken < limit.Burst-servers {
			t.Fatalf("%d at once of %s on %d servers", taken, limit, servers)
		}
		const minutes = 200
		for range minutes * 60 {
			clock.advance(time.Second)
			take()
		}
		if most := max(limit.Burst, servers) + limit.Count*minutes; taken > most {
			t.Fatalf("%d in %d minutes of %s on %d servers", taken, minutes, limit, servers)
		}
	})
}

package main

import "fmt"

// cacheRows hold hits of the cache against Caddy's static answer of the same bytes. The token is checked, and what the
// caller may do is looked at, for each of them.
func cacheRows() (rows []row) {
	for _, clients := range cacheClients {
		rows = append(rows, row{group: "cache", title: fmt.Sprintf("cache hit, %d clients, of respond", clients), goal: 0.85,
			ours: fmt.Sprint("cached hs256 ", clients), limit: against(fmt.Sprint("respond ", clients))})
	}
	return rows
}

var cacheClients = []int{8, 32}

func cacheMeasure(clients int) measure {
	return measure{name: fmt.Sprint("cached hs256 ", clients), unit: "/s", run: underLoad(ours((*lab).withHS256, "cached"), clients)}
}

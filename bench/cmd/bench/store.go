package main

import "context"

// storeRows hold the processor time of a point request of a server whose store is in PostgreSQL against that of one with a file: the
// way of a request asks the store nothing. What two servers with files differ by shows how far to trust that.
func storeRows() []row {
	return []row{
		{group: "store", title: "processor time of a point request for `store postgres`, 8 clients", ours: "store postgres", goal: 2, atMost: true},
		{group: "store", title: "what two servers with `store bbolt` differ by", ours: "store, control"},
	}
}

func storeMeasures() []measure {
	return []measure{
		{name: "store postgres", unit: "%", pairs: func(ctx context.Context, l *lab) ([]float64, error) {
			return l.dearer(ctx, l.stored, l.hs256)
		}},
		{name: "store, control", unit: "%", pairs: func(ctx context.Context, l *lab) ([]float64, error) {
			return l.dearer(ctx, l.hs256Too, l.hs256)
		}},
	}
}

package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"sync"
	"time"

	"github.com/solucao42/caddy-data-api/bench/rig"
	"github.com/solucao42/caddy-data-api/internal/pgtest"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/schema"
)

type options struct {
	rate      float64
	span      time.Duration
	retention time.Duration
	partition time.Duration
	servers   int
	result    int
	dsn       string
}

func main() {
	var o options
	flag.Float64Var(&o.rate, "rate", 500, "jobs a second")
	flag.DurationVar(&o.span, "for", time.Hour, "how long")
	flag.DurationVar(&o.retention, "retention", 10*time.Minute, "how long an ended job is kept")
	flag.DurationVar(&o.partition, "partition", 5*time.Minute, "how much time a partition holds")
	flag.IntVar(&o.servers, "servers", 2, "stores on the database, each with the loops of a server")
	flag.IntVar(&o.result, "result", 2000, "bytes of a result")
	flag.StringVar(&o.dsn, "dsn", "", "an empty database; empty: a PostgreSQL of its own, which waits for its disk")
	flag.Parse()
	rig.Main("soak", func(ctx context.Context) error { return soak(ctx, o) })
}

func soak(ctx context.Context, o options) error {
	if o.dsn == "" {
		cluster, err := pgtest.Start("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "shared_buffers=256MB")
		if err != nil {
			return err
		}
		defer cluster.Remove()
		o.dsn = cluster.DSN()
	}
	var stores []*pgstore.Store
	rhythm := schema.Rhythm{Length: o.partition, Every: o.partition / 5, Lateness: o.partition / 5}
	for range o.servers {
		s, err := pgstore.Open(ctx, o.dsn, pgstore.Options{Partitions: rhythm, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		defer s.Close()
		stores = append(stores, s)
	}
	looking, err := newObserver(ctx, o.dsn)
	if err != nil {
		return err
	}
	defer looking.close()

	running, end := context.WithTimeout(ctx, o.span)
	defer end()
	work := newLoad(o, stores)
	var loops sync.WaitGroup
	work.start(running, &loops)
	err = looking.watch(running, work)
	end()
	loops.Wait()
	return errors.Join(err, work.fault(), looking.verdict(o.retention+2*o.partition))
}

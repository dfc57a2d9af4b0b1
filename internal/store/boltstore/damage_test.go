package boltstore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
	"github.com/solucao42/caddy-data-api/internal/token"
)

// spoil changes a byte of a sealed value.
func spoil(bucket, key []byte) func(*bbolt.Tx) error {
	return func(tx *bbolt.Tx) error {
		sealed := append([]byte{}, tx.Bucket(bucket).Get(key)...)
		if len(sealed) == 0 {
			return fmt.Errorf("%s has no record %x", bucket, key)
		}
		sealed[len(sealed)-1] ^= 1
		return tx.Bucket(bucket).Put(key, sealed)
	}
}

var someTime = time.Date(2026, 4, 11, 10, 30, 0, 0, time.UTC)

func plainJob(company string, callbackURL string) job.Job {
	return job.Job{
		ID: job.NewID(someTime), Company: company, User: "u", Address: dataapi.Address{Company: company, Namespace: "default", Slug: "x"},
		Status: job.Processing, CreatedAt: someTime, CallbackURL: callbackURL,
	}
}

// TestDamagedRecordHoldsUpNoOther damages the first of three jobs wherever something is done to all that are due: claimed,
// given back, announced, removed.
func TestDamagedRecordHoldsUpNoOther(t *testing.T) {
	type house struct {
		*Store
		ids []job.ID
		log *logged
	}
	claim := func(t *testing.T, s *Store, now time.Time) (all []job.Job) {
		t.Helper()
		for range 5 {
			claimed, _, err := s.Claim(t.Context(), "worker", now, now.Add(time.Minute), job.Capacity{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, claimed...)
		}
		return all
	}
	end := func(t *testing.T, h house) {
		t.Helper()
		for _, j := range claim(t, h.Store, someTime) {
			outcome := job.Outcome{Status: job.Failed, CompletedAt: someTime, ExpiresAt: someTime.Add(time.Hour), Error: &job.Error{}}
			if _, err := h.Finish(t.Context(), j.ID, j.Attempt, outcome); err != nil {
				t.Fatal(err)
			}
		}
	}
	damage := func(t *testing.T, h house, bucket []byte) {
		t.Helper()
		if err := h.Update(t.Context(), spoil(bucket, h.ids[0][:])); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]func(t *testing.T, h house){
		"waiting": func(t *testing.T, h house) {
			damage(t, h, jobBucket)
			if ids := claim(t, h.Store, someTime); len(ids) != 2 {
				t.Errorf("%d jobs were claimed, want 2", len(ids))
			}
		},
		"its lease has ended": func(t *testing.T, h house) {
			claim(t, h.Store, someTime)
			damage(t, h, jobBucket)
			if ids := claim(t, h.Store, someTime.Add(2*time.Minute)); len(ids) != 2 {
				t.Errorf("%d jobs were claimed again, want 2", len(ids))
			}
		},
		"left by an earlier process": func(t *testing.T, h house) {
			claim(t, h.Store, someTime)
			damage(t, h, jobBucket)
			if n, err := h.Recover(t.Context(), "another"); n != 2 || err != nil {
				t.Errorf("%d jobs were recovered, %v, want 2", n, err)
			}
			if left, err := h.Unfinished(t.Context()); len(left) != 2 || err != nil {
				t.Errorf("%d jobs are unfinished, %v, want 2", len(left), err)
			}
		},
		"announced": func(t *testing.T, h house) {
			end(t, h)
			damage(t, h, deliveryBucket)
			due, _, err := h.ClaimDeliveries(t.Context(), someTime.Add(time.Minute), someTime.Add(time.Hour), callback.Capacity{Deliveries: 10})
			if len(due) != 2 || err != nil {
				t.Errorf("%d deliveries are due, %v, want 2", len(due), err)
			}
			if _, err := h.GetDelivery(t.Context(), h.ids[0]); !errors.Is(err, ErrDamaged) || errors.Is(err, callback.ErrNotFound) {
				t.Errorf("its delivery: %v", err)
			}
		},
		"expired": func(t *testing.T, h house) {
			end(t, h)
			damage(t, h, jobBucket)
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := house{log: new(logged)}
			path := storePath(t)
			h.Store = openStore(t, path, Options{Logger: h.log.logger()})
			for range 3 {
				j := plainJob("acme", "https://hooks.example.com/")
				if err := h.Accept(t.Context(), j, job.Quota{}); err != nil {
					t.Fatal(err)
				}
				h.ids = append(h.ids, j.ID)
			}
			test(t, h)
			if name != "announced" {
				if _, err := h.Get(t.Context(), h.ids[0]); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), h.ids[0].String()) {
					t.Errorf("the job itself: %v", err)
				}
			}
			if !strings.Contains(h.log.String(), h.ids[0].String()) {
				t.Errorf("the log does not name it: %s", h.log.String())
			}
			// By and by everything is gone, and the sums are right after the next start.
			end(t, house{Store: h.Store})
			for more, rounds := true, 0; more; rounds++ {
				var err error
				if more, err = h.Sweep(t.Context(), someTime.AddDate(1, 0, 0), 10); err != nil || rounds > 100 {
					t.Fatalf("sweeping: %v, round %d", err, rounds)
				}
			}
			if name == "announced" || name == "expired" {
				if _, err := h.Get(t.Context(), h.ids[0]); !errors.Is(err, job.ErrNotFound) {
					t.Errorf("after it has expired: %v", err)
				}
				if jobs, _, err := h.List(t.Context(), "acme", job.Filter{Limit: 10}); len(jobs) != 2 && len(jobs) != 0 || err != nil {
					t.Errorf("the list has %d jobs, %v", len(jobs), err)
				}
			}
			if err := h.Close(); err != nil {
				t.Fatal(err)
			}
			openStore(t, path, Options{Logger: slog.New(slog.DiscardHandler)})
		})
	}
}

// TestDamagedIndexIsMadeAnew damages a record of every index, and finds everything in its place after the next start.
func TestDamagedIndexIsMadeAnew(t *testing.T) {
	for _, name := range layout.Buckets() {
		if !layout.Follows(name) {
			continue
		}
		t.Run(string(name), func(t *testing.T) {
			path := storePath(t)
			var log logged
			s := openStore(t, path, Options{})
			key := job.Idempotency{Key: "k", Until: someTime.AddDate(1, 0, 0)}
			for i := range 6 {
				j := plainJob(fmt.Sprint("company", i%2), "https://hooks.example.com/")
				if i == 0 {
					j.Idempotency = &key
				}
				if err := s.Accept(t.Context(), j, job.Quota{}); err != nil {
					t.Fatal(err)
				}
			}
			claimed, _, err := s.Claim(t.Context(), "worker", someTime, someTime.Add(time.Minute), job.Capacity{Jobs: 3})
			if err != nil || len(claimed) != 3 {
				t.Fatalf("claimed %d, %v", len(claimed), err)
			}
			if err := s.AppendChunks(t.Context(), claimed[0].ID, 1, 0, [][]byte{{1}}); err != nil {
				t.Fatal(err)
			}
			for _, j := range claimed[:2] {
				outcome := job.Outcome{Status: job.Cancelled, CompletedAt: someTime, ExpiresAt: someTime.Add(time.Hour)}
				if _, err := s.Finish(t.Context(), j.ID, 1, outcome); err != nil {
					t.Fatal(err)
				}
			}
			// Of two deliveries that are due one is claimed, and the other waits.
			due, _, err := s.ClaimDeliveries(t.Context(), someTime, someTime.Add(time.Minute), callback.Capacity{Deliveries: 1})
			if err != nil || len(due) != 1 {
				t.Fatalf("claimed %d deliveries, %v", len(due), err)
			}
			fillFamilies(t, s)
			made := link.Link{ID: "l", Company: "acme", Namespace: "default", Slug: "report", Parameters: []byte("{}"), ExpiresAt: someTime}
			if err := s.CreateLink(t.Context(), made, 1); err != nil {
				t.Fatal(err)
			}
			before := dump(t, s)
			if len(before[string(name)]) == 0 {
				t.Fatal("the index is empty")
			}
			first := []byte(before[string(name)][0][0])
			if err := s.Update(t.Context(), spoil(name, first)); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if report, err := boltfile.Check(path, layout, nil); err != nil || len(report.Faults) != 1 || !report.Faults[0].Mended || report.Faults[0].Kind != string(name) {
				t.Errorf("Check: %+v, %v", report, err)
			}
			s = openStore(t, path, Options{Logger: log.logger()})
			after := dump(t, s)
			for bucket, records := range before {
				if turns(bucket) {
					if len(after[bucket]) != len(records) {
						t.Errorf("%s has %d records instead of %d", bucket, len(after[bucket]), len(records))
					}
					continue
				}
				if fmt.Sprintf("%q", after[bucket]) != fmt.Sprintf("%q", records) {
					t.Errorf("%s is\n%q instead of\n%q", bucket, after[bucket], records)
				}
			}
			if !strings.Contains(log.String(), "index="+string(name)) {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

// turns reports whether a bucket tells whose turn it is in a queue, which begins again with the queue.
func turns(bucket string) bool {
	return strings.HasSuffix(bucket, "_turns") || strings.HasSuffix(bucket, "_members") || strings.HasSuffix(bucket, "_groups")
}

func fillFamilies(t *testing.T, s *Store) {
	t.Helper()
	for i, revoked := range []time.Time{{}, someTime, {}} {
		err := s.CreateFamily(t.Context(), token.Family{
			ID: fmt.Sprint("family", i), CreatedAt: someTime, RevokedAt: revoked, ExpiresAt: someTime.Add(time.Hour),
			AccessUntil: someTime.Add(time.Minute),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// dump returns the records of all buckets.
func dump(t *testing.T, s *Store) map[string][][2]string {
	t.Helper()
	all := make(map[string][][2]string)
	err := s.View(func(tx *bbolt.Tx) error {
		for _, name := range layout.Buckets() {
			err := in(tx, name).Each(func(key, value []byte, _ error) error {
				all[string(name)] = append(all[string(name)], [2]string{string(key), string(value)})
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

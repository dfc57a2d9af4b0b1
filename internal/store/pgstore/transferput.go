package pgstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/documents"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
	"github.com/solucao42/caddy-data-api/internal/token"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

// Put implements transfer.Target. Instants by which the store decides are taken over as they are: they were those of one
// server's clock, and are the database's from now on.
func (s *Store) Put(ctx context.Context, kind transfer.Kind, records []transfer.Record, progress transfer.Progress) error {
	if err := s.partitionsFor(ctx, kind, records); err != nil {
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		batch := new(pgx.Batch)
		for _, record := range records {
			if err := s.queueRecord(batch, kind, record); err != nil {
				return pgdb.Refuse(fmt.Errorf("the record %q of %s cannot be read: %w", record.Key, kind, err))
			}
		}
		if err := s.send(ctx, tx, batch); err != nil {
			return err
		}
		return s.putProgress(ctx, tx, progress)
	})
}

// partitionsFor makes the partitions that records belong into, so that they can be dropped as a whole.
func (s *Store) partitionsFor(ctx context.Context, kind transfer.Kind, records []transfer.Record) error {
	if kind != transfer.Jobs {
		return nil
	}
	return s.partitions.MakeFor(ctx, func(yield func([]byte) bool) {
		for _, record := range records {
			if !yield(record.Key) {
				return
			}
		}
	})
}

// queueRecord queues the statements that keep a record.
func (s *Store) queueRecord(batch *pgx.Batch, kind transfer.Kind, record transfer.Record) error {
	put := func(statement string, arguments ...any) { s.queueInsert(batch, statement, arguments...) }
	id := string(record.Key)
	switch kind {
	case transfer.Secrets:
		put(`INSERT INTO data_api.secrets (name, value) VALUES ($1, $2)`, id, record.Value)
	case transfer.TokenKeys:
		var r token.KeyRecord
		if err := json.Unmarshal(record.Value, &r); err != nil {
			return err
		}
		put(`INSERT INTO data_api.token_keys (`+tokenKeyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7)`, tokenKeyArguments(r)...)
	case transfer.APIKeys:
		var stored transfer.APIKey
		if err := json.Unmarshal(record.Value, &stored); err != nil {
			return err
		}
		batch.Queue(s.db.SQL(insertKey), keyArguments(stored.Key(id))...)
	case transfer.Families:
		var family token.Family
		if err := json.Unmarshal(record.Value, &family); err != nil {
			return err
		}
		put(insertFamily, familyArguments(family)...)
	case transfer.SigningKeys:
		names := texts(record.Key, 2)
		put(`INSERT INTO data_api.signing_keys (company, usr, keys) VALUES ($1, $2, $3)`, append(names, string(record.Value))...)
	case transfer.Jobs:
		return s.queueJob(batch, record.Value)
	case transfer.Chunks:
		put(`INSERT INTO data_api.chunks (id, attempt, n, data) SELECT id, attempt, $2::int, $3 FROM data_api.jobs WHERE id = $1`,
			record.Key[:len(job.ID{})], int32(binary.BigEndian.Uint32(record.Key[len(job.ID{}):])), record.Value)
	case transfer.Deliveries:
		return s.queueDelivery(batch, record.Value)
	case transfer.Usage:
		names := texts(record.Key[4:], 6)
		row := usage.Row{Hour: time.Unix(int64(binary.BigEndian.Uint32(record.Key))*3600, 0), Key: usage.Key{
			Company: names[0].(string), User: names[1].(string), KeyID: names[2].(string),
			Endpoint: dataapi.Address{Company: names[3].(string), Namespace: names[4].(string), Slug: names[5].(string)},
		}}
		if err := json.Unmarshal(record.Value, &row.Counts); err != nil {
			return err
		}
		put(insertUsage, usageArguments([]usage.Row{row})...)
	case transfer.UsageSources:
		var last transfer.UsageSource
		if err := json.Unmarshal(record.Value, &last); err != nil {
			return err
		}
		put(`INSERT INTO data_api.usage_sources (source, number, at) VALUES ($1, $2, $3)`, id, int64(last.Number), last.At*1e9)
	case transfer.Links:
		var l link.Link
		if err := json.Unmarshal(record.Value, &l); err != nil {
			return err
		}
		arguments, err := linkArguments(l)
		if err != nil {
			return err
		}
		put(insertLink, arguments...)
	case transfer.Documents, transfer.Revisions: // the tables have the names of the kinds
		var d documents.Document
		if err := json.Unmarshal(record.Value, &d); err != nil {
			return err
		}
		put(`INSERT INTO data_api.`+string(kind)+` (`+documentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, documentArguments(d)...)
	}
	return nil
}

// queueInsert queues a statement that leaves a row as it is that is there.
func (s *Store) queueInsert(batch *pgx.Batch, statement string, arguments ...any) {
	batch.Queue(s.db.SQL(statement+` ON CONFLICT DO NOTHING`), arguments...)
}

// queueJob keeps a job, its idempotency key, and its place in the queue where it has not ended.
func (s *Store) queueJob(batch *pgx.Batch, value []byte) error {
	var j job.Job
	if err := json.Unmarshal(value, &j); err != nil {
		return err
	}
	asked := immutable(j)
	asked.Attempt, asked.Forgiven, asked.StartedAt, asked.CompletedAt, asked.ExpiresAt = 0, 0, time.Time{}, time.Time{}, time.Time{}
	asked.Error, asked.Result, asked.RunTraceparent = nil, job.Result{}, ""
	request, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	var outcome, host *string
	if j.Status.Terminal() {
		text, err := json.Marshal(job.Outcome{
			Status: j.Status, CompletedAt: j.CompletedAt, ExpiresAt: j.ExpiresAt, Error: j.Error, Result: j.Result, RunTraceparent: j.RunTraceparent,
		})
		if err != nil {
			return err
		}
		outcome = new(string(text))
	}
	if j.CallbackURL != "" {
		announced := callback.Delivery{URL: j.CallbackURL}
		host = new(announced.Host())
	}
	s.queueInsert(batch, `INSERT INTO data_api.jobs (id, company, usr, address, created_at, request, callback_host, idempotency, kept, status, attempt,
		forgiven,
		started_at, outcome, expires) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		j.ID[:], j.Company, j.User, j.Address.String(), nano(j.CreatedAt), string(request), host, j.KeyName(), j.Footprint()+j.Result.Size,
		string(j.Status), j.Attempt, j.Forgiven, nano(j.StartedAt), outcome, nano(j.ExpiresAt))
	if !j.Status.Terminal() {
		s.queueInsert(batch, `INSERT INTO data_api.queue (id, company, source, usr, key_id, created_at, attempt, forgiven, started_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			j.ID[:], j.Company, j.Source, j.User, j.KeyID, nano(j.CreatedAt), j.Attempt, j.Forgiven, nano(j.StartedAt))
	}
	if j.Idempotency != nil { // of jobs that have had one key after the other, the latest has it
		batch.Queue(s.db.SQL(`INSERT INTO data_api.idempotency_keys AS k (name, job_id, bound_until) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO UPDATE SET job_id = excluded.job_id, bound_until = excluded.bound_until
			WHERE k.bound_until < excluded.bound_until`), j.KeyName(), j.ID[:], nano(j.Idempotency.Until))
	}
	return nil
}

func (s *Store) queueDelivery(batch *pgx.Batch, value []byte) error {
	var d callback.Delivery
	if err := json.Unmarshal(value, &d); err != nil {
		return err
	}
	var log *string
	if d.Log != nil {
		text, err := json.Marshal(d.Log)
		if err != nil {
			return err
		}
		log = new(string(text))
	}
	var due, needed *int64
	switch d.State {
	case callback.Pending:
		if due = nano(d.NextAttempt); due == nil {
			due = new(int64(0))
		}
	case callback.Dead:
		needed = nano(d.EndedAt.Add(callback.DeadRetention))
	}
	s.queueInsert(batch, `INSERT INTO data_api.deliveries (job_id, company, host, state, created_at, next_attempt, due, attempt, forgiven, ended_at,
		needed_until, log)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		d.JobID[:], d.Company, d.Host(), string(d.State), nano(d.CreatedAt), nano(d.NextAttempt), due, d.Attempt, d.Forgiven,
		nano(d.EndedAt), needed, log)
	return nil
}

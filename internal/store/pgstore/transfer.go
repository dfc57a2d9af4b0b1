package pgstore

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/pgdb"
	"github.com/solucao42/caddy-data-api/internal/store/pgstore/signal"
	"github.com/solucao42/caddy-data-api/internal/store/transfer"
	"github.com/solucao42/caddy-data-api/internal/usage"
)

var _ transfer.Target = (*Store)(nil)

// movingSecret is the name under which the progress of a move is among the secrets: where it is, no server opens the store.
const movingSecret = "store-move"

// errMoving says that a store is not whole yet.
var errMoving = errors.New("another store is being moved into this schema, and that is not done: " +
	"go on with `caddy data-api store copy`, or drop the schema")

// OpenForMove opens a store that another is moved into. Nobody but the mover may use it.
func OpenForMove(ctx context.Context, dsn string, options Options) (*Store, error) {
	options.moving = true
	return Open(ctx, dsn, options)
}

// checkWhole refuses a store into which another is being moved.
func (s *Store) checkWhole(ctx context.Context) error {
	if s.options.moving {
		return nil
	}
	progress, err := s.progress(ctx, s.db.Pool)
	if err == nil && progress != nil {
		err = errMoving
	}
	return err
}

func (s *Store) progress(ctx context.Context, q pgdb.Querier) (*transfer.Progress, error) {
	var text []byte
	err := q.QueryRow(ctx, s.db.SQL(`SELECT value FROM data_api.secrets WHERE name = $1`), movingSecret).Scan(&text)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	progress := new(transfer.Progress)
	return progress, json.Unmarshal(text, progress)
}

// Begin implements transfer.Target.
func (s *Store) Begin(ctx context.Context, state string) (begun transfer.Progress, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		known, err := s.progress(ctx, tx)
		switch {
		case err != nil:
			return err
		case known != nil && known.State != state:
			return pgdb.Refuse(fmt.Errorf("the schema %[1]s holds a part of another store, or of this one before somebody changed it: "+
				"run DROP SCHEMA %[1]s CASCADE, and begin again", s.db.Schema))
		case known != nil:
			begun = *known
			return nil
		}
		if err := s.checkEmpty(ctx, tx); err != nil {
			return err
		}
		begun = transfer.Progress{State: state}
		return s.putProgress(ctx, tx, begun)
	})
	return begun, err
}

// checkEmpty refuses a store that holds anything.
func (s *Store) checkEmpty(ctx context.Context, tx pgx.Tx) error {
	var alive, keys, jobs, others int
	err := tx.QueryRow(ctx, s.db.SQL(`SELECT (SELECT count(*) FROM data_api.nodes WHERE beat > data_api.now_ns() - $1::bigint),
		(SELECT count(*) FROM data_api.api_keys), (SELECT count(*) FROM data_api.jobs),
		(SELECT count(*) FROM data_api.secrets) + (SELECT count(*) FROM data_api.documents)`),
		int64(signal.AliveFor)).Scan(&alive, &keys, &jobs, &others)
	switch {
	case err != nil:
		return err
	case alive > 0:
		return pgdb.Refuse(fmt.Errorf("a server runs on the schema %s: stop it, or name another schema with --schema", s.db.Schema))
	case keys+jobs+others > 0:
		return pgdb.Refuse(fmt.Errorf("the schema %[1]s is not empty: it holds %[2]d API keys and %[3]d jobs. Name another with --schema; or, if nobody "+
			"needs what is in it, run DROP SCHEMA %[1]s CASCADE", s.db.Schema, keys, jobs))
	}
	return nil
}

func (s *Store) putProgress(ctx context.Context, tx pgx.Tx, progress transfer.Progress) error {
	text, err := json.Marshal(progress)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, s.db.SQL(`INSERT INTO data_api.secrets (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`), movingSecret, text)
	return err
}

// End implements transfer.Target. How many jobs wait, and what the jobs of a company take, follows from the jobs.
func (s *Store) End(ctx context.Context) error {
	return s.db.Write(ctx, func(ctx context.Context, tx pgx.Tx) error {
		for _, statement := range []string{
			`DELETE FROM data_api.tallies`,
			`INSERT INTO data_api.tallies (company, waiting, kept) SELECT j.company, count(q.id), sum(j.kept)
				FROM data_api.jobs j LEFT JOIN data_api.queue q ON q.id = j.id AND q.state = 0 GROUP BY j.company`,
			`DELETE FROM data_api.secrets WHERE name = '` + movingSecret + `'`,
		} {
			if _, err := tx.Exec(ctx, s.db.SQL(statement)); err != nil {
				return err
			}
		}
		return nil
	})
}

// movedRows are the statements that read what is moved, with the last key and a limit as parameters, and what becomes of a row.
var movedRows = map[transfer.Kind]struct {
	query string
	after func(key []byte) []any // the parameters that stand for a key; nil: its text
	row   func(row pgx.CollectableRow) (transfer.Record, error)
}{
	transfer.Secrets: {query: `SELECT name, value FROM data_api.secrets WHERE name > $1 AND name <> '` + movingSecret + `' ORDER BY name LIMIT $2`,
		row: func(row pgx.CollectableRow) (r transfer.Record, err error) {
			var name string
			err = row.Scan(&name, &r.Value)
			r.Key = []byte(name)
			return r, err
		}},
	transfer.TokenKeys: {query: `SELECT ` + tokenKeyColumns + ` FROM data_api.token_keys WHERE id > $1 ORDER BY id LIMIT $2`,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			key, err := scanTokenKey(row)
			return recordOf([]byte(key.ID), key, err)
		}},
	transfer.APIKeys: {query: `SELECT ` + keyColumns + ` FROM data_api.api_keys WHERE id > $1 ORDER BY id LIMIT $2`,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			key, err := scanKey(row)
			if err != nil {
				return transfer.Record{}, err
			}
			return transfer.OfKey(key)
		}},
	transfer.Families: {query: `SELECT ` + familyColumns + ` FROM data_api.token_families WHERE id > $1 ORDER BY id LIMIT $2`,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			family, err := scanFamily(row)
			return recordOf([]byte(family.ID), family, err)
		}},
	transfer.SigningKeys: {query: `SELECT company, usr, keys FROM data_api.signing_keys WHERE (company, usr) > ($1, $2) ORDER BY company, usr LIMIT $3`,
		after: func(key []byte) []any { return texts(key, 2) },
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			var company, user, text string
			var keys []callback.SigningKey
			err := row.Scan(&company, &user, &text)
			if err == nil {
				err = json.Unmarshal([]byte(text), &keys)
			}
			return recordOf([]byte(company+"\x00"+user), keys, err)
		}},
	transfer.Jobs: {query: `SELECT ` + jobColumns + ` FROM ` + jobTables + ` WHERE j.id > $1 ORDER BY j.id LIMIT $2`, after: raw,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			j, err := scanJob(row)
			return recordOf(j.ID[:], transfer.Settled(j), err)
		}},
	transfer.Chunks: {query: `SELECT c.id, c.n, c.data FROM data_api.chunks c JOIN data_api.jobs j ON j.id = c.id AND j.attempt = c.attempt
			WHERE j.status = 'completed' AND (c.id > $1 OR c.id = $1 AND c.n > $2) ORDER BY c.id, c.n LIMIT $3`,
		after: func(key []byte) []any {
			if key == nil {
				return []any{[]byte{}, -1}
			}
			return []any{key[:len(job.ID{})], int32(binary.BigEndian.Uint32(key[len(job.ID{}):]))}
		},
		row: func(row pgx.CollectableRow) (r transfer.Record, err error) {
			var n int32
			err = row.Scan(&r.Key, &n, &r.Value)
			r.Key = binary.BigEndian.AppendUint32(r.Key, uint32(n))
			return r, err
		}},
	transfer.Deliveries: {query: `SELECT ` + deliveryColumns + ` FROM data_api.deliveries d JOIN data_api.jobs j ON j.id = d.job_id
			WHERE d.job_id > $1 ORDER BY d.job_id LIMIT $2`, after: raw,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			d, err := scanDelivery(row)
			return recordOf(d.JobID[:], d, err)
		}},
	transfer.Usage: {query: `SELECT ` + usageKey + `, ` + usageFields("%s") + ` FROM data_api.usage
			WHERE (` + usageKey + `) > ($1, $2, $3, $4, $5, $6, $7) ORDER BY ` + usageKey + ` LIMIT $8`,
		after: func(key []byte) []any {
			if key == nil {
				return append([]any{int64(-1)}, texts(nil, 6)...)
			}
			return append([]any{int64(binary.BigEndian.Uint32(key))}, texts(key[4:], 6)...)
		},
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			r, err := scanUsage(row)
			return recordOf(usageName(&r), r.Counts, err)
		}},
	transfer.UsageSources: {query: `SELECT source, number, at FROM data_api.usage_sources WHERE source > $1 ORDER BY source LIMIT $2`,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			var name string
			var number, at int64
			err := row.Scan(&name, &number, &at)
			return recordOf([]byte(name), transfer.UsageSource{Number: uint64(number), At: at / 1e9}, err)
		}},
	transfer.Documents: {query: `SELECT ` + documentColumns + ` FROM data_api.documents WHERE (kind, key) > ($1, $2) ORDER BY kind, key LIMIT $3`,
		after: func(key []byte) []any { return texts(key, 2) },
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			d, err := scanDocument(row)
			if err != nil {
				return transfer.Record{}, err
			}
			return transfer.OfDocument(transfer.DocumentKey(d.Kind, d.Key), d)
		}},
	transfer.Revisions: {query: `SELECT ` + documentColumns + ` FROM data_api.document_revisions
			WHERE (kind, key, revision) > ($1, $2, $3) ORDER BY kind, key, revision LIMIT $4`,
		after: func(key []byte) []any {
			if key == nil {
				return append(texts(nil, 2), int64(0))
			}
			name, revision := key[:len(key)-9], key[len(key)-8:]
			return append(texts(name, 2), int64(binary.BigEndian.Uint64(revision)))
		},
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			d, err := scanDocument(row)
			if err != nil {
				return transfer.Record{}, err
			}
			key := append(transfer.DocumentKey(d.Kind, d.Key), 0)
			return transfer.OfDocument(binary.BigEndian.AppendUint64(key, uint64(d.Revision)), d)
		}},
	transfer.Links: {query: `SELECT used, made FROM data_api.links WHERE id > $1 ORDER BY id LIMIT $2`,
		row: func(row pgx.CollectableRow) (transfer.Record, error) {
			l, err := scanLink(row)
			return recordOf([]byte(l.ID), l, err)
		}},
}

func recordOf(key []byte, value any, err error) (transfer.Record, error) {
	if err != nil {
		return transfer.Record{}, err
	}
	return transfer.Of(key, value)
}

func raw(key []byte) []any {
	if key == nil {
		key = []byte{}
	}
	return []any{key}
}

// texts are the texts that a key consists of, zero bytes between them.
func texts(key []byte, n int) (parts []any) {
	for _, part := range strings.SplitN(string(key), "\x00", n) {
		parts = append(parts, part)
	}
	for len(parts) < n {
		parts = append(parts, "")
	}
	return parts
}

func usageName(r *usage.Row) []byte {
	e := r.Endpoint
	hour := binary.BigEndian.AppendUint32(nil, uint32(hourOf(r.Hour)))
	return append(hour, strings.Join([]string{r.Company, r.User, r.KeyID, e.Company, e.Namespace, e.Slug}, "\x00")...)
}

// Records implements transfer.Reader.
func (s *Store) Records(ctx context.Context, kind transfer.Kind, after []byte, limit int) (records []transfer.Record, err error) {
	what := movedRows[kind]
	from := []any{string(after)}
	if what.after != nil {
		from = what.after(after)
	}
	arguments := append(append([]any{pgdb.PlanAnew}, from...), limit)
	err = s.db.Read(ctx, func(ctx context.Context, q pgdb.Querier) error {
		rows, err := q.Query(ctx, s.db.SQL(what.query), arguments...)
		if err == nil {
			records, err = pgx.CollectRows(rows, what.row)
		}
		return err
	})
	return records, err
}

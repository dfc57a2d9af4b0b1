package rig

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/solucao42/caddy-data-api/internal/pgtest"
)

// StartDatabase starts a PostgreSQL, whose administrator runs the statements, and returns the DSN of a role that may do little: it may
// read what they have made.
func StartDatabase(ctx context.Context, statements ...string) (*pgtest.Cluster, string, error) {
	cluster, err := pgtest.Start()
	if err != nil {
		return nil, "", err
	}
	if err := prepare(ctx, cluster.DSN(), statements); err != nil {
		cluster.Remove()
		return nil, "", err
	}
	config, err := pgconn.ParseConfig(cluster.DSN())
	if err != nil {
		cluster.Remove()
		return nil, "", err
	}
	return cluster, fmt.Sprintf("host=%s port=%d user=%s dbname=%s sslmode=disable",
		config.Host, config.Port, pgtest.ReaderRole, config.Database), nil
}

func prepare(ctx context.Context, dsn string, statements []string) error {
	admin, err := pgconn.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer admin.Close(ctx)
	statements = append(statements, "CREATE ROLE "+pgtest.ReaderRole+" LOGIN NOSUPERUSER",
		"GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+pgtest.ReaderRole)
	for _, one := range statements {
		if _, err := admin.Exec(ctx, one).ReadAll(); err != nil {
			return fmt.Errorf("%s: %w", one, err)
		}
	}
	return nil
}

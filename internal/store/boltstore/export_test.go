package boltstore

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/job"
)

// ChildVariable makes a test binary a child that does one of Children, by "name:path".
const ChildVariable = "DATA_API_TEST_STORE_CHILD"

// Children are what child processes do.
var Children = make(map[string]func(path string) error)

// GetDelivery returns the delivery of a job.
func (s *Store) GetDelivery(ctx context.Context, id job.ID) (callback.Delivery, error) {
	if err := ctx.Err(); err != nil {
		return callback.Delivery{}, err
	}
	var d *deliveryRecord
	err := s.View(func(tx *bbolt.Tx) (err error) {
		d, err = readDelivery(tx, id)
		return err
	})
	if err != nil {
		return callback.Delivery{}, err
	}
	return d.Delivery, nil
}

package boltstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
	"github.com/solucao42/caddy-data-api/internal/link"
	"github.com/solucao42/caddy-data-api/internal/store/boltfile"
)

var (
	// linkBucket holds the links: by ID, as JSON of linkRecord.
	linkBucket = layout.Bucket("links", boltfile.Named("link"))
	// linkEndpointBucket holds the IDs of links by company, namespace and slug, a zero byte behind each, and ID.
	linkEndpointBucket = layout.Index("links_endpoint", boltfile.Named("the endpoint of a link"))
	// linkExpiryBucket holds the IDs of links by the time at which they expire, and ID.
	linkExpiryBucket = layout.Index("links_expiry", boltfile.Named("the expiry of a link"))
)

var _ link.Store = (*Store)(nil)

// linkRecord is how a link lies in the file. It holds no MAC: no URL can be made of it.
type linkRecord struct {
	Company    string            `json:"company"`
	User       string            `json:"user"`
	KeyID      string            `json:"key_id,omitzero"`
	Namespace  string            `json:"namespace"`
	Slug       string            `json:"slug"`
	Format     string            `json:"format"`
	Options    map[string]string `json:"options,omitzero"`
	Parameters json.RawMessage   `json:"parameters,omitzero"`
	Free       []string          `json:"free,omitzero"`
	Name       string            `json:"name,omitzero"`
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  time.Time         `json:"expires_at"`
	Uses       int               `json:"uses,omitzero"`
	Used       int               `json:"used,omitzero"`
}

func recordOfLink(l link.Link) linkRecord {
	return linkRecord{
		Company: l.Company, User: l.User, KeyID: l.KeyID, Namespace: l.Namespace, Slug: l.Slug, Format: l.Format, Options: l.Options,
		Parameters: l.Parameters, Free: l.Free, Name: l.Name, CreatedAt: dataapi.StoredTime(l.CreatedAt),
		ExpiresAt: dataapi.StoredTime(l.ExpiresAt), Uses: l.Uses, Used: l.Used,
	}
}

func (r *linkRecord) link(id string) link.Link {
	return link.Link{
		ID: id, Company: r.Company, User: r.User, KeyID: r.KeyID, Namespace: r.Namespace, Slug: r.Slug, Format: r.Format, Options: r.Options,
		Parameters: r.Parameters, Free: r.Free, Name: r.Name, CreatedAt: r.CreatedAt, ExpiresAt: r.ExpiresAt,
		Uses: r.Uses, Used: r.Used,
	}
}

// linkPlace is the beginning of the keys of linkEndpointBucket: of a company, or of an endpoint.
func linkPlace(names ...string) (key []byte) {
	for _, name := range names {
		key = append(append(key, name...), 0)
	}
	return key
}

// linkKeys are the keys of a link in the indexes.
func linkKeys(l *link.Link) (endpoint, expiry []byte) {
	return append(linkPlace(l.Company, l.Namespace, l.Slug), l.ID...), expiryKey(dataapi.StoredTime(l.ExpiresAt), l.ID)
}

// CreateLink implements [link.Store].
func (s *Store) CreateLink(ctx context.Context, made link.Link, most int) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		place, count := linkPlace(made.Company), 0
		cursor := in(tx, linkEndpointBucket).Cursor()
		for key, _ := cursor.Seek(place); bytes.HasPrefix(key, place); key, _ = cursor.Next() {
			count++
		}
		if count >= most {
			return boltfile.Refuse(fmt.Errorf("%w: %d", link.ErrTooMany, count))
		}
		return putLink(tx, &made)
	})
}

func putLink(tx *bbolt.Tx, l *link.Link) error {
	record, err := jsonv2.Marshal(recordOfLink(*l))
	if err != nil {
		return fmt.Errorf("link %q: %w", l.ID, err)
	}
	if err := indexLink(tx, l); err != nil {
		return err
	}
	return in(tx, linkBucket).Put([]byte(l.ID), record)
}

func indexLink(tx *bbolt.Tx, l *link.Link) error {
	endpoint, expiry := linkKeys(l)
	return errors.Join(in(tx, linkEndpointBucket).Put(endpoint, nil), in(tx, linkExpiryBucket).Put(expiry, nil))
}

// remakeLink makes the entries of a link in the indexes again.
func remakeLink(tx *bbolt.Tx, key []byte) error {
	found, err := readLink(tx, string(key))
	if errors.Is(err, ErrDamaged) {
		return nil // it opens nothing
	}
	if err != nil {
		return err
	}
	return indexLink(tx, &found)
}

// readLink refuses a record that it does not understand in full: what is half read might be bound to less.
func readLink(tx *bbolt.Tx, id string) (link.Link, error) {
	stored, err := in(tx, linkBucket).Get([]byte(id))
	if err != nil {
		return link.Link{}, err
	}
	if stored == nil {
		return link.Link{}, fmt.Errorf("%w: %q", link.ErrNotFound, id)
	}
	return decodeLink(id, stored)
}

// decodeLink copies what it returns.
func decodeLink(id string, stored []byte) (link.Link, error) {
	var record linkRecord
	if err := jsonv2.Unmarshal(bytes.Clone(stored), &record, jsonv2.RejectUnknownMembers(true)); err != nil {
		return link.Link{}, layout.Damaged(linkBucket, []byte(id), err.Error())
	}
	return record.link(id), nil
}

// FindLink implements [link.Store].
func (s *Store) FindLink(ctx context.Context, id string) (found link.Link, err error) {
	if err := ctx.Err(); err != nil {
		return link.Link{}, err
	}
	err = s.View(func(tx *bbolt.Tx) error {
		found, err = readLink(tx, id)
		return err
	})
	return found, err
}

// UseLink implements [link.Store].
func (s *Store) UseLink(ctx context.Context, id string) (used link.Link, err error) {
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		if used, err = readLink(tx, id); err != nil {
			return boltfile.Refuse(err)
		}
		if used.Spent() {
			return boltfile.Refuse(link.ErrSpent)
		}
		used.Used++
		return putLink(tx, &used)
	})
	if err != nil {
		return link.Link{}, err
	}
	return used, nil
}

// ListLinks implements [link.Store].
func (s *Store) ListLinks(ctx context.Context, company, namespace, slug, before string, limit int) (found []link.Link, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	place := linkPlace(company, namespace, slug)
	err = s.View(func(tx *bbolt.Tx) error {
		found = nil
		cursor := in(tx, linkEndpointBucket).Cursor()
		beyond := append(bytes.Clone(place), 0xff) // no ID begins with it
		if before != "" {
			beyond = append(bytes.Clone(place), before...)
		}
		key, _ := cursor.Seek(beyond)
		if key == nil {
			key, _ = cursor.Last()
		} else {
			key, _ = cursor.Prev()
		}
		for ; bytes.HasPrefix(key, place) && len(found) < limit; key, _ = cursor.Prev() {
			id := key[len(place):]
			listed, err := readLink(tx, string(id))
			if unreadable(err) {
				s.reportUnreadable(linkBucket, id, err)
				continue
			}
			if err != nil {
				return err
			}
			found = append(found, listed)
		}
		return nil
	})
	return found, err
}

// RemoveLink implements [link.Store].
func (s *Store) RemoveLink(ctx context.Context, id string) error {
	return s.Update(ctx, func(tx *bbolt.Tx) error {
		found, err := readLink(tx, id)
		if err != nil {
			return boltfile.Refuse(err)
		}
		return removeLink(tx, &found)
	})
}

func removeLink(tx *bbolt.Tx, l *link.Link) error {
	endpoint, expiry := linkKeys(l)
	return errors.Join(
		in(tx, linkEndpointBucket).Delete(endpoint), in(tx, linkExpiryBucket).Delete(expiry), in(tx, linkBucket).Delete([]byte(l.ID)),
	)
}

// PruneLinks implements [link.Store].
func (s *Store) PruneLinks(ctx context.Context, before time.Time, limit int) (more bool, err error) {
	beyond, due := expiryKey(before, ""), false // looking first spares a commit when there is nothing to do
	over := func(key []byte) bool { return key != nil && bytes.Compare(key, beyond) < 0 }
	err = s.View(func(tx *bbolt.Tx) error {
		due = over(in(tx, linkExpiryBucket).First())
		return nil
	})
	if err != nil || !due {
		return false, err
	}
	err = s.Update(ctx, func(tx *bbolt.Tx) error {
		more = false
		for range limit {
			key := in(tx, linkExpiryBucket).First()
			if !over(key) {
				return nil
			}
			id := string(key[expiryKeyTime:])
			found, err := readLink(tx, id)
			switch {
			case unreadable(err):
				s.reportUnreadable(linkBucket, []byte(id), err)
				err = errors.Join(in(tx, linkExpiryBucket).Delete(bytes.Clone(key)), in(tx, linkBucket).Delete([]byte(id)))
			case err == nil:
				err = removeLink(tx, &found)
			}
			if err != nil {
				return err
			}
		}
		more = true
		return nil
	})
	return more, err
}

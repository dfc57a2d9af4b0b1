package identity

import (
	"context"
	"maps"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// maxKeyName is the most characters that a key's label may have.
const maxKeyName = 80

// NewKey says what key to make.
type NewKey struct {
	Company   string    // slug of a company in the current catalog
	User      string    // name of one of its users
	Name      string    // a label for people, at most maxKeyName printable characters; may be empty
	ExpiresAt time.Time // zero: never
}

// CreateKey makes an API key and returns its record and its secret, which is stored nowhere and cannot be had again. The
// key works, and is durable, when CreateKey returns. A fault of the input is dataapi.CodeInvalidRequest.
func (d *Directory) CreateKey(ctx context.Context, wanted NewKey) (Key, string, error) {
	now := dataapi.StoredTime(d.keys.now())
	if err := d.checkNewKey(wanted, now); err != nil {
		return Key{}, "", err
	}
	key, secret := d.newKey(wanted, now)
	if err := d.keys.create(ctx, key); err != nil {
		return Key{}, "", err
	}
	return key, secret, nil
}

func (d *Directory) newKey(wanted NewKey, now time.Time) (Key, string) {
	key := Key{
		ID: newKeyID(), Company: wanted.Company, User: wanted.User, Name: wanted.Name, CreatedAt: now,
		ExpiresAt: dataapi.StoredTime(wanted.ExpiresAt),
	}
	secret := newSecret()
	key.SecretMAC = secretMAC(d.keys.pepper, key.ID, secret)
	return key, secret
}

func (d *Directory) checkNewKey(wanted NewKey, now time.Time) error {
	entry := (*d.companies.Load())[wanted.Company]
	if entry == nil {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "There is no company %q in the catalog%s",
			wanted.Company, dataapi.Beside(wanted.Company, slices.Sorted(maps.Keys(*d.companies.Load()))))
	}
	if entry.users[wanted.User] == nil {
		return dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The company %s has no user %q%s", wanted.Company, wanted.User,
			dataapi.Beside(wanted.User, slices.Sorted(maps.Keys(entry.users))))
	}
	if !printable(wanted.Name) || utf8.RuneCountInString(wanted.Name) > maxKeyName {
		return dataapi.Errorf(dataapi.CodeInvalidRequest,
			"The name of a key is at most %d printable characters.", maxKeyName)
	}
	if !wanted.ExpiresAt.IsZero() && !wanted.ExpiresAt.After(now) {
		return dataapi.Errorf(dataapi.CodeInvalidRequest, "The expiry %s is not in the future.",
			wanted.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

func printable(text string) bool {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return utf8.ValidString(text)
}

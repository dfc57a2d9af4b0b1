package token

import (
	"bytes"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestConfiguredKeysAreReplaced(t *testing.T) {
	secret := func(fill byte) Key {
		key, err := NewHS256Key(bytes.Repeat([]byte{fill}, MinHMACSecret))
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	first, second := secret(1), secret(2)
	keys, err := NewKeyRing(first, first, first) // named more than once
	if err != nil || len(keys.List()) != 1 {
		t.Fatalf("%v, %v", keys, err)
	}
	config, _ := testConfig(keys)
	authority := mustNew(t, config)
	old := mint(t, authority)
	replace := func(want bool, signing Key, verifying ...Key) {
		t.Helper()
		if changed, err := keys.Replace(signing, verifying...); err != nil || changed != want {
			t.Fatalf("changed: %v, %v", changed, err)
		}
	}
	verify := func(pair Pair, good bool) {
		t.Helper()
		_, err := authority.VerifyAccess(pair.Access.Text)
		_, refreshing := authority.VerifyRefresh(pair.Refresh.Text)
		for _, err := range []error{err, refreshing} {
			if good != (err == nil) || !good && !dataapi.HasCode(err, dataapi.CodeUnauthenticated) {
				t.Fatalf("a token that should be good (%v): %v", good, err)
			}
		}
	}
	verify(old, true)
	replace(false, first)
	replace(true, second, first)
	fresh := mint(t, authority)
	verify(old, true)
	verify(fresh, true)
	if list := keys.List(); len(list) != 2 || list[0].ID != second.id || list[0].State != KeySigning || list[1].State != KeyVerifying {
		t.Errorf("the keys are %+v", list)
	}
	replace(false, second, first)
	replace(true, second, second)
	verify(old, false) // although it was verified before
	verify(fresh, true)
	if _, err := keys.Replace(second, Key{}); err == nil {
		t.Error("an empty key is accepted")
	}
	verify(fresh, true)
}

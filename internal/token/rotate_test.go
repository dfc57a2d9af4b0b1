package token

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

func TestFirstKeySignsAtOnceAndIsKept(t *testing.T) {
	r := newRotating(t)
	r.wantStates("signing")
	first := r.signs()
	token := mint(t, r.authority).Access.Text
	writes := r.store.writes
	r.open()
	if r.signs() != first || r.store.writes != writes {
		t.Errorf("after a restart %s signs instead of %s, and %d writes were made", r.signs(), first, r.store.writes-writes)
	}
	r.accepts(token, true)
}

func TestRotationPublishesFirstAndSignsLater(t *testing.T) {
	r := newRotating(t)
	old, before := r.signs(), mint(t, r.authority)
	made := r.rotate(false)
	if made.State != KeyPublished || made.SignsFrom.Sub(r.now.Now()) < JWKSMaxAge {
		t.Errorf("the new key is %+v", made)
	}
	if document := r.ring.document(); !strings.Contains(document, made.ID) || !strings.Contains(document, old) {
		t.Errorf("the published set is %s", document)
	}
	r.wantStates("published signing")
	r.after(PublishLead - time.Second)
	if r.signs() != old {
		t.Error("the new key signs before its time")
	}
	r.after(time.Second)
	if r.signs() != made.ID {
		t.Error("the new key does not sign")
	}
	r.wantStates("signing verifying")
	last := mint(t, r.authority)
	r.accepts(last.Access.Text, true)

	// The refresh token that the old key has signed last is good until it expires, and the key until then.
	if _, err := r.authority.VerifyRefresh(before.Refresh.Text); err != nil {
		t.Errorf("a token of the old key: %v", err)
	}
	r.after(testTTL + overtime - time.Second)
	r.wantStates("signing verifying")
	if document := r.ring.document(); !strings.Contains(document, old) {
		t.Error("the old key is not published any more")
	}
	r.after(time.Second)
	r.wantStates("signing")
	if document := r.ring.document(); strings.Contains(document, old) {
		t.Error("the old key is still published")
	}
	if len(r.store.records) != 1 {
		t.Errorf("the store keeps %d keys", len(r.store.records))
	}
}

// Whatever is done to the ring, a token lives its whole life.
func TestEveryTokenLivesItsWholeLife(t *testing.T) {
	r := newRotating(t)
	type signed struct {
		pair  Pair
		until time.Time
	}
	var all []signed
	for step := range 60 {
		pair := mint(t, r.authority)
		all = append(all, signed{pair, pair.Refresh.Claims.ExpiresAt})
		switch step % 6 {
		case 1:
			r.rotate(true)
		case 3:
			r.rotate(false)
		case 5:
			r.prepare([]string{EdDSA, ES256}[step/6%2], testTTL)
		}
		for _, token := range all {
			_, err := r.authority.VerifyRefresh(token.pair.Refresh.Text)
			if good := r.now.Now().Before(token.until); good && err != nil {
				t.Fatalf("step %d: a token with %v to live: %v", step, token.until.Sub(r.now.Now()), err)
			}
		}
		r.after([]time.Duration{time.Second, 20 * time.Minute, 13 * time.Hour}[step%3])
		if step%10 == 9 {
			ring := r.ring
			if err := ring.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if keys := len(r.store.records); keys < 3 || keys > MaxKeys {
		t.Errorf("%d keys are kept", keys)
	}
}

func TestSecondRotationWaitsOrTakesOver(t *testing.T) {
	r := newRotating(t)
	made := r.rotate(false)
	if _, err := r.ring.Rotate(t.Context(), EdDSA, false); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) || !strings.Contains(err.Error(), made.ID) {
		t.Errorf("a second key in waiting: %v", err)
	}
	if now := r.rotate(true); now.ID != made.ID || r.signs() != made.ID {
		t.Errorf("--now made %+v and not the waiting key %s sign", now, made.ID)
	}
	r.wantStates("signing verifying")
	if other := r.rotate(true); other.ID == made.ID || r.signs() != other.ID {
		t.Errorf("another rotation gave %+v", other)
	}
	for range MaxKeys - 3 {
		r.rotate(true)
	}
	if _, err := r.ring.Rotate(t.Context(), EdDSA, true); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
		t.Errorf("the ring has no bound: %v", err)
	}
}

func TestWithdrawnKeyIsRefusedAtOnce(t *testing.T) {
	r := newRotating(t)
	old, token := r.signs(), mint(t, r.authority)
	r.rotate(true)
	newer := mint(t, r.authority)
	r.accepts(token.Access.Text, true) // it is in the cache of verified tokens now
	r.accepts(newer.Access.Text, true)
	if signing := r.withdraw(old); signing.ID != r.signs() || signing.State != KeySigning {
		t.Errorf("%+v signs", signing)
	}
	r.accepts(token.Access.Text, false)
	if _, err := r.authority.VerifyRefresh(token.Refresh.Text); err == nil {
		t.Error("a refresh token of the key is accepted")
	}
	r.accepts(newer.Access.Text, true)
	if strings.Contains(r.ring.document(), old) {
		t.Error("the key is still published")
	}
	if _, err := r.ring.Withdraw(t.Context(), old, EdDSA); !dataapi.HasCode(err, dataapi.CodeNotFound) {
		t.Errorf("once more: %v", err)
	}
	r.open()
	r.wantStates("signing")
}

func TestWithdrawnSigningKeyIsFollowed(t *testing.T) {
	t.Run("by a new one", func(t *testing.T) {
		r := newRotating(t)
		old, token := r.signs(), mint(t, r.authority)
		signing := r.withdraw(old)
		if signing.ID == old || signing.State != KeySigning || r.signs() != signing.ID {
			t.Errorf("%+v signs", signing)
		}
		r.accepts(token.Access.Text, false)
		r.accepts(mint(t, r.authority).Access.Text, true)
		if r.store.records[0].LongestToken != testTTL {
			t.Errorf("the new key is ready for tokens of %v", r.store.records[0].LongestToken)
		}
	})
	t.Run("by the one that waits", func(t *testing.T) {
		r := newRotating(t)
		old, waiting := r.signs(), r.rotate(false)
		if signing := r.withdraw(old); signing.ID != waiting.ID || r.signs() != waiting.ID {
			t.Errorf("%+v signs", signing)
		}
		r.wantStates("signing")
	})
	t.Run("and older ones go on verifying", func(t *testing.T) {
		r := newRotating(t)
		oldest, token := r.signs(), mint(t, r.authority)
		r.rotate(true)
		r.withdraw(r.signs())
		if r.signs() == oldest {
			t.Error("a key that was retired signs again")
		}
		r.accepts(token.Access.Text, true)
		r.after(testTTL + overtime)
		r.wantStates("signing")
	})
}

func TestWithdrawnWaitingKeyLeavesNoTrace(t *testing.T) {
	r := newRotating(t)
	first, waiting := r.signs(), r.rotate(false)
	r.withdraw(waiting.ID)
	r.wantStates("signing")
	if key := r.ring.List()[0]; key.ID != first || !key.VerifiesUntil.IsZero() {
		t.Errorf("the key that was to be followed: %+v", key)
	}
	r.after(10 * testTTL)
	r.accepts(mint(t, r.authority).Access.Text, true)
	if r.signs() != first {
		t.Error("the first key does not sign any more")
	}
}

// A store that fails keeps a key in the file, but nobody is let in with it.
func TestWithdrawalWithoutTheStore(t *testing.T) {
	r := newRotating(t)
	old, token := r.signs(), mint(t, r.authority)
	r.rotate(true)
	r.accepts(token.Access.Text, true)
	r.store.fail = errors.New("no space left")
	if _, err := r.ring.Withdraw(t.Context(), old, EdDSA); !errors.Is(err, r.store.fail) || !strings.Contains(err.Error(), "again") {
		t.Errorf("got %v", err)
	}
	r.accepts(token.Access.Text, false)
	r.accepts(mint(t, r.authority).Access.Text, true)
	if _, err := r.ring.Rotate(t.Context(), EdDSA, true); !errors.Is(err, r.store.fail) {
		t.Errorf("a rotation: %v", err)
	}
	r.wantStates("signing")

	// The store works again: the next change takes the key out of it, and does not bring it back.
	r.store.fail = nil
	r.rotate(true)
	r.accepts(token.Access.Text, false)
	if err := r.ring.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.accepts(token.Access.Text, false)
	r.withdraw(old) // as the error has asked for
	r.open()
	r.accepts(token.Access.Text, false)
	r.wantStates("signing verifying")
}

// The same when the only key is withdrawn: nobody gets tokens until the store works again, and nobody is let in.
func TestWithdrawalOfTheOnlyKeyWithoutTheStore(t *testing.T) {
	r := newRotating(t)
	only, token := r.signs(), mint(t, r.authority)
	r.store.fail = errors.New("no space left")
	if _, err := r.ring.Withdraw(t.Context(), only, EdDSA); err == nil {
		t.Error("a failure of the store is not told")
	}
	r.accepts(token.Access.Text, false)
	if _, err := r.authority.Mint(someone, ""); err == nil {
		t.Error("a withdrawn key signs")
	}
	r.wantStates("")
	r.store.fail = nil
	r.withdraw(only)
	r.accepts(token.Access.Text, false)
	r.accepts(mint(t, r.authority).Access.Text, true)
	r.wantStates("signing")
	if len(r.store.records) != 1 || r.store.records[0].ID == only || r.store.records[0].LongestToken == 0 {
		t.Errorf("the store keeps %v", r.store.records)
	}
}

func TestAlgorithmChangesWithoutRefusals(t *testing.T) {
	r := newRotating(t)
	first, token := r.signs(), mint(t, r.authority)
	r.prepare(ES256, testTTL)
	r.wantStates("published signing")
	r.accepts(mint(t, r.authority).Access.Text, true)
	r.prepare(EdDSA, testTTL) // changed back before the new one has signed
	r.wantStates("signing")
	r.prepare(ES256, testTTL)
	r.after(PublishLead)
	if r.signs() == first {
		t.Error("the key of the new algorithm does not sign")
	}
	fresh := mint(t, r.authority)
	r.accepts(fresh.Access.Text, true)
	r.accepts(token.Access.Text, r.now.Now().Before(token.Access.Claims.ExpiresAt))
	if _, err := r.authority.VerifyRefresh(token.Refresh.Text); err != nil {
		t.Errorf("a token of the former algorithm: %v", err)
	}
	for _, name := range []string{`"alg":"ES256"`, `"alg":"EdDSA"`} {
		if !strings.Contains(r.ring.document(), name) {
			t.Errorf("%s is not published: %s", name, r.ring.document())
		}
	}
}

// A configuration whose tokens live longer makes the key that signs live longer, and none that has signed before.
func TestLongerTokensKeepTheirKeyLonger(t *testing.T) {
	r := newRotating(t)
	r.rotate(true)
	waiting := r.rotate(false)
	ends := func() (ends []time.Time) {
		for _, key := range r.ring.List() {
			ends = append(ends, key.VerifiesUntil)
		}
		return ends
	}
	before := ends()
	r.prepare(EdDSA, 2*testTTL)
	after := ends()
	if !after[0].IsZero() || after[1].Sub(before[1]) != testTTL || after[2] != before[2] {
		t.Errorf("the keys end at %v, before at %v", after, before)
	}
	writes := r.store.writes
	r.prepare(EdDSA, testTTL)
	if r.store.writes != writes {
		t.Error("shorter tokens changed the ring")
	}
	r.after(PublishLead)
	if r.signs() != waiting.ID {
		t.Error("the waiting key does not sign")
	}
}

func TestClockThatIsSetBack(t *testing.T) {
	r := newRotating(t)
	r.rotate(true)
	r.after(-time.Hour)
	r.accepts(mint(t, r.authority).Access.Text, true)
}

func TestFixedRingCannotBeChanged(t *testing.T) {
	ring := hmacRing(t, hmacSecret)
	if _, err := ring.Rotate(t.Context(), HS256, true); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
		t.Errorf("a rotation: %v", err)
	}
	keys := ring.List()
	if len(keys) != 1 || keys[0].State != KeySigning || keys[0].Algorithm != HS256 {
		t.Fatalf("the ring is %+v", keys)
	}
	if _, err := ring.Withdraw(t.Context(), keys[0].ID, HS256); !dataapi.HasCode(err, dataapi.CodeInvalidRequest) {
		t.Errorf("a withdrawal: %v", err)
	}
}

func TestDamagedRecordsAreRefused(t *testing.T) {
	good, err := NewKeyRecord(EdDSA, edSeed, epoch)
	if err != nil {
		t.Fatal(err)
	}
	for name, damage := range map[string]func(*KeyRecord){
		"private cut": func(r *KeyRecord) { r.Private = r.Private[1:] }, "another key": func(r *KeyRecord) { r.Private = hmacSecret },
		"algorithm": func(r *KeyRecord) { r.Algorithm = ES256 }, "HS256": func(r *KeyRecord) { r.Algorithm = HS256 },
		"no algorithm": func(r *KeyRecord) { r.Algorithm = "" }, "id": func(r *KeyRecord) { r.ID = "x" },
	} {
		record := good
		damage(&record)
		if _, err := OpenKeyRing(t.Context(), &memoryStore{records: []KeyRecord{record}}, RingOptions{}); err == nil {
			t.Errorf("%s: accepted", name)
		} else if text := fmt.Sprintf("%v %+v %#v", err, record, record); strings.Contains(text, "BBBB") || strings.Contains(text, "66 66") {
			t.Errorf("%s: the secret shows: %s", name, text)
		}
	}
	if _, err := OpenKeyRing(t.Context(), &memoryStore{records: []KeyRecord{good, good}}, RingOptions{}); err == nil {
		t.Error("a key that is in the ring twice is accepted")
	}
}

// The real timer lets go of keys, without anybody's doing.
func TestEndedKeysAreRemovedByThemselves(t *testing.T) {
	store := new(memoryStore)
	record, err := NewKeyRecord(EdDSA, edSeed, time.Now().Add(-time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	record.SignsUntil = time.Now().Add(-overtime).Add(50 * time.Millisecond)
	next, err := NewKeyRecord(EdDSA, bytes.Repeat([]byte{7}, 32), time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	store.records = []KeyRecord{record, next}
	ring, err := OpenKeyRing(t.Context(), store, RingOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer ring.Close()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		kept, _ := store.TokenKeys(t.Context())
		if len(kept) == 1 && kept[0].ID == next.ID && !strings.Contains(ring.document(), record.ID) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the store still keeps %v", kept)
		}
	}
}

func TestRotationUnderLoad(t *testing.T) {
	r := newRotating(t)
	var refused, verified atomic.Int64
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				pair, err := r.authority.Mint(someone, "")
				if err == nil {
					_, err = r.authority.VerifyAccess(pair.Access.Text)
				}
				if err == nil {
					_, err = r.authority.VerifyRefresh(pair.Refresh.Text)
				}
				if err != nil {
					refused.Add(1)
				}
				verified.Add(1)
			}
		})
	}
	for range MaxKeys - 2 {
		r.rotate(true)
		for seen := verified.Load(); verified.Load() < seen+2; { // so that there is load, on a machine however slow
			time.Sleep(time.Millisecond)
		}
	}
	for _, key := range r.ring.List() {
		if key.State == KeyVerifying && key.VerifiesUntil.Before(r.now.Now()) {
			t.Errorf("%+v", key)
		}
	}
	close(done)
	group.Wait()
	if refused.Load() > 0 || verified.Load() < MaxKeys {
		t.Errorf("%d of %d tokens were refused", refused.Load(), verified.Load())
	}
}

package token

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"testing"
	"unicode/utf8"
)

// FuzzMutations changes a good token in place, by insertion, deletion, repetition and exchange. What is not the token
// itself must be refused, as a token of either kind.
func FuzzMutations(f *testing.F) {
	f.Add(uint16(0), uint8(0), []byte("e"))
	f.Add(uint16(40), uint8(1), []byte("\n"))
	f.Add(uint16(120), uint8(2), []byte("..."))
	f.Add(uint16(700), uint8(3), []byte("=="))
	f.Add(uint16(0xffff), uint8(1), []byte("="))
	f.Add(uint16(3), uint8(4), []byte{0x20})
	// The tokens are the same in every process that takes part, so that a finding can be repeated.
	var authorities []*Authority
	var accesses, refreshes []string
	for _, keys := range []*KeyRing{edRing(f, edSeed), esRing(f, esScalar), hmacRing(f, hmacSecret)} {
		config, _ := testConfig(keys)
		access := goodParts(keys, config)
		refresh := parts{replace(f, access.header, accessType, refreshType),
			replace(f, access.payload, config.Audience, config.refreshAudience())}
		authorities = append(authorities, mustNew(f, config))
		accesses = append(accesses, access.signed(f, keys))
		refreshes = append(refreshes, refresh.signed(f, keys))
		f.Add(uint16(0), uint8(5), []byte(refreshes[len(refreshes)-1]))
	}
	f.Fuzz(func(t *testing.T, at uint16, operation uint8, data []byte) {
		for i, authority := range authorities {
			good := accesses[i]
			changed := string(mutate([]byte(good), int(at), operation, data))
			if _, err := authority.VerifyAccess(good); err != nil {
				t.Fatalf("the token itself: %v", err)
			}
			if _, err := authority.VerifyAccess(changed); (err == nil) != (changed == good) {
				t.Fatalf("accepted %v: %q", err == nil, changed)
			} else if err != nil {
				callerSees(t, err)
			}
			if _, err := authority.VerifyRefresh(changed); (err == nil) != (changed == refreshes[i]) {
				t.Fatalf("accepted %v as a refresh token: %q", err == nil, changed)
			}
		}
	})
}

func mutate(token []byte, at int, operation uint8, data []byte) []byte {
	at %= len(token) + 1
	end := min(len(token), at+len(data))
	switch operation % 6 {
	case 0: // overwrite
		copy(token[at:], data)
		return token
	case 1: // insert
		return slices.Insert(token, at, data...)
	case 2: // delete
		return slices.Delete(token, at, end)
	case 3: // repeat
		return slices.Insert(token, at, token[at:end]...)
	case 4: // flip bits
		for i := at; i < end; i++ {
			token[i] ^= data[i-at]
		}
		return token
	default: // replace all
		return slices.Clone(data)
	}
}

// FuzzSignedParts signs any header and any payload with the right key, which is the furthest that a forger could get. A
// token is accepted only when a second, lenient reading of it says the same as ours.
func FuzzSignedParts(f *testing.F) {
	keys := hmacRing(f, hmacSecret) // the quicker of the two to sign and verify
	config, _ := testConfig(keys)
	good := goodParts(keys, config)
	f.Add(good.header, good.payload)
	for _, change := range payloadFaults {
		if payload := replace(f, good.payload, change[0], change[1]); len(payload) < 2000 {
			f.Add(good.header, payload)
		}
	}
	for _, header := range headerFaults {
		f.Add(header, good.payload)
	}
	f.Fuzz(func(t *testing.T, header, payload string) {
		text := parts{header, payload}.signed(t, keys)
		claims, err := mustNew(t, config).VerifyAccess(text)
		if err != nil {
			callerSees(t, err)
			return
		}
		if len(text) > MaxLength || !utf8.ValidString(header) || !utf8.ValidString(payload) {
			t.Fatal("accepted, though too long or no UTF-8")
		}
		var head map[string]string
		if err := json.Unmarshal([]byte(header), &head); err != nil || len(head) != 3 ||
			head["alg"] != "HS256" || head["typ"] != "at+jwt" || head["kid"] != keys.signingKey().id {
			t.Fatalf("accepted with the header %q: %v", header, err)
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(payload), &body); err != nil {
			t.Fatalf("accepted with the payload %q: %v", payload, err)
		}
		for name, want := range map[string]string{
			"iss": config.Issuer, "aud": config.Audience, "sub": claims.Company + "/" + claims.User, "company": claims.Company,
			"user": claims.User, "client_id": claims.KeyID, "jti": claims.ID, "family": claims.Family,
		} {
			if body[name] != want || want == "" {
				t.Fatalf("%s is %q in the payload and %q in the claims", name, body[name], want)
			}
		}
		for name, want := range map[string]int64{"exp": claims.ExpiresAt.Unix(), "iat": claims.IssuedAt.Unix()} {
			got, _ := big.NewFloat(body[name].(float64)).Int64()
			if got != want {
				t.Fatalf("%s is %v in the payload and %v in the claims", name, body[name], want)
			}
		}
		if !claims.ExpiresAt.After(epoch.Add(-config.Leeway)) || claims.IssuedAt.After(epoch.Add(config.Leeway)) {
			t.Fatalf("accepted out of its time: %+v", claims)
		}
	})
}

// FuzzVerify reads any text at all. No text but the minted ones may be accepted, and none may break the server.
func FuzzVerify(f *testing.F) {
	keys := edRing(f, edSeed)
	config, _ := testConfig(keys)
	authority := mustNew(f, config)
	good := goodParts(keys, config).signed(f, keys)
	for _, text := range textFaults(good) {
		if len(text) < 2000 {
			f.Add(text)
		}
	}
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + ".e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := authority.VerifyAccess(text); (err == nil) != (text == good) {
			t.Fatalf("accepted %v: %q", err == nil, text)
		}
		if _, err := authority.VerifyRefresh(text); err == nil {
			t.Fatalf("accepted as a refresh token: %q", text)
		}
	})
}

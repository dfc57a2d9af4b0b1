package identity

import (
	"crypto/hmac"
	"math/bits"
)

// These take the place of a company or user that does not exist, so that it costs the same work. They are inactive.
var (
	dummyCompany = &compiledCompany{company: &Company{}}
	dummyUser    = &Principal{User: &User{}}
)

// verifyCauses are the causes of a refusal, the most telling first; a fault's place is its bit in Verify.
var verifyCauses = [...]error{
	errUnknownCompany, errUnknownKey, errForeignKey, errWrongSecret, errKeyRevoked, errKeyExpired, errCompanyInactive,
	errUnknownUser, errUserInactive,
}

// Verify returns who holds an API key and its secret. An unknown company, an unknown key, a key of another company, a
// wrong secret, a revoked or expired key, an inactive company or user: each gives the same dataapi.CodeUnauthenticated
// with the cause for the log, after the same work, so that neither the answer nor its time tells which it was. Only a
// secret that its own checksum gives away is refused earlier, which tells a caller nothing new. A key whose record is
// damaged is dataapi.CodeInternal: that it is wrong would be a guess. In a store that processes share, a key that is refused may be
// one that another process has just made: so each refusal waits until that would be known, and is dataapi.CodeOverloaded where it
// cannot be. Otherwise Verify does not block.
func (d *Directory) Verify(companySlug, apiKey, apiSecret string) (Principal, error) {
	return d.verifyKey(func() string { return companySlug }, apiKey, apiSecret)
}

// VerifyKey is Verify for one who does not say which company the key is of.
func (d *Directory) VerifyKey(apiKey, apiSecret string) (Principal, error) {
	return d.verifyKey(func() string { return d.CompanyOfKey(apiKey) }, apiKey, apiSecret)
}

func (d *Directory) verifyKey(company func() string, apiKey, apiSecret string) (Principal, error) {
	if !wellFormedKeyID(apiKey) || !wellFormedSecret(apiSecret) {
		return Principal{}, refusal(errMalformed)
	}
	if err := d.keys.stale(); err != nil {
		return Principal{}, err
	}
	caller, err := d.verify(company(), apiKey, apiSecret)
	if err == nil {
		return caller, nil
	}
	if err := d.keys.catchUp(err); err != nil {
		return Principal{}, err
	}
	return d.verify(company(), apiKey, apiSecret)
}

// verify judges by what is known, always with the same work.
func (d *Directory) verify(companySlug, apiKey, apiSecret string) (Principal, error) {
	key := d.keys.find(apiKey)
	keyKnown := key != nil
	if !keyKnown {
		key = d.dummyKey
	}
	entry := (*d.companies.Load())[companySlug]
	companyKnown := entry != nil
	if !companyKnown {
		entry = dummyCompany
	}
	user := entry.users[key.User]
	userKnown := user != nil
	if !userKnown {
		user = dummyUser
	}
	presented := secretMAC(d.keys.pepper, apiKey, apiSecret)
	now := d.keys.now()
	state := key.State(now)

	// Every condition is evaluated before any decides: no early return, no short circuit.
	faults := flag(!companyKnown) | flag(!keyKnown)<<1 | flag(key.Company != companySlug)<<2 |
		flag(!hmac.Equal(presented[:], key.SecretMAC[:]))<<3 | flag(state == KeyRevoked)<<4 |
		flag(state == KeyExpired)<<5 | flag(!entry.company.Active)<<6 | flag(!userKnown)<<7 |
		flag(!user.User.Active)<<8
	if state == KeyDamaged {
		return Principal{}, damagedKey(key.ID)
	}
	if faults != 0 {
		return Principal{}, refusal(verifyCauses[bits.TrailingZeros(faults)])
	}
	key.use(now)
	caller := *user
	caller.KeyID = key.ID
	return caller, nil
}

// CompanyOfKey returns the company of a key; empty: there is no such key.
func (d *Directory) CompanyOfKey(apiKey string) string {
	if key := d.keys.find(apiKey); key != nil {
		return key.Company
	}
	return ""
}

func flag(fault bool) uint {
	if fault {
		return 1
	}
	return 0
}

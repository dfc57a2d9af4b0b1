package e2e

import (
	"maps"
	"net/http"
	"testing"
	"time"
)

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	catalog := files(engines[0])
	s := newServer(t, serverConfig{sources: engines[0].Source(t, t.TempDir(), sales).Directive(), files: catalog})
	old, access := s.CreateKeyAndLogin("acme", "integration")
	var fresh struct {
		credentials
		Name    string
		Rotated struct {
			Key       string    `json:"api_key"`
			ExpiresAt time.Time `json:"expires_at"`
		}
	}
	s.cliJSON(&fresh, "keys", "rotate", old.Key, "--overlap", "2s")
	if until := time.Until(fresh.Rotated.ExpiresAt); fresh.Rotated.Key != old.Key || until > 2*time.Second || fresh.Secret == "" {
		t.Fatalf("rotated to %+v", fresh.Rotated)
	}
	successor := s.Exchange("acme", fresh.credentials)
	s.Get(whoAmI, successor.Access).Want(http.StatusOK)
	control := s.Control()
	eventually(t, "the old key ends", patience, func() bool { return s.Get(whoAmI, access).Status == http.StatusUnauthorized })
	if late := time.Since(fresh.Rotated.ExpiresAt); late < 0 {
		t.Errorf("the old key ended %v after its time", late)
	} else {
		control.Within("the end of the old key", late, time.Second)
	}
	s.Get(whoAmI, successor.Access).Want(http.StatusOK)
	for _, args := range [][]string{{old.Key}, {"s42_none"}, {fresh.Key, "--overlap", "721h"}, {fresh.Key, "--overlap", "-1s"}} {
		if _, stderr, err := s.cli(s.admin(append([]string{"keys", "rotate"}, args...)...)...); !isExit(err) {
			t.Errorf("%v: %v, %s", args, err, stderr)
		}
	}

	// A key whose user is gone is shown as that.
	maps.Copy(catalog, map[string]string{"acme/company.yaml": "users: { powerless: {} }"})
	s.WriteCatalog("acme/company.yaml", catalog["acme/company.yaml"])
	eventually(t, "the user is gone", patience, func() bool { return s.Get(whoAmI, successor.Access).Status == http.StatusUnauthorized })
	var listed []struct {
		Key      string    `json:"api_key"`
		Missing  bool      `json:"user_missing"`
		LastUsed time.Time `json:"last_used_at"`
	}
	s.cliJSON(&listed, "keys", "list", "--company", "acme")
	if len(listed) != 2 || !listed[1].Missing || time.Since(listed[1].LastUsed) > 2*time.Minute {
		t.Errorf("listed %+v", listed)
	}
	s.stop()
	s.start()
	var again []struct {
		LastUsed time.Time `json:"last_used_at"`
	}
	s.cliJSON(&again, "keys", "list")
	if !again[1].LastUsed.Equal(listed[1].LastUsed) {
		t.Errorf("after a restart the last use is %v, before %v", again[1].LastUsed, listed[1].LastUsed)
	}
}

// cliJSON runs a command of data-api and decodes what it prints.
func (s *server) cliJSON(target any, args ...string) {
	s.T.Helper()
	answer{T: s.T, Body: []byte(s.mustCLI(append(s.admin(args...), "--json")...))}.Decode(target)
}

package e2e

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

// The server is killed at any moment of an exchange. Whether its caller got an answer or not, it can go on with what it has.
func TestRefreshSurvivesKills(t *testing.T) {
	t.Parallel()
	s := newServer(t, serverConfig{sources: engines[0].Source(t, t.TempDir(), sales).Directive(), files: files(engines[0])})
	pair := s.Login("acme", "integration")
	lost := 0
	for range 8 {
		answered := make(chan answer, 1)
		go func() {
			got, err := s.Try(t.Context(), http.MethodPost, refreshRoute, "", servertest.RefreshBody(pair.Refresh))
			if err != nil {
				got.Status = 0
			}
			answered <- got
		}()
		time.Sleep(time.Duration(rand.IntN(8_000)) * time.Microsecond)
		s.kill()
		if got := <-answered; got.Status == http.StatusOK {
			got.Decode(&pair)
		} else {
			lost++
		}
		s.start()
		pair = s.Refresh(pair.Refresh)
		s.Get(whoAmI, pair.Access).Want(http.StatusOK)
	}
	t.Logf("%d of 8 answers were lost", lost)
}

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

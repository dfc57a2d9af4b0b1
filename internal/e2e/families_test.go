package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"
)

const (
	refreshRoute = "/api/v1/auth/refresh"
	logoutRoute  = "/api/v1/auth/logout"
	whoAmI       = "/api/v1/auth/permissions"
)

func refreshBody(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }

func (s *server) refresh(token string) tokens {
	s.T.Helper()
	var pair tokens
	s.Post(refreshRoute, "", refreshBody(token)).Want(http.StatusOK).Decode(&pair)
	return pair
}

func familyServer(t *testing.T) *server {
	t.Helper()
	return newServer(t, serverConfig{sources: engines[0].Source(t, t.TempDir(), sales).Directive(), files: files(engines[0])})
}

func TestStolenRefreshTokenEndsItsFamily(t *testing.T) {
	s := familyServer(t)
	bystander := s.Login("acme", "integration")
	generations := []tokens{s.Login("acme", "integration")}
	for range 3 {
		generations = append(generations, s.refresh(generations[len(generations)-1].Refresh))
	}
	for i, pair := range generations {
		s.Get(whoAmI, pair.Access).Want(http.StatusOK)
		if i == len(generations)-2 {
			if again := s.refresh(pair.Refresh); again.Refresh != generations[i+1].Refresh || again.Access != generations[i+1].Access {
				t.Error("the previous token gives another pair than the one that it was exchanged for")
			}
		}
	}
	garbage := s.Post(refreshRoute, "", refreshBody("x")).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	stolen := s.Post(refreshRoute, "", refreshBody(generations[0].Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if !bytes.Equal(garbage.Body, stolen.Body) {
		t.Errorf("a stolen token is told apart: %s", stolen.Body)
	}
	for range 2 {
		for _, pair := range generations {
			s.Get(whoAmI, pair.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
			s.Post(refreshRoute, "", refreshBody(pair.Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		}
		s.Get(whoAmI, bystander.Access).Want(http.StatusOK)
		s.kill()
		s.start()
	}
	s.refresh(bystander.Refresh)
}

func TestHundredRefreshesAtOnce(t *testing.T) {
	s := familyServer(t)
	first := s.Login("acme", "integration")
	pairs := make([]tokens, 100)
	var group sync.WaitGroup
	for i := range pairs {
		group.Go(func() {
			got, err := s.Try(t.Context(), http.MethodPost, refreshRoute, "", refreshBody(first.Refresh))
			if err != nil || got.Status != http.StatusOK {
				t.Errorf("%d: %s, %v", got.Status, got.Body, err)
				return
			}
			got.Decode(&pairs[i])
		})
	}
	group.Wait()
	for _, pair := range pairs {
		if pair.Refresh != pairs[0].Refresh || pair.Access != pairs[0].Access {
			t.Fatal("there is more than one chain")
		}
	}
	s.Get(whoAmI, s.refresh(pairs[0].Refresh).Access).Want(http.StatusOK)
}

// The server is killed at any moment of an exchange. Whether its caller got an answer or not, it can go on with what it has.
func TestRefreshSurvivesKills(t *testing.T) {
	s := familyServer(t)
	pair := s.Login("acme", "integration")
	lost := 0
	for range 8 {
		answered := make(chan answer, 1)
		go func() {
			got, err := s.Try(t.Context(), http.MethodPost, refreshRoute, "", refreshBody(pair.Refresh))
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
		pair = s.refresh(pair.Refresh)
		s.Get(whoAmI, pair.Access).Want(http.StatusOK)
	}
	t.Logf("%d of 8 answers were lost", lost)
}

func TestLogout(t *testing.T) {
	s := familyServer(t)
	first, other := s.Login("acme", "integration"), s.Login("acme", "integration")
	second := s.refresh(first.Refresh)
	// A token that nobody gave out, an access token, and a repetition: the same answer (RFC 7009, 2.2).
	for _, token := range []string{"x", second.Access, first.Refresh, second.Refresh} {
		got := s.Post(logoutRoute, "", refreshBody(token)).Want(http.StatusNoContent)
		if len(got.Body) != 0 {
			t.Errorf("a body: %s", got.Body)
		}
	}
	for _, pair := range []tokens{first, second} {
		s.Get(whoAmI, pair.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		s.Post(refreshRoute, "", refreshBody(pair.Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	s.Get(whoAmI, other.Access).Want(http.StatusOK)
	s.refresh(other.Refresh)
	s.Get(logoutRoute, "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

func TestKeysRotate(t *testing.T) {
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
	eventually(t, "the old key ends", patience, func() bool { return s.Get(whoAmI, access).Status == http.StatusUnauthorized })
	if late := time.Since(fresh.Rotated.ExpiresAt); late < 0 {
		t.Errorf("the old key ended %v after its time", late)
	} else {
		s.Within("the end of the old key", late, time.Second)
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

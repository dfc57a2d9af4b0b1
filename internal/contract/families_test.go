package contract

import (
	"net/http"
	"sync"
	"testing"

	"github.com/solucao42/caddy-data-api/internal/server/servertest"
)

func familyServer(t *testing.T) *server {
	t.Helper()
	return newServer(t, servertest.Config{Database: engines[0].Source(t, t.TempDir(), sales), Files: files(engines[0])})
}

func TestStolenRefreshTokenEndsItsFamily(t *testing.T) {
	t.Parallel()
	s := familyServer(t)
	bystander := s.Login("acme", "integration")
	generations := []tokens{s.Login("acme", "integration")}
	for range 3 {
		generations = append(generations, s.Refresh(generations[len(generations)-1].Refresh))
	}
	for i, pair := range generations {
		s.Get(whoAmI, pair.Access).Want(http.StatusOK)
		if i == len(generations)-2 {
			if again := s.Refresh(pair.Refresh); again.Refresh != generations[i+1].Refresh || again.Access != generations[i+1].Access {
				t.Error("the previous token gives another pair than the one that it was exchanged for")
			}
		}
	}
	garbage := s.Post(refreshRoute, "", servertest.RefreshBody("x")).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	stolen := s.Post(refreshRoute, "", servertest.RefreshBody(generations[0].Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	if garbage.Text() != stolen.Text() {
		t.Errorf("a stolen token is told apart: %s", stolen.Body)
	}
	for range 2 {
		for _, pair := range generations {
			s.Get(whoAmI, pair.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
			s.Post(refreshRoute, "", servertest.RefreshBody(pair.Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		}
		s.Get(whoAmI, bystander.Access).Want(http.StatusOK)
		s.Restart()
	}
	s.Refresh(bystander.Refresh)
}

func TestHundredRefreshesAtOnce(t *testing.T) {
	t.Parallel()
	s := familyServer(t)
	first := s.Login("acme", "integration")
	pairs := make([]tokens, 100)
	var group sync.WaitGroup
	for i := range pairs {
		group.Go(func() {
			got, err := s.Try(t.Context(), http.MethodPost, refreshRoute, "", servertest.RefreshBody(first.Refresh))
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
	s.Get(whoAmI, s.Refresh(pairs[0].Refresh).Access).Want(http.StatusOK)
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := familyServer(t)
	first, other := s.Login("acme", "integration"), s.Login("acme", "integration")
	second := s.Refresh(first.Refresh)
	// A token that nobody gave out, an access token, and a repetition: the same answer (RFC 7009, 2.2).
	for _, token := range []string{"x", second.Access, first.Refresh, second.Refresh} {
		got := s.Post(logoutRoute, "", servertest.RefreshBody(token)).Want(http.StatusNoContent)
		if len(got.Body) != 0 {
			t.Errorf("a body: %s", got.Body)
		}
	}
	for _, pair := range []tokens{first, second} {
		s.Get(whoAmI, pair.Access).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
		s.Post(refreshRoute, "", servertest.RefreshBody(pair.Refresh)).Problem(http.StatusUnauthorized, "UNAUTHENTICATED")
	}
	s.Get(whoAmI, other.Access).Want(http.StatusOK)
	s.Refresh(other.Refresh)
	s.Get(logoutRoute, "").Problem(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
}

package httpapi

import (
	"log/slog"
	"net/http"

	"github.com/solucao42/caddy-data-api/internal/catalog"
	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// aboutCall says for the log whose call has failed, of which endpoint, and what the database has called it.
func aboutCall(r *http.Request, endpoint *catalog.Endpoint, err error) (about []slog.Attr) {
	if caller := callerOf(r); caller.Company != nil {
		about = append(about, slog.String("company", caller.Company.Slug), slog.String("user", caller.User.Name))
	}
	if endpoint != nil {
		about = append(about, slog.String("endpoint", endpoint.Address.String()))
	}
	if state := dataapi.SQLState(err); state != "" {
		about = append(about, slog.String("sqlstate", state))
	}
	return about
}

package jobcmd

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/solucao42/caddy-data-api/internal/admin"
	"github.com/solucao42/caddy-data-api/internal/callback"
	"github.com/solucao42/caddy-data-api/internal/cli/command"
)

// deliveries follows the pages of the list.
func deliveries(c *command.Call, state string, limit int) (found []callback.Delivery, err error) {
	after := ""
	for len(found) < limit {
		query := url.Values{"state": {state}, "after": {after}, "limit": {strconv.Itoa(min(limit-len(found), admin.MaxDeliveries))}}
		var page admin.DeliveryPage
		if _, err := c.Request(http.MethodGet, admin.DeliveriesPath+"?"+query.Encode(), nil, &page); err != nil {
			return nil, err
		}
		found = append(found, page.Deliveries...)
		if after = page.Next; after == "" {
			break
		}
	}
	return found, nil
}

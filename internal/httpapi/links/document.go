package links

import (
	"encoding/json"
	"time"

	"github.com/solucao42/caddy-data-api/internal/link"
)

// document describes a link. It has no URL: that is shown once.
type document struct {
	ID         string            `json:"link_id"`
	Name       string            `json:"name"`
	State      state             `json:"state"`
	Format     string            `json:"format"`
	Options    map[string]string `json:"options"`
	Parameters json.RawMessage   `json:"parameter_values"`
	Free       []string          `json:"free"`
	User       string            `json:"user"`
	KeyID      *string           `json:"api_key"` // null: a trusted issuer has identified the user
	CreatedAt  time.Time         `json:"created_at"`
	ExpiresAt  time.Time         `json:"expires_at"`
	Uses       *int              `json:"uses"` // null: no limit
	Used       *int              `json:"used"` // null: it is not counted
}

// state says whether a link works, as far as the link itself says it. Its maker may have lost the right to.
type state string

const (
	active  state = "active"
	expired state = "expired"
	spent   state = "used_up"
)

func (l *links) describe(about *link.Link) document {
	described := document{
		ID: about.ID, Name: about.Name, State: active, Format: about.Format, Options: about.Options, Parameters: about.Parameters,
		Free: about.Free, User: about.User, CreatedAt: about.CreatedAt, ExpiresAt: about.ExpiresAt,
	}
	if described.Options == nil {
		described.Options = map[string]string{}
	}
	if described.Free == nil {
		described.Free = []string{}
	}
	if about.KeyID != "" {
		described.KeyID = &about.KeyID
	}
	if about.Uses > 0 {
		described.Uses, described.Used = &about.Uses, &about.Used
	}
	switch {
	case !time.Now().Before(about.ExpiresAt):
		described.State = expired
	case about.Spent():
		described.State = spent
	}
	return described
}

package config

import "fmt"

// MCP configures the handler that agents talk to.
type MCP struct {
	// The path that the protocol is spoken at; PATH/NAMESPACE has the endpoints of one namespace. The default is /mcp.
	Path string `json:"path,omitempty"`

	// The largest request body in bytes. The default is 256 KiB.
	MaxBody int64 `json:"max_body,omitempty"`

	// As that of the handler that runs endpoints: the URL that callers know the API by, which agents are told.
	BaseURL string `json:"base_url,omitempty"`
}

// DefaultMCPPath is where agents are answered when the configuration does not say.
const DefaultMCPPath = "/mcp"

// SetDefaults fills in what was left out. It is idempotent.
func (m *MCP) SetDefaults() {
	setDefault(&m.Path, DefaultMCPPath)
	setDefault(&m.MaxBody, int64(DefaultMaxBody))
}

// Validate reports what is wrong with the settings; those that are left out are right.
func (m *MCP) Validate() error {
	if m.MaxBody < 0 {
		return fmt.Errorf("max_body is %d: it must be at least 1", m.MaxBody)
	}
	return checkPath("mcp", m.Path, "", DefaultMCPPath)
}

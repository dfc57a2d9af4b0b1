// Package mcp lets agents call endpoints: it speaks the Model Context Protocol (Streamable HTTP, without sessions) with the
// official SDK, and translates each call of a tool into a request of the HTTP API.
//
// A tool is an endpoint of this caller. Because a call goes the way of every other request, permissions, share contexts, rates,
// quotas, the cache, the audit log and revocation hold without code for them here. The package knows no store, no source and no
// Caddy; what it adds is brevity: an agent pays for each row that it reads, so a result is cut short, and says so in words.
//
// Start reading at [Handler.ServeHTTP], which hands a request to the SDK with the two methods that are ours, listTools and
// callTool. digest.go shortens results.
package mcp

// Package observe holds the one record of each call that everybody reads who watches the server: metrics, usage and quotas, the
// log of slow queries, the audit log, placeholders. A record is made once, where a call ends, and handed to an [Observer].
//
// It knows neither HTTP nor Caddy nor a store, and none of its observers. No record holds a secret or the value of a parameter
// that its endpoint calls sensitive. Start reading at [Call].
package observe

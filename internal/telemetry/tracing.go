package telemetry

import (
	"context"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/tracing"
)

// Traces makes the spans of jobs and callbacks, of all configurations.
var Traces = new(tracing.Provider)

// FollowTracing makes the spans of jobs and callbacks go where those of a configuration's requests do, from now on: a job that an
// earlier process has left runs before the first request comes.
func FollowTracing(configured caddy.Context) {
	Traces.Set(tracingContext(configured))
}

// tracingContext returns a context with a span of Caddy's tracing handler; without one, where there is no such handler.
//
// Caddy keeps its provider of spans to itself, and hands it out with the span of a request alone. So the handler is given a
// request that nobody has sent. Its traceparent says that the trace is not sampled, which every sampler obeys but
// always_on: there the span of this request is recorded too.
func tracingContext(configured caddy.Context) context.Context {
	found, err := configured.AppIfConfigured("http")
	if err != nil {
		return context.Background()
	}
	for _, server := range found.(*caddyhttp.App).Servers {
		if handler := findTracing(server.Routes); handler != nil {
			return spanOf(handler)
		}
	}
	return context.Background()
}

// findTracing looks for the tracing handler in routes, and in those of their subroutes.
func findTracing(routes caddyhttp.RouteList) caddyhttp.MiddlewareHandler {
	for _, route := range routes {
		for _, handler := range route.Handlers {
			if module, ok := handler.(caddy.Module); ok && module.CaddyModule().ID == "http.handlers.tracing" {
				return handler
			}
			if nested, ok := handler.(*caddyhttp.Subroute); ok {
				if handler := findTracing(nested.Routes); handler != nil {
					return handler
				}
			}
		}
	}
	return nil
}

// spanOf returns the context that a handler hands on.
func spanOf(handler caddyhttp.MiddlewareHandler) context.Context {
	const unsampled = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
	ctx := context.WithValue(context.Background(), caddy.ReplacerCtxKey, caddy.NewReplacer())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/", nil)
	if err != nil {
		return ctx
	}
	request.Header.Set("Traceparent", unsampled)
	request.Header.Set("B3", unsampled[3:52]+"-0")
	handed := request
	_ = handler.ServeHTTP(discard{}, request, caddyhttp.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) error {
		handed = r
		return nil
	}))
	return handed.Context()
}

// discard is a writer of answers that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return make(http.Header) }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

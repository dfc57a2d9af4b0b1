package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/solucao42/caddy-data-api/internal/dataapi"
)

// The handler gives the errors of others the API's form, and what nobody has answered a 404.
func TestProblemHandler(t *testing.T) {
	plain := errors.New("a database's words")
	for name, test := range map[string]struct {
		err  error
		want dataapi.Code
	}{
		"nothing before it": {nil, dataapi.CodeNotFound},
		"error 404":         {caddyhttp.Error(http.StatusNotFound, plain), dataapi.CodeNotFound},
		"error 401":         {caddyhttp.Error(http.StatusUnauthorized, plain), dataapi.CodeUnauthenticated},
		"error 403":         {caddyhttp.Error(http.StatusForbidden, plain), dataapi.CodeForbidden},
		"error 413":         {caddyhttp.Error(http.StatusRequestEntityTooLarge, plain), dataapi.CodeRequestTooLarge},
		"error 503":         {caddyhttp.Error(http.StatusServiceUnavailable, plain), dataapi.CodeOverloaded},
		"error 502":         {caddyhttp.Error(http.StatusBadGateway, plain), dataapi.CodeInternal},
		"another error":     {plain, dataapi.CodeInternal},
		"the catalogue's":   {&dataapi.Error{Code: dataapi.CodeRateLimited}, dataapi.CodeRateLimited},
	} {
		ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, map[string]any{})
		if test.err != nil {
			ctx = context.WithValue(ctx, caddyhttp.ErrorCtxKey, test.err)
		}
		recorder := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", http.NoBody)
		if err := new(ProblemHandler).ServeHTTP(recorder, request, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got struct {
			Status       int
			Code, Detail string
		}
		if err := json.Unmarshal(recorder.Body.Bytes(), &got); err != nil || got.Code != string(test.want) ||
			got.Status != recorder.Code || recorder.Code != test.want.Definition().Status || got.Detail != test.want.Definition().Detail {
			t.Errorf("%s: %d %s %v", name, recorder.Code, recorder.Body, err)
		}
	}
	for status, code := range statusCodes {
		if code.Definition().Status != status {
			t.Errorf("%d has the code %s, which is %d", status, code, code.Definition().Status)
		}
	}
}

package caddymodule

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/solucao42/caddy-data-api/internal/identity"
	"github.com/solucao42/caddy-data-api/internal/params"
	"github.com/solucao42/caddy-data-api/internal/quota"
	"github.com/solucao42/caddy-data-api/internal/ratelimit"
)

// TestEachChangeOfAUserIsTold: whatever company.yaml says of a user, the audit log tells that it has changed; a field that is
// new to User has to be added here.
func TestEachChangeOfAUserIsTold(t *testing.T) {
	plain := identity.User{Name: "ana"}
	changes := map[string]identity.User{
		"Name":         {}, // a user of another name is added
		"DisplayName":  {Name: "ana", DisplayName: "Ana"},
		"Active":       {Name: "ana", Active: true},
		"Refused":      {Name: "ana", Refused: true},
		"Subject":      {Name: "ana", Subject: "auth0|1"},
		"Basic":        {Name: "ana", Basic: true},
		"Stored":       {Name: "ana", Stored: true},
		"Policies":     {Name: "ana", Policies: []string{"DataAPIConsumer"}},
		"ShareContext": {Name: "ana", ShareContext: params.ShareContext{"city": {Minimum: json.RawMessage("5")}}},
		"Rate":         {Name: "ana", Rate: ratelimit.Limit{Count: 1, Period: time.Minute, Burst: 1}},
		"Quota":        {Name: "ana", Quota: []quota.Limit{{Count: 1, Unit: quota.Calls, Window: quota.Day}}},
		"KeyQuota":     {Name: "ana", KeyQuota: []quota.Limit{{Count: 1, Unit: quota.Rows, Window: quota.Hour}}},
	}
	for field := range reflect.TypeFor[identity.User]().Fields() {
		changed, ok := changes[field.Name]
		if !ok || describeUser(&changed) == describeUser(&plain) && field.Name != "Name" {
			t.Errorf("a change of %s is not told", field.Name)
		}
	}
}

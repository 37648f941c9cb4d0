package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

// Whatever secret a configuration may hold, and wherever it hides in an address,
// nobody is told.
func TestTellsNoSecret(t *testing.T) {
	t.Parallel()
	const planted = "planted"
	key := strings.Repeat("ab", 32)
	c := Config{
		Database:     "postgres://user:" + planted + "@db/gateway?password=" + planted,
		SecretKey:    key,
		OldSecretKey: strings.Repeat("ba", 32),
		AdminToken:   planted + "-token",
		PublicURL:    "https://video.example.com",
		OIDC:         &OIDC{Issuer: "https://id.example.com/realm", ClientID: "jimeng", ClientSecret: planted + "-client"},
		DockerHost:   "tcp://10.0.0.7:2376",
		Container:    Containers{"jimeng-api"},
	}
	s, err := c.resolve()
	if err != nil {
		t.Fatal(err)
	}
	s.upstreams = describeUpstreams(map[string]json.RawMessage{
		"jimeng": json.RawMessage(`{"driver":"free_api","url":"https://user:` + planted + `@up.example.com:8000/` + planted + `?token=` + planted + `","token":"` + planted + `"}`)})
	s.dockerHost = "tcp://user:" + planted + "@10.0.0.7:2376?" + planted
	told := map[string]string{}
	for _, setting := range s.tell() {
		told[setting.Name] = setting.Value
		for _, secret := range []string{planted, key, "baba"} {
			if strings.Contains(setting.Value, secret) {
				t.Errorf("%s tells a secret: %s", setting.Name, setting.Value)
			}
		}
	}
	for _, want := range []api.Setting{
		{Name: "admin_token", Value: "set"}, {Name: "secret_key", Value: "set"}, {Name: "upstream jimeng", Value: "free_api, https://up.example.com:8000"},
		{Name: "oidc issuer", Value: "https://id.example.com/realm"}, {Name: "docker_host", Value: "tcp://10.0.0.7:2376"},
		{Name: "poll_interval", Value: "5s"}, {Name: "container", Value: "jimeng-api"}, {Name: "retention audit", Value: "8760h0m0s"},
	} {
		if told[want.Name] != want.Value {
			t.Errorf("%s is %q, want %q", want.Name, told[want.Name], want.Value)
		}
	}
}

package api_test

import (
	"net/http"
	"testing"
)

func TestAbout(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	answer := g.json("GET", "/api/v1/about", "", http.StatusOK)
	database := answer["database"].(map[string]any)
	if database["kind"] != "SQLite" || database["size"].(float64) <= 0 || answer["version"] == "" {
		t.Errorf("about: %v", answer)
	}
	nodes := answer["nodes"].([]any)
	if self := nodes[0].(map[string]any); self["self"] != true || self["alive"] != true || self["seen_at"] == nil {
		t.Errorf("nodes: %v", nodes)
	}
}

func TestAboutIsForAdmins(t *testing.T) {
	t.Parallel()
	serve(t, nil).as("").json("GET", "/api/v1/about", "", http.StatusForbidden)
}

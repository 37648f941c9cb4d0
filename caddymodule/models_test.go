package caddymodule

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// JSON is checked as strictly as a Caddyfile.
func TestModelErrorsInJSON(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"a b":{}}`:                              `model a b: "a b" is not possible`,
		`{"x":null}`:                              "model x: must be an object",
		`{"x":{"kind":"audio"}}`:                  `model x: "audio" is not possible; allowed: video, image`,
		`{"x":{"aliases":[""]}}`:                  `model x: "" is not possible`,
		`{"x":{"ratios":["{env.R}"]}}`:            `model x: "{env.R}" is not possible`,
		`{"x":{"upstreams":{"":""}}}`:             `model x: "" is not possible`,
		`{"x":{"upstreams":{"a":"é"}}}`:           `model x: "é" is not possible`,
		`{"x":{"durations":[0]}}`:                 "model x: a duration of 0 seconds is not possible",
		`{"x":{"durations":[5,99999]}}`:           "model x: a duration of 99999 seconds",
		`{"x":{"durations":[5]},"y":{"kind":1}}`:  "cannot unmarshal number",
		`{"x":{"max_images":-1}}`:                 "model x: -1 is not possible",
		`{"x":{"credits":-1},"y":{"kind":"cat"}}`: `must not be negative; model y: "cat"`,
	} {
		var c Config
		err := json.Unmarshal([]byte(`{"models":`+text+`}`), &c)
		if err == nil {
			_, err = c.resolve()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", text, err, want)
		}
	}
}

// models are the names that a gateway lists, with their aliases.
func (g *gateway) models() (names []string) {
	g.t.Helper()
	response, body := g.get("/api/v1/models")
	var list struct {
		Models []struct {
			ID      string
			Aliases []string
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || response.StatusCode != http.StatusOK {
		g.t.Fatal(response.Status, body)
	}
	for _, m := range list.Models {
		names = append(append(names, m.ID), m.Aliases...)
	}
	return names
}

func TestReloadChangesModels(t *testing.T) {
	g := newGateway(t)
	has := func(name string, want bool) {
		t.Helper()
		if got := slices.Contains(g.models(), name); got != want {
			t.Errorf("%s is listed: %t, want %t", name, got, want)
		}
	}
	g.mustLoad("upstream simulator\nmodel jimeng-video-3.0 {\noff\n}", "")
	has("jimeng-video-3.0", false)
	const alias = "upstream simulator\nmodel jimeng-video-3.0 {\nalias cheap\n}"
	g.mustLoad(alias, "")
	has("jimeng-video-3.0", true)
	has("cheap", true)
	for options, want := range map[string]string{
		"upstream simulator\nmodel a {\nupstream nobody\n}":                        `model a: there is no upstream "nobody"; configured are: simulator`,
		"upstream simulator\nmodel jimeng-video-3.0 {\nalias seedance-2.0\n}":      `model jimeng-video-3.0: the name "seedance-2.0" already is the model jimeng-video-seedance-2.0`,
		"upstream simulator\nmodel a {\n}\nmodel b {\n}":                           "model a: no driver knows it; name an upstream that runs it, the kind, and the durations of a video; model b: ",
		"model jimeng-video-3.0 {\nupstream simulator\n}":                          "configured are: free_api",
		"upstream simulator\nmodel jimeng-video-3.0 {\ndefault_duration 3000\n\n}": "the default duration 3000 is not among the durations",
	} {
		err := g.load(g.config(options, ""))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want %s in one line", options, err, want)
		}
		has("cheap", true)
	}
	g.mustLoad("upstream simulator", "")
	has("cheap", false)
}

package api_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// find returns the item of a list that has the id.
func find(t *testing.T, list any, id string) map[string]any {
	t.Helper()
	for _, item := range list.([]any) {
		if m := item.(map[string]any); m["id"] == id {
			return m
		}
	}
	t.Fatalf("there is no %s in %v", id, list)
	return nil
}

// The list of the stock dialect has no empty members, as its clients know it.
func TestStockModels(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	list := g.json("GET", "/v1/models", "", http.StatusOK)
	if list["object"] != "list" || len(list) != 2 {
		t.Errorf("the list is %v", list)
	}
	for id, want := range map[string]string{
		seedance: `{"aliases":["seedance-2.0","seedance-2.0-pro"],"default_duration":4,"durations":[4,5,6,7,8,9,10,11,12,13,14,15],` +
			`"id":"jimeng-video-seedance-2.0","kind":"video","max_audios":12,"max_images":12,"max_materials":12,"max_videos":12,"min_materials":1,` +
			`"object":"model","owned_by":"jimeng-gateway","ratios":["1:1","4:3","3:4","16:9","9:16"],"resolutions":["480p","720p","1080p"]}`,
		"house-video": `{"aliases":["cheap"],"credits":2,"credits_per_second":0.5,"default_duration":10,"durations":[5,10],"id":"house-video","kind":"video",` +
			`"max_prompt":50,"object":"model","owned_by":"jimeng-gateway","ratios":["16:9"],"resolutions":["480p","720p","1080p"]}`,
	} {
		if got := mustJSON(t, find(t, list["data"], id)); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

// The native list has every member, and upstreams for admins.
func TestNativeModels(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	client := admin.as(`{"name":"nosy","scopes":["task:retry"]}`)
	for g, upstreams := range map[*gateway]string{admin: `,"upstreams":["jimeng"]`, client: ""} {
		list := g.json("GET", "/api/v1/models", "", http.StatusOK)
		for id, want := range map[string]string{
			"house-video": `{"aliases":["cheap"],"credits":2,"credits_per_second":0.5,"default_duration":10,"durations":[5,10],"id":"house-video","kind":"video",` +
				`"max_audios":0,"max_images":0,"max_materials":0,"max_prompt":50,"max_videos":0,"min_materials":0,"needs_prompt":false,` +
				`"ratios":["16:9"],"resolutions":["480p","720p","1080p"]` + upstreams + `}`,
			"jimeng-4.5": `{"aliases":[],"credits":null,"credits_per_second":null,"default_duration":null,"durations":[],"id":"jimeng-4.5","kind":"image",` +
				`"max_audios":0,"max_images":10,"max_materials":10,"max_prompt":null,"max_videos":0,"min_materials":0,"needs_prompt":true,` +
				`"ratios":["1:1","4:3","3:4","16:9","9:16","3:2","2:3","21:9"],"resolutions":["1k","2k","4k"]` + upstreams + `}`,
		} {
			if got := mustJSON(t, find(t, list["models"], id)); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		if members := slices.Collect(maps.Keys(list)); len(members) != 1 {
			t.Errorf("the answer has %v", members)
		}
	}
	stranger := *admin
	stranger.key = ""
	stranger.json("GET", "/api/v1/models", "", http.StatusUnauthorized)
}

// What the configuration says of a model counts for requests, by its alias too,
// and what is not among it is refused before anything is paid.
func TestConfiguredModelInARequest(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	id := g.submit(`{"model":"cheap","prompt":"a boat named cheap"}`)
	task := g.await(id, "succeeded")
	if task["model"] != "cheap" || task["duration"] != 10.0 || task["ratio"] != "16:9" {
		t.Errorf("task %v", task)
	}
	for field, body := range map[string]string{
		"duration": `{"model":"house-video","prompt":"x","duration":6}`,
		"ratio":    `{"model":"house-video","prompt":"x","ratio":"9:16"}`,
		"prompt":   `{"model":"house-video","prompt":"` + strings.Repeat("x", 51) + `"}`,
		"files":    `{"model":"cheap","prompt":"x","file_paths":["https://x.example/a.png"]}`,
		"model":    `{"model":"jimeng-4.5","prompt":"x"}`,
	} {
		answer := g.json("POST", "/v1/videos/generations", body, http.StatusBadRequest)
		if param := answer["error"].(map[string]any)["param"]; param != field {
			t.Errorf("%s: the answer blames %v: %v", body, param, answer)
		}
	}
	for _, submit := range shared.sim.Submits() {
		if submit.Prompt == "a boat named cheap" && submit.Model != "jimeng-video-3.0" {
			t.Errorf("ran as %s", submit.Model)
		}
	}
}

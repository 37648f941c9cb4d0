package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

func TestTimeline(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		_, g := own(t, databaseURL)
		a, b := g.as(`{"name":"a"}`), g.as(`{"name":"b"}`)
		a.await(a.submit(`{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`), "succeeded")
		a.await(a.submit(`{"model":"jimeng-video-3.0","prompt":"a boat [[fault:content_violation]]","duration":5}`), "failed")

		sum := func(g *gateway, query string) (created, succeeded, failed, refused float64, answer map[string]any) {
			t.Helper()
			answer = g.json("GET", "/api/v1/timeline?"+query, "", http.StatusOK)
			for _, entry := range answer["buckets"].([]any) {
				bucket := entry.(map[string]any)
				created += bucket["created"].(float64)
				succeeded += bucket["succeeded"].(float64)
				failed += bucket["failed"].(float64)
				if n, ok := bucket["errors"].(map[string]any)["content_risk"]; ok {
					refused += n.(float64)
				}
			}
			return created, succeeded, failed, refused, answer
		}
		for _, who := range []*gateway{g, a} {
			created, succeeded, failed, refused, answer := sum(who, "")
			if created != 2 || succeeded != 1 || failed != 1 || refused != 1 || answer["step"] != 900.0 || answer["partial"] != false {
				t.Errorf("%v created, %v succeeded, %v failed, %v refused: %v", created, succeeded, failed, refused, answer)
			}
			if times := answer["time_to_finish"].(map[string]any); times["samples"] != 1.0 || times["p50"] != times["p95"] || times["p50"].(float64) <= 0 {
				t.Errorf("time to finish: %v", times)
			}
		}
		if created, succeeded, _, _, answer := sum(b, "step=300"); created != 0 || succeeded != 0 || answer["step"] == 900.0 || answer["time_to_start"] != nil {
			t.Errorf("somebody else's: %v", answer)
		}
	})
}

func TestTimelineRefuses(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	now := time.Now().UTC().Format(time.RFC3339)
	for query, field := range map[string]string{
		"from=yesterday":                         "from",
		"from=" + now + "&to=" + now:             "from",
		"from=2020-01-01&to=2026-01-01":          "from",
		"from=2026-01-01&to=2026-01-02&step=172": "step",
		"to=":                                    "",
		"from=2025-01-01&to=2026-01-01":          "",
		"from=2026-01-01&to=2026-01-02&step=174": "",
	} {
		status := http.StatusOK
		if field != "" {
			status = http.StatusBadRequest
		}
		answer := g.json("GET", "/api/v1/timeline?"+query, "", status)
		if buckets, ok := answer["buckets"].([]any); ok && len(buckets) > 500 {
			t.Errorf("%s: %d buckets", query, len(buckets))
		}
	}
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		_, g := own(t, databaseURL)
		g.await(g.submit(`{"model":"jimeng-video-3.0","prompt":"a boat","duration":5}`), "succeeded")
		g.as(`{"name":"a"}`).json("GET", "/api/v1/pool/heartbeats", "", http.StatusForbidden)
		answer := g.json("GET", "/api/v1/pool/heartbeats", "", http.StatusOK)
		var well float64
		var id string
		for _, entry := range answer["sessions"].([]any) {
			session := entry.(map[string]any)
			id = session["id"].(string)
			beats := session["succeeded"].([]any)
			if len(beats) != 48 || len(session["failed"].([]any)) != 48 || len(session["error_kinds"].([]any)) != 48 {
				t.Errorf("%v", session)
			}
			for _, n := range beats {
				well += n.(float64)
			}
		}
		if well != 1 || answer["step"] != 1800.0 {
			t.Errorf("%v", answer)
		}
		if n := len(g.json("GET", "/api/v1/pool/heartbeats?sessions="+id+",nobody", "", http.StatusOK)["sessions"].([]any)); n != 1 {
			t.Errorf("%d sessions, asked for one", n)
		}
	})
}

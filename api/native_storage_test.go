package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/queue"
)

func TestStorage(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	client := admin.as("")
	id := client.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	client.await(id, "succeeded")
	client.json("GET", "/api/v1/storage", "", http.StatusForbidden)
	var answer map[string]any
	wait(t, func() bool { // the numbers are some seconds old
		answer = admin.json("GET", "/api/v1/storage", "", http.StatusOK)
		return answer["artifacts"].(float64) > 0
	})
	disk := answer["disk"].(map[string]any)
	if answer["used"].(float64) < answer["artifacts"].(float64) || answer["database"].(float64) <= 0 || answer["budget"] != nil || answer["full_at"] != nil ||
		disk["total"].(float64) < disk["free"].(float64) || disk["free"].(float64) <= 0 {
		t.Errorf("storage: %v", answer)
	}
	if retention := answer["retention"].(map[string]any); retention["artifacts"] != nil || retention["tasks"] != nil {
		t.Errorf("retention: %v", retention)
	}
	if health := client.json("GET", "/api/v1/health", "", http.StatusOK)["storage"].(map[string]any); health["state"] != answer["state"] || health["used"].(float64) <= 0 {
		t.Errorf("health: %v", health)
	}
	client.key = ""
	if health := client.json("GET", "/api/v1/health", "", http.StatusOK); health["storage"] != nil {
		t.Errorf("health for strangers: %v", health)
	}
}

// This one changes the shared engine, so it is alone.
func TestStorageTellsWhatGoesNext(t *testing.T) {
	g := serve(t, nil)
	key := g.as("")
	id := key.submit(`{"model":"jimeng-video-3.0","prompt":"a paper boat","duration":5}`)
	key.await(id, "succeeded")
	settings := shared.settings
	settings.Retention = queue.Retention{Artifacts: time.Hour, Tasks: 48 * time.Hour, Budget: 1}
	t.Cleanup(shared.queue.Configure(settings))
	answer := g.json("GET", "/api/v1/storage", "", http.StatusOK)
	if answer["state"] != "over" || answer["message"] == nil || answer["budget"] != 1.0 || answer["full_at"] == nil {
		t.Errorf("storage: %v", answer)
	}
	if retention := answer["retention"].(map[string]any); retention["artifacts"] != 3600.0 || retention["tasks"] != 172800.0 {
		t.Errorf("retention: %v", retention)
	}
	for _, entry := range answer["next"].([]any) {
		next := entry.(map[string]any)
		if next["reason"] != "budget" || next["size"].(float64) <= 0 || next["finished_at"] == nil || next["at"] == nil || next["task_id"] == "" {
			t.Errorf("next: %v", next)
		}
	}
	if len(answer["next"].([]any)) == 0 {
		t.Error("nothing goes next")
	}
}

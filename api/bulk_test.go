package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestFiltersAndBulk(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	g := admin.as(`{"name":"bulk","concurrency":1,"scopes":["video:create","task:read","task:cancel","task:retry","task:delete"]}`)
	other := admin.as("")
	foreign := other.submit(`{"model":"jimeng-video-3.0","prompt":"foreign","duration":5}`)
	failed := g.submit(`{"model":"seedance-2.0","prompt":"the Bad one @1 [[fault:content_risk@generation]]","duration":5,"file_paths":["https://files.example/boat.png"]}`)
	kind := g.await(failed, "failed")["error_kind"].(string)
	good := g.submit(`{"model":"seedance-2.0","prompt":"100%_good @1","duration":5,"file_paths":["https://files.example/boat.png"]}`)
	g.await(good, "succeeded")
	slow := g.submit(`{"model":"jimeng-video-3.0","prompt":"slow [[delay:1h]]","duration":5}`)
	for i := range 5 {
		g.submit(fmt.Sprintf(`{"model":"jimeng-video-3.0","prompt":"waiting %d","duration":5}`, i))
	}
	me := g.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
	session := g.task(good)["session_pool_id"].(string)
	if task := admin.task(good); task["key_id"] != me || task["upstream"] != "jimeng" {
		t.Errorf("whose and where: %v, %v", task["key_id"], task["upstream"])
	}
	for query, want := range map[string]int{
		"": 8, "status=failed": 1, "status=failed,succeeded": 2, "status=queued": 5, "model=seedance-2.0": 2, "model=jimeng-video-seedance-2.0": 2, "model=jimeng-video-3.0": 6, "model=none": 0,
		"error_kind=" + kind: 1, "error_kind=network": 0, "q=bad%20ONE": 1, "q=100%25_": 1, "q=nothing": 0, "q=" + good: 1,
		"key=" + me: 8, "key=someone": 0, "session=" + session + "&status=succeeded": 1, "upstream=jimeng&status=failed": 1, "upstream=no": 0,
		"kind=image": 0, "from=2020-01-01": 8, "from=2999-01-01": 0, "to=2999-01-01T00:00:00Z": 8, "to=2020-01-01": 0,
	} {
		page := g.json("GET", "/api/v1/tasks?counts=true&limit=3&"+query, "", http.StatusOK)
		n := 0
		for {
			n += len(page["tasks"].([]any))
			next, _ := page["next"].(string)
			if next == "" {
				break
			}
			page = g.json("GET", "/api/v1/tasks?counts=true&limit=3&"+query+"&cursor="+next, "", http.StatusOK)
		}
		if n != want {
			t.Errorf("%s: %d tasks, want %d", query, n, want)
		}
		if counts := page["counts"].(map[string]any); !strings.Contains(query, "status=") && counts["total"] != float64(want) {
			t.Errorf("%s: counts %v, want %d", query, counts, want)
		}
		if stats := g.json("GET", "/api/v1/stats?"+query, "", http.StatusOK); !strings.Contains(query, "status=") && stats["total"] != float64(want) {
			t.Errorf("%s: stats %v, want %d", query, stats, want)
		}
	}
	page := g.json("GET", "/api/v1/tasks?limit=1", "", http.StatusOK)
	next := page["next"].(string)
	for _, wrong := range []string{"status=failed&cursor=" + next, "cursor=x", "cursor=" + next + "A", "cursor=" + good} {
		if p := g.json("GET", "/api/v1/tasks?"+wrong, "", http.StatusBadRequest); p["code"] != "invalid_cursor" {
			t.Errorf("%s: %v", wrong, p)
		}
	}
	if p := admin.json("GET", "/api/v1/tasks?cursor="+next, "", http.StatusBadRequest); p["code"] != "invalid_cursor" {
		t.Errorf("cursor of another key: %v", p)
	}

	g.json("POST", "/api/v1/tasks/cancel", `{}`, http.StatusBadRequest)
	g.json("POST", "/api/v1/tasks/cancel", `{"filter":{"ids":[],"status":["queued"]}}`, http.StatusBadRequest)
	g.json("POST", "/api/v1/tasks/cancel", `{"filter":{"from":"yesterday"}}`, http.StatusBadRequest)
	dry := g.json("POST", "/api/v1/tasks/cancel", `{"all":true,"dry_run":true}`, http.StatusOK)
	if dry["matched"] != 6.0 || dry["running"] != 1.0 || dry["done"] != 0.0 || dry["dry_run"] != true {
		t.Errorf("dry run: %v", dry)
	}
	if g.task(slow)["status"] == "cancelled" {
		t.Fatal("the dry run cancelled")
	}
	if answer := g.json("POST", "/api/v1/tasks/cancel", `{"filter":{"q":"waiting"}}`, http.StatusOK); answer["done"] != 5.0 || answer["more"] != false {
		t.Errorf("cancel: %v", answer)
	}
	if answer := g.json("POST", "/api/v1/tasks/retry", `{"filter":{"q":"bad one"}}`, http.StatusOK); answer["done"] != 1.0 || answer["matched"] != 1.0 {
		t.Errorf("retry: %v", answer)
	}
	g.json("DELETE", "/api/v1/tasks/"+slow, "", http.StatusConflict)
	g.json("DELETE", "/api/v1/tasks/"+foreign, "", http.StatusNotFound)
	g.json("POST", "/api/v1/tasks/"+slow+"/cancel", "", http.StatusOK)
	link := g.task(good)["video_url"].(string)
	ears := g.listen("/api/v1/events", "")
	ears.next()
	g.json("DELETE", "/api/v1/tasks/"+good, "", http.StatusOK)
	e := ears.next()
	for e != nil && e.name != "task.deleted" { // the end of the retried task may come between
		e = ears.next()
	}
	if e == nil || e.data["task_id"] != good || e.data["task"] != nil {
		t.Errorf("deleted: %v", e)
	}
	g.json("GET", "/api/v1/tasks/"+good, "", http.StatusNotFound)
	g.json("GET", "/api/v1/tasks/"+good+"/history", "", http.StatusNotFound)
	if res, _ := g.do("GET", link, "", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("result of a deleted task: %s", res.Status)
	}
	if answer := g.json("POST", "/api/v1/tasks/delete", `{"filter":{"status":["cancelled","queued"]}}`, http.StatusOK); answer["done"] != 6.0 {
		t.Errorf("delete: %v", answer)
	}
	other.json("POST", "/api/v1/tasks/delete", `{"all":true}`, http.StatusForbidden)
	other.await(foreign, "succeeded")
}

func TestRetryOnce(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"retry","scopes":["video:create","task:read","task:retry","task:delete"]}`)
	id := g.submit(`{"model":"jimeng-video-3.0","prompt":"a","duration":5}`)
	second := g.submit(`{"model":"jimeng-video-3.0","prompt":"b","duration":5}`)
	g.await(id, "succeeded")
	g.await(second, "succeeded")
	retry := func(id, key string, status int) map[string]any {
		res, raw := g.do("POST", "/api/v1/tasks/"+id+"/retry", "", nil, "Idempotency-Key", key)
		return g.decode(res, raw, status)
	}
	first := retry(id, "k1", http.StatusCreated)["task"].(map[string]any)["id"]
	res, raw := g.do("POST", "/api/v1/tasks/"+id+"/retry", "", nil, "Idempotency-Key", "k1")
	if again := g.decode(res, raw, http.StatusCreated); again["task"].(map[string]any)["id"] != first || res.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("again: %v, %v", again, res.Header)
	}
	if location := res.Header.Get("Location"); location != "/api/v1/tasks/"+first.(string) {
		t.Errorf("Location: %q", location)
	}
	if p := retry(second, "k1", http.StatusUnprocessableEntity); p["code"] != "idempotency_mismatch" {
		t.Errorf("another request: %v", p)
	}
	if retry(id, "k2", http.StatusCreated)["task"].(map[string]any)["id"] == first {
		t.Error("another key gave the same task")
	}
	g.await(first.(string), "succeeded")
	g.json("DELETE", "/api/v1/tasks/"+first.(string), "", http.StatusOK)
	if p := retry(id, "k1", http.StatusGone); p["code"] != "task_deleted" {
		t.Errorf("after the task was deleted: %v", p)
	}
}

// A bulk retry that is sent again, because there is more to do or the answer was
// lost, does not buy anything twice.
func TestBulkRetriesOnce(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as(`{"name":"bulk retry","concurrency":1,"scopes":["video:create","task:read","task:cancel","task:retry","task:delete"]}`)
	g.submit(`{"model":"jimeng-video-3.0","prompt":"slow [[delay:1h]]","duration":5}`)
	for i := range 5 {
		g.submit(fmt.Sprintf(`{"model":"jimeng-video-3.0","prompt":"waiting %d","duration":5}`, i))
	}
	g.json("POST", "/api/v1/tasks/cancel", `{"filter":{"q":"waiting"}}`, http.StatusOK)
	var done atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			answer := g.json("POST", "/api/v1/tasks/retry", `{"filter":{"status":["cancelled"]}}`, http.StatusOK)
			done.Add(int64(answer["done"].(float64)))
		})
	}
	wg.Wait()
	if done.Load() != 5 {
		t.Errorf("four calls at once have retried %d tasks, want 5", done.Load())
	}
	if again := g.json("POST", "/api/v1/tasks/retry", `{"filter":{"status":["cancelled"]},"dry_run":true}`, http.StatusOK); again["matched"] != 0.0 {
		t.Errorf("another call would retry %v", again)
	}
	if queued := g.json("GET", "/api/v1/tasks?status=queued&limit=100", "", http.StatusOK)["tasks"].([]any); len(queued) != 5 {
		t.Errorf("%d tasks wait, want 5", len(queued))
	}
	g.json("POST", "/api/v1/tasks/cancel", `{"all":true}`, http.StatusOK)
}

package api_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
)

// Every answer has the id of its request, and a task that of the request that made
// it, in every dialect, also as one of many. What a client says is no id of ours.
func TestRequestIDs(t *testing.T) {
	t.Parallel()
	handler := newHandler(t, nil)
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := auth.Client{RequestID: fmt.Sprint("request-", requests.Add(1))}
		handler.ServeHTTP(w, r.WithContext(auth.WithClient(r.Context(), client)))
	}))
	t.Cleanup(server.Close)
	admin := &gateway{t: t, url: server.URL, client: server.Client(), key: adminToken}
	client := admin.as(`{"name":"asks for help","concurrency":2,"scopes":["video:create","task:read","task:cancel","task:retry"]}`)

	// newest is the task that was made last, and has the id of the answer.
	newest := func(what string, res *http.Response) (id string) {
		t.Helper()
		tasks := client.json("GET", "/api/v1/tasks?limit=1", "", http.StatusOK)["tasks"].([]any)
		task := tasks[0].(map[string]any)
		if want := res.Header.Get("X-Request-Id"); want == "" || task["request_id"] != want {
			t.Errorf("%s: the task has the request id %v, the answer %q", what, task["request_id"], want)
		}
		return task["id"].(string)
	}
	send := func(path, body string, header ...string) *http.Response {
		t.Helper()
		res, raw := client.do("POST", path, "application/json", strings.NewReader(body), header...)
		if res.StatusCode/100 != 2 {
			t.Fatalf("%s: %s %s", path, res.Status, raw)
		}
		return res
	}
	newest("images", send("/v1/images/generations", `{"prompt":"a boat","n":1}`))
	stock := newest("stock", send("/v1/videos/generations", `{"model":"jimeng-video-3.0","prompt":"a boat [[delay:1h]]"}`, "X-Request-Id", "mine"))
	newest("native", send("/api/v1/tasks", `{"model":"jimeng-video-3.0","prompt":"a boat [[delay:1h]]"}`, "X-Request-Id", "mine"))
	newest("idempotent", send("/api/v1/tasks", `{"model":"jimeng-video-3.0","prompt":"a boat [[delay:1h]]"}`, "Idempotency-Key", "once"))

	send("/api/v1/tasks/"+stock+"/cancel", "")
	newest("retry", send("/api/v1/tasks/"+stock+"/retry", ""))
	send("/api/v1/tasks/cancel", `{"filter":{"status":["queued","polling","submitting"]}}`)
	res := send("/api/v1/tasks/retry", `{"filter":{"status":["cancelled"]}}`)
	newest("many retries", res)

	for _, path := range []string{"/ping", "/nowhere", "/api/v1/tasks/none", "/api/docs"} {
		if res, _ := client.do("GET", path, "", nil, "X-Request-Id", "mine"); res.Header.Get("X-Request-Id") != fmt.Sprint("request-", requests.Load()) {
			t.Errorf("GET %s: request id %q", path, res.Header.Get("X-Request-Id"))
		}
	}
}

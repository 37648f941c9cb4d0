package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// own serves an engine of the test's own, so that nobody else is in its audit log.
func own(t *testing.T, databaseURL string) (*engine, *gateway) {
	t.Helper()
	web := httptest.NewServer(simulator.New(simulator.Config{}))
	t.Cleanup(web.Close)
	e := &engine{}
	ctx := context.WithoutCancel(t.Context())
	if err := e.start(ctx, t.TempDir(), databaseURL, web.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.stop(ctx); err != nil {
			t.Error(err)
		}
	})
	server := httptest.NewServer(e.handler(t, nil))
	t.Cleanup(server.Close)
	return e, &gateway{t: t, url: server.URL, client: server.Client(), key: adminToken}
}

type auditLine struct {
	ID         string
	Actor      struct{ Kind, ID, Name string }
	Address    string
	Action     string
	TargetKind string `json:"target_kind"`
	TargetID   string `json:"target_id"`
	Was        map[string]any
	Became     map[string]any
	Result     string
}

// audit reads all lines of the filter, the oldest first, with pages of three.
func (g *gateway) audit(filter string) (lines []auditLine) {
	g.t.Helper()
	for cursor := ""; ; {
		res, raw := g.do("GET", "/api/v1/audit?limit=3&"+filter+"&cursor="+url.QueryEscape(cursor), "", nil)
		var answer struct {
			Lines []auditLine
			Next  *string
		}
		if err := json.Unmarshal(raw, &answer); err != nil || res.StatusCode != http.StatusOK || len(answer.Lines) > 3 {
			g.t.Fatalf("audit log: %s %v %s", res.Status, err, raw)
		}
		lines = append(lines, answer.Lines...)
		if answer.Next == nil {
			slices.Reverse(lines)
			return lines
		}
		cursor = *answer.Next
	}
}

// Every change by an admin is in the log, and every one that was refused, in the
// order in which they were made; and no secret is.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, databaseURL string) {
		e, g := own(t, databaseURL)
		const secret = "planted-session-secret-0000000001"
		secrets := []string{adminToken, secret}
		var want []string
		did := func(action, target, result string) {
			want = append(want, strings.TrimSpace(action+" "+target+" "+result))
		}

		made := g.json("POST", "/api/v1/keys", `{"name":"render farm","scopes":["video:create","task:read","task:cancel"]}`, http.StatusCreated)["key"].(map[string]any)
		key, client := made["id"].(string), *g
		client.key = made["key"].(string)
		did("key.create", key, "ok")
		g.json("PATCH", "/api/v1/keys/"+key, `{"daily_quota":7}`, http.StatusOK)
		did("key.change", key, "ok")
		g.json("PATCH", "/api/v1/keys/"+key, `{"daily_quotta":7}`, http.StatusBadRequest) // huma's refusal
		did("PATCH /api/v1/keys/{id}", key, "invalid_request")
		g.json("PATCH", "/api/v1/keys/"+key, `{"daily_quota":7,"daily_quota":8}`, http.StatusBadRequest) // ours
		did("PATCH /api/v1/keys/{id}", key, "invalid_request")
		g.json("PATCH", "/api/v1/keys/nobody", `{"daily_quota":7}`, http.StatusNotFound)
		did("PATCH /api/v1/keys/{id}", "••••", "not_found")

		session := g.json("POST", "/api/v1/sessions", `{"session_id":"`+secret+`","label":"account 2"}`, http.StatusCreated)["session"].(map[string]any)["id"].(string)
		did("session.add", session, "ok")
		g.json("POST", "/api/v1/sessions", `{"session_id":"`+secret+`"}`, http.StatusConflict)
		did("POST /api/v1/sessions", "", "conflict")
		g.json("PATCH", "/api/v1/sessions/"+session, `{"slots":3}`, http.StatusOK)
		did("session.change", session, "ok")
		g.json("POST", "/api/v1/sessions/"+session+"/test", "", http.StatusOK)
		did("session.test", session, "ok")
		g.json("POST", "/api/v1/pool/probe", `{"sessions":["`+session+`"]}`, http.StatusOK)
		did("session.test", session, "ok")
		g.json("DELETE", "/api/v1/sessions/"+session, "", http.StatusOK)
		did("session.remove", session, "ok")

		// What a client does with its own tasks is in the tasks.
		theirs := client.submit(`{"model":"jimeng-video-3.0","prompt":"theirs"}`)
		client.await(theirs, "succeeded")
		client.json("POST", "/api/v1/tasks/"+theirs+"/cancel", "", http.StatusConflict)
		client.json("POST", "/api/v1/keys", `{"name":"mine"}`, http.StatusForbidden)

		task := g.submit(`{"model":"jimeng-video-3.0","prompt":"ours"}`)
		did("task.create", task, "ok")
		g.await(task, "succeeded")
		g.json("POST", "/api/v1/tasks/estimate", `{"model":`, http.StatusBadRequest) // nothing would have changed
		g.json("POST", "/api/v1/tasks", `{"model":"nothing","prompt":"p"}`, http.StatusBadRequest)
		did("POST /api/v1/tasks", "", "invalid_request")
		g.json("POST", "/api/v1/tasks/"+task+"/cancel", "", http.StatusConflict)
		did("POST /api/v1/tasks/{id}/cancel", task, "task_ended")
		again := g.json("POST", "/api/v1/tasks/"+theirs+"/retry", "", http.StatusCreated)["task"].(map[string]any)["id"].(string)
		did("task.retry", theirs, "ok")
		g.await(again, "succeeded")
		g.json("DELETE", "/api/v1/tasks/"+task, "", http.StatusOK)
		did("task.delete", task, "ok")
		g.json("POST", "/api/v1/tasks/delete", `{"filter":{"ids":["`+again+`"]},"dry_run":true}`, http.StatusOK)
		g.json("POST", "/api/v1/tasks/delete", `{"filter":{"ids":["`+again+`"]}}`, http.StatusOK)
		did("task.delete", again, "ok")
		did("task.delete_many", "", "ok")
		waiting := g.submit(`{"model":"jimeng-video-3.0","prompt":"slow [[delay:1h]]"}`)
		did("task.create", waiting, "ok")
		g.await(waiting, "submitting")
		g.json("POST", "/api/v1/tasks/"+waiting+"/cancel", "", http.StatusOK)
		did("task.cancel", waiting, "ok")

		contentType, file := form(t, part{field: "files", file: "boat.png", contentType: "image/png", content: pngFile(t)})
		res, raw := g.do("POST", "/api/v1/materials", contentType, file)
		material := g.decode(res, raw, http.StatusCreated)["materials"].([]any)[0].(map[string]any)["id"].(string)
		did("material.upload", material, "ok")
		g.json("DELETE", "/api/v1/materials/"+material, "", http.StatusOK)
		did("material.delete", material, "ok")

		other := g.as(`{"name":"second admin","scopes":["admin"]}`)
		second := g.audit("action=key.create")
		did("key.create", second[len(second)-1].TargetID, "ok")
		regenerated := other.json("POST", "/api/v1/keys/"+key+"/regenerate", "", http.StatusOK)["key"].(string)
		did("key.regenerate", key, "ok")
		other.json("DELETE", "/api/v1/keys/"+key, "", http.StatusOK)
		did("key.delete", key, "ok")

		lines := g.audit("")
		var got []string
		for _, l := range lines {
			got = append(got, strings.TrimSpace(l.Action+" "+l.TargetID+" "+l.Result))
			if l.Actor.Kind != "key" || !strings.HasPrefix(l.Address, "10.") {
				t.Errorf("%s is by %+v from %q", l.Action, l.Actor, l.Address)
			}
		}
		for i := range want { // a line without a target has one space
			want[i] = strings.Join(strings.Fields(want[i]), " ")
			if i < len(got) {
				got[i] = strings.Join(strings.Fields(got[i]), " ")
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("audit log (-want +got):\n%s", diff)
		}
		changed := lines[1]
		if diff := cmp.Diff([]any{map[string]any{"daily_quota": 0.0}, map[string]any{"daily_quota": 7.0}, "key"}, []any{changed.Was, changed.Became, changed.TargetKind}); diff != "" {
			t.Errorf("a change (-want +got):\n%s", diff)
		}
		last := lines[len(lines)-1]
		if last.Actor.ID != second[len(second)-1].TargetID || last.Actor.Name != "second admin" || last.Was["name"] != "render farm" || last.Became != nil {
			t.Errorf("the deletion: %+v", last)
		}
		if lines[0].Actor.ID != "admin" || lines[0].Became["name"] != "render farm" {
			t.Errorf("the creation: %+v", lines[0])
		}

		// Filters.
		for filter, n := range map[string]int{
			"action=key.": 5, "action=key.change": 1, "action=key": 0, "target=" + key: 6, "actor=" + last.Actor.ID: 2, "result=invalid_request": 3,
			"q=RENDER": 2, "q=" + session + "&action=session.": 5, "since=2100-01-01": 0, "until=2100-01-01&action=task.cancel": 1, "until=2020-01-01": 0,
		} {
			if found := g.audit(filter); len(found) != n {
				t.Errorf("%s: %d lines, want %d", filter, len(found), n)
			}
		}
		first := g.json("GET", "/api/v1/audit?limit=1", "", http.StatusOK)["next"].(string)
		if problem := g.json("GET", "/api/v1/audit?action=key.&cursor="+url.QueryEscape(first), "", http.StatusBadRequest); problem["code"] != "invalid_cursor" {
			t.Errorf("the cursor of another filter: %v", problem)
		}
		if g.json("GET", "/api/v1/audit?since=yesterday", "", http.StatusBadRequest)["code"] != "invalid_request" {
			t.Error("a wrong moment is taken")
		}
		if problem := g.as(`{"name":"reader","scopes":["task:read","task:all"]}`).json("GET", "/api/v1/audit", "", http.StatusForbidden); problem["code"] != "missing_scope" {
			t.Errorf("a client may read it: %v", problem)
		}
		// Nobody changes a line.
		for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
			for _, path := range []string{"/api/v1/audit", "/api/v1/audit/" + last.ID} {
				if res, raw := g.do(method, path, "", nil); res.StatusCode != http.StatusMethodNotAllowed && res.StatusCode != http.StatusNotFound {
					t.Errorf("%s %s: %s %s", method, path, res.Status, raw)
				}
			}
		}

		// The files have all lines, however many there are.
		res, raw = g.do("GET", "/api/v1/audit?format=jsonl&action=session.", "", nil)
		if res.Header.Get("Content-Type") != "application/jsonl" || res.Header.Get("Content-Disposition") != `attachment; filename="audit.jsonl"` || bytes.Count(raw, []byte("\n")) != 5 {
			t.Errorf("lines: %v %s", res.Header, raw)
		}
		for scan := bufio.NewScanner(bytes.NewReader(raw)); scan.Scan(); {
			if line := new(auditLine); json.Unmarshal(scan.Bytes(), line) != nil || line.TargetID != session {
				t.Errorf("line %s", scan.Bytes())
			}
		}
		res, raw = g.do("GET", "/api/v1/audit?format=csv", "", nil)
		table, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
		if err != nil || len(table) != len(want)+2 || res.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
			t.Errorf("table: %v, %d rows, %v", res.Header, len(table), err)
		}

		secrets = append(secrets, client.key, other.key, regenerated)
		for _, s := range slices.Clone(secrets) {
			secrets = append(secrets, auth.Hash(s))
		}
		rows, err := e.store.SQL().QueryContext(t.Context(), "SELECT actor_id, actor_name, action, target_id, was, became, result FROM audit")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		n := 0
		for ; rows.Next(); n++ {
			var cells [7]string
			if err := rows.Scan(&cells[0], &cells[1], &cells[2], &cells[3], &cells[4], &cells[5], &cells[6]); err != nil {
				t.Fatal(err)
			}
			for _, s := range secrets {
				if text := fmt.Sprint(cells); strings.Contains(text, s) {
					t.Errorf("a secret is in %s", text)
				}
			}
		}
		if err := rows.Err(); err != nil || n != len(want)+1 {
			t.Errorf("%d rows, %v", n, err)
		}
	})
}

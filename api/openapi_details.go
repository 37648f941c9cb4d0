package api

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/auth"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// detail is what the types of an operation do not tell of it.
type detail struct {
	codes   []string // error codes beside those that codesOf knows
	headers []string // of a successful answer
	request any      // an example
	answer  any      // an example
}

// details has a line for every route; a test holds the examples against the
// schemas.
var details = map[string]detail{
	"GET /ping":      {},
	"GET /livez":     {},
	"GET /readyz":    {},
	"GET /v1/models": {answer: modelList{Object: "list", Data: []modelItem{{exampleModel, "model", "jimeng-gateway"}}}},
	"POST /v1/videos/generations": {codes: waitCodes, headers: createHeaders, answer: exampleAccepted,
		request: example(`{"model":"jimeng-video-seedance-2.0","prompt":"@1 drifts over the pond at dusk","duration":5,"ratio":"16:9","file_paths":["https://example.com/boat.png"]}`)},
	"POST /v1/video/generations": {codes: waitCodes, headers: createHeaders, answer: exampleAccepted,
		request: example(`{"model":"jimeng-video-3.0","prompt":"a paper boat on a pond","duration":5}`)},
	"POST /v1/images/generations": {codes: append([]string{"invalid_size"}, waitCodes...), headers: createHeaders, answer: exampleResult,
		request: example(`{"model":"jimeng-4.5","prompt":"a paper boat on a pond","size":"2048x2048","n":2}`)},
	"POST /v1/images/compositions": {codes: append([]string{"invalid_size"}, waitCodes...), headers: createHeaders, answer: exampleResult,
		request: example(`{"model":"jimeng-4.5","prompt":"@1 on the pond of @2","images":["https://example.com/boat.png","mat_01k9tz4r6q8w2e5y7v1j3m0p9a"]}`)},
	"POST /api/v1/tasks": {codes: createCodes, headers: createHeaders, answer: taskAnswer{exampleQueued},
		request: example(`{"model":"jimeng-video-seedance-2.0","prompt":"@1 drifts over the pond at dusk","duration":5,"ratio":"16:9","files":[{"url":"https://example.com/boat.png"}]}`)},
	"POST /api/v1/tasks/estimate": {codes: []string{"too_many_files", "disk_full"}, answer: exampleEstimate,
		request: example(`{"model":"jimeng-video-seedance-2.0","prompt":"@1 drifts over the pond at dusk","duration":5,"materials":[{"kind":"image"}]}`)},
	"GET /api/v1/materials": {answer: listMaterialsAnswer{Materials: exampleMaterials.Materials}},
	"POST /api/v1/materials": {codes: []string{"too_many_files", "disk_full", "fetch_failed", "host_unresolved"}, answer: exampleMaterials,
		request: example(`{"data":"data:image/png;base64,iVBORw0KGgo=","filename":"boat.png"}`)},
	"GET /api/v1/materials/{id}":    {answer: materialAnswer{exampleMaterials.Materials[0]}},
	"DELETE /api/v1/materials/{id}": {codes: []string{"material_in_use"}, answer: okAnswer{true}},
	"GET /v1/materials/{id}":        {codes: fileCodes, headers: fileHeaders},

	"GET /v1/artifacts/{task}/{number}": {codes: append([]string{"artifact_not_ready", "artifact_expired"}, fileCodes...), headers: fileHeaders},
	"GET /v1/materials/{task}/{number}": {codes: fileCodes, headers: fileHeaders},

	"POST /auth/key": {codes: []string{"too_large", "invalid_key", "disabled_key", "expired_key", "rotated_key", "too_many_wrong_keys", "address_not_allowed", "cross_origin", "loopback_only", "unavailable"}, headers: []string{"Set-Cookie"},
		request: example(`{"key":"gw_0f6e5b1c4a7d49d38c2b9e1f7a3d5c60"}`), answer: exampleSignedIn},
	"GET /auth/me":      {answer: exampleSignedIn},
	"POST /auth/logout": {codes: []string{"cross_origin", "unavailable"}, headers: []string{"Set-Cookie"}, answer: signedOut{"https://id.example.com/logout?client_id=jimeng&post_logout_redirect_uri=https%3A%2F%2Fvideo.example.com%2F"}},
	"GET /auth/login":   {codes: []string{"no_single_sign_on", "provider_unavailable"}, headers: []string{"Set-Cookie"}},

	"GET /auth/callback":            {codes: []string{"no_single_sign_on"}, headers: []string{"Set-Cookie"}},
	"POST /auth/backchannel-logout": {codes: []string{"no_single_sign_on", "provider_unavailable", "invalid_logout_token", "unsupported_media_type", "unavailable"}},

	"GET /api/v1/sign-ins":           {codes: []string{"missing_scope"}, answer: signInsAnswer{[]*signInView{exampleSignIn}}},
	"DELETE /api/v1/sign-ins":        {codes: []string{"missing_scope"}, answer: endSignInsAnswer{2}},
	"DELETE /api/v1/sign-ins/{id}":   {answer: okAnswer{true}},
	"GET /api/v1/people":             {answer: peopleAnswer{[]*personView{examplePerson}}},
	"GET /api/v1/admin/oidc/preview": {codes: []string{"no_single_sign_on"}, answer: previewAnswer{new("operator"), `roles has "operator"`}},

	"GET /api/openapi.json": {headers: []string{"ETag", "Cache-Control"}},
	"GET /api/docs":         {headers: []string{"ETag", "Cache-Control"}},

	"GET /api/v1/timeline": {answer: exampleTimeline},
	"GET /api/v1/health":   {answer: exampleHealth},
	"GET /api/v1/models":   {answer: modelsAnswer{[]*modelView{modelViewOf(&queue.Model{Model: exampleModel})}}},
	"GET /api/v1/storage":  {answer: exampleStorage},
	"GET /api/v1/me":       {answer: meAnswer{Key: exampleKey, Today: todayUsage{Requests: 412, Tasks: 38, Remaining: 162, Credits: 190, EndsAt: *after(14*time.Hour + 30*time.Minute)}}},
	"GET /api/v1/stats":    {answer: exampleCounts},
	"GET /api/v1/usage":    {headers: downloadHeaders, answer: exampleUsage},
	"GET /api/v1/audit":    {codes: []string{"invalid_cursor"}, headers: downloadHeaders, answer: exampleAudit},
	"GET /api/v1/about":    {answer: exampleAbout},

	"POST /api/v1/secrets/rotate": {codes: []string{"conflict"}, answer: rotateAnswer{OK: true, Sealed: 14}},

	"GET /api/v1/tasks":              {codes: []string{"invalid_cursor"}, answer: listTasksAnswer{Tasks: []*taskView{exampleTask}, Next: new("MDFrOXR6NHI2cTh3MmU1eTd2MWozbTBwOWE9Zt8Q6rKBxA")}},
	"GET /api/v1/tasks/{id}":         {answer: taskAnswer{exampleTask}},
	"DELETE /api/v1/tasks/{id}":      {codes: []string{"task_not_ended"}, answer: okAnswer{true}},
	"GET /api/v1/tasks/{id}/history": {answer: exampleHistory},
	"GET /api/v1/tasks/{id}/events":  {headers: eventHeaders},
	"GET /api/v1/status/stream":      {headers: eventHeaders},
	"GET /api/v1/events":             {headers: eventHeaders},
	"POST /api/v1/tasks/{id}/cancel": {codes: []string{"task_ended"}, answer: cancelAnswer{OK: true, Money: "stopped", Task: exampleCancelled}},
	"POST /api/v1/tasks/{id}/retry":  {codes: []string{"task_not_ended", "daily_quota_exceeded", "credit_budget_exceeded", "model_not_allowed", "idempotency_mismatch", "task_deleted"}, answer: retryAnswer{Task: exampleQueued, RetryOf: exampleID}},
	"POST /api/v1/tasks/cancel": {request: example(`{"filter":{"status":["queued"],"model":["jimeng-video-3.0"]}}`),
		answer: bulkAnswer{Matched: 214, Done: 213, Skipped: 1, Failures: []bulkFailure{}}},
	"POST /api/v1/tasks/retry": {request: example(`{"filter":{"error_kind":["network"],"from":"2026-11-12"},"dry_run":true}`),
		answer: bulkAnswer{DryRun: true, Matched: 17, Failures: []bulkFailure{}}},
	"POST /api/v1/tasks/delete": {request: example(`{"filter":{"to":"2026-10-01"}}`),
		answer: bulkAnswer{Matched: 10000, Done: 9999, Failed: 1, More: true, Failures: []bulkFailure{{exampleID, "task_not_ended", "The task has not ended yet, cancel it first."}}}},

	"GET /api/v1/logs":            {codes: []string{"logs_unavailable", "not_found"}, answer: exampleLogs},
	"GET /api/v1/logs/stream":     {codes: []string{"not_found"}, headers: []string{"Cache-Control"}},
	"GET /api/v1/logs/download":   {codes: []string{"logs_unavailable", "not_found"}, headers: downloadHeaders},
	"GET /api/v1/tasks/{id}/logs": {answer: exampleTaskLogs},
	"GET /api/v1/containers":      {answer: exampleContainers},

	"POST /api/v1/containers/{name}/restart": {codes: []string{"restart_off", "logs_unavailable"}, answer: okAnswer{true}},

	"GET /api/v1/tasks/{id}/explain": {answer: exampleExplanation},

	"GET /api/v1/pool":        {answer: examplePool},
	"POST /api/v1/pool/probe": {codes: []string{"not_found"}, answer: exampleProbes, request: example(`{"sessions":["` + exampleSessionID + `"]}`)},

	"GET /api/v1/pool/heartbeats": {answer: exampleHeartbeats},

	"GET /api/v1/sessions": {answer: sessionsAnswer{[]*sessionView{exampleSession}}},
	"POST /api/v1/sessions": {codes: []string{"conflict"}, answer: sessionAnswer{exampleSession},
		request: example(`{"session_id":"3f0c2a9be77d41d5a6a1f2c4d8e90b17","label":"account 1","slots":2}`)},
	"GET /api/v1/sessions/{id}": {answer: sessionAnswer{exampleSession}},
	"PATCH /api/v1/sessions/{id}": {answer: changeSessionAnswer{true, true, exampleSession},
		request: example(`{"label":"account 1","slots":3}`)},
	"DELETE /api/v1/sessions/{id}":    {codes: []string{"session_busy"}, answer: okAnswer{true}},
	"POST /api/v1/sessions/{id}/test": {answer: testAnswer{true, "The login is valid; 860 credits are left."}},
	"POST /api/v1/sessions/{id}/cool": {codes: []string{"session_out_of_service"}, answer: sessionAnswer{exampleSession},
		request: example(`{"seconds":1800,"reason":"the account is used by hand"}`)},
	"POST /api/v1/sessions/{id}/bring-back": {codes: []string{"session_out_of_service"},
		answer: bringBackAnswer{"half_open", "One attempt will decide whether it works again.", exampleSession}},
	"POST /api/v1/sessions/import": {answer: importSessionsAnswer{1, []importResult{{Result: "added", Session: exampleSession}, {Result: "known"}}},
		request: example(`{"sessions":[{"session_id":"3f0c2a9be77d41d5a6a1f2c4d8e90b17","label":"account 1"},{"session_id":"b81d5c0e9a7f4d2fa01c3e5b7d9f1a2c"}],"slots":2}`)},

	"GET /api/v1/keys": {answer: keysAnswer{[]*keyView{exampleKey}}},
	"POST /api/v1/keys": {answer: keyAnswer{withSecret(exampleKey)},
		request: example(`{"name":"render farm","scopes":["video:create","task:read","task:cancel"],"daily_quota":200,"rate_limit":600,"networks":["192.0.2.0/24"],"credits_per_day":1000,"metadata":{"team":"film"}}`)},
	"GET /api/v1/keys/{id}": {answer: keyAnswer{exampleKey}},
	"PATCH /api/v1/keys/{id}": {answer: changeKeyAnswer{true, exampleKey},
		request: example(`{"daily_quota":200,"expires_at":null}`)},
	"DELETE /api/v1/keys/{id}":          {answer: okAnswer{true}},
	"POST /api/v1/keys/{id}/regenerate": {answer: regenerateAnswer{exampleSecret, exampleSecret[:11], after(24 * time.Hour)}, request: example(`{"grace":86400}`)},
}

var (
	createCodes = []string{"too_large", "too_many_files", "unsupported_media_type", "body_timeout", "daily_quota_exceeded", "credit_budget_exceeded",
		"model_not_allowed", "priority_not_allowed", "disk_full",
		"idempotency_mismatch", "task_deleted", "material_gone", "fetch_failed", "host_unresolved"}
	waitCodes       = slices.Concat(createCodes, resultCodes)
	createHeaders   = []string{"Location", "Idempotency-Replayed"}
	fileCodes       = []string{"link_expired", "link_invalid", "unavailable"}
	eventHeaders    = []string{"Cache-Control"}
	downloadHeaders = []string{"Content-Disposition"}
	fileHeaders     = []string{"ETag", "Cache-Control", "Content-Disposition", "Accept-Ranges"}
)

const (
	exampleID        = "01k9tz4r6q8w2e5y7v1j3m0p9a"
	exampleKeyID     = "01K9TV8H2G4F6D8S0A1Q3W5E7R"
	exampleSessionID = "ses_01k9txw3b5n7m9v1c3x5z7k9kj"
	exampleSecret    = "gw_0f6e5b1c4a7d49d38c2b9e1f7a3d5c60"
	examplePoster    = "https://video.example.com/v1/artifacts/" + exampleID + "/1?expires=1794668400&signature=c04d…"
	exampleLink      = "https://video.example.com/v1/artifacts/" + exampleID + "/0?expires=1794668400&signature=7b1f…"
)

var exampleTime = time.Date(2026, 11, 12, 9, 30, 0, 0, time.UTC)

// example is a request as a client writes it.
func example(request string) any { return json.RawMessage(request) }

func after(d time.Duration) *time.Time { return new(exampleTime.Add(d)) }

var exampleForm = example(`{"model":"jimeng-video-seedance-2.0","prompt":"@1 drifts over the pond","duration":5,"files":["boat.png"]}`)

var exampleAccepted = accepted{
	Message: "Task queued",
	Data:    []acceptedData{{exampleID, store.Queued}},
	Task:    acceptedTask{exampleID, store.Queued, "/api/v1/tasks/" + exampleID},
}

var exampleResult = stockResult{Created: exampleTime.Unix(), Data: []stockItem{{exampleLink, "a paper boat on a pond"}}}

var exampleMaterials = materialsAnswer{[]*materialItem{{
	ID: "mat_01k9tz4r6q8w2e5y7v1j3m0p9a", Kind: "image", Name: new("boat.png"), ContentType: "image/png", Size: 182044,
	SHA256: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", Width: new(1024), Height: new(768),
	CreatedAt: after(0), UsedAt: after(0), URL: "https://video.example.com/v1/materials/mat_01k9tz4r6q8w2e5y7v1j3m0p9a?expires=1794668400&signature=7b1f…",
}}}

var exampleModel = upstream.Model{
	ID: "jimeng-video-seedance-2.0", Aliases: []string{"seedance-2.0"}, Kind: upstream.Video, Durations: []int{4, 5, 8, 10, 15}, DefaultDuration: 4,
	Ratios: []string{"16:9", "9:16", "1:1"}, Resolutions: []string{"720p"}, MaxPrompt: 2000, MinMaterials: 1, MaxMaterials: 5,
}

var exampleSignedIn = signedIn{Authenticated: true, AuthEnabled: true, Kind: new("key"), Name: "render farm", Prefix: exampleSecret[:11],
	Scopes: auth.DefaultScopes, SingleSignOn: new("Company login")}

var exampleSignIn = &signInView{
	ID: "sgn_01k9txw3b5n7m9v1c3x5z7k9kj", Kind: "person", Owner: examplePerson.ID, Name: examplePerson.Name, Role: examplePerson.Role,
	Address: new("192.0.2.7"), UserAgent: new("Mozilla/5.0 (X11; Linux x86_64)"), CreatedAt: after(-time.Hour), SeenAt: after(0),
	ExpiresAt: after(167 * time.Hour), Current: true,
}

var examplePerson = &personView{
	ID: "person-5f1d0c9be2a74d3881c6", Name: "Ann Lee", Email: new("ann@example.com"), Role: new("operator"), Issuer: "https://id.example.com",
	Subject: "0f6e5b1c", CreatedAt: after(-720 * time.Hour), SeenAt: after(0),
}

var exampleCounts = &taskCounts{Total: 12480, Queued: 214, Running: 38, Submitting: 2, Polling: 34, Downloading: 2, Succeeded: 12004, Failed: 141, Cancelled: 83}

var exampleStorage = storageAnswer{
	StorageBrief: StorageBrief{Used: 812_000_000_000, Budget: new(int64(1_000_000_000_000)), State: "ok"},
	Artifacts:    790_000_000_000, Materials: 22_000_000_000,
	Retention: retentionView{Artifacts: new(int64(30 * 24 * 60 * 60))},
	Database:  1_400_000_000,
	Disk:      &diskView{Free: 610_000_000_000, Total: 2_000_000_000_000}, FullAt: after(240 * time.Hour),
	Next: []leavingView{{TaskID: exampleID, Reason: "age", Size: 4860153, FinishedAt: after(-720 * time.Hour), At: after(time.Hour)}},
}

var exampleTimeline = timelineAnswer{
	From: exampleTime, To: exampleTime.Add(15 * time.Minute), Step: 900,
	Buckets: []*bucketView{{At: exampleTime, Created: 41, Succeeded: 36, Failed: 2, Errors: map[string]int64{"content_risk": 1, "network": 1}}},
	Start:   &timesView{12.4, 96, 38}, Finish: &timesView{104.2, 310.5, 36},
}

var exampleHeartbeats = heartbeatsAnswer{
	From: exampleTime, Step: 1800, Sessions: []*heartbeatView{{ID: exampleSessionID, Succeeded: []int64{4, 3}, Failed: []int64{0, 1}, ErrorKinds: []*string{nil, new("rate_limited")}}},
}

var exampleQueued = &taskView{
	ID: exampleID, KeyID: exampleKeyID, Status: store.Queued, Kind: "video", Model: "jimeng-video-seedance-2.0", Prompt: "@1 drifts over the pond at dusk",
	Duration: new(5), Ratio: new("16:9"), Artifacts: []artifactView{},
	Materials: []materialView{{Kind: "image", URL: "https://example.com/boat.png"}}, RequestID: new("3d9a6f0e-51c7-4b1e-9c55-0d8c2f7e4a11"),
	CreatedAt: after(0), UpdatedAt: after(0), StartDeadline: after(24 * time.Hour), Deadline: after(48 * time.Hour),
}

var exampleTask = func() *taskView {
	t := *exampleQueued
	t.Status, t.Upstream, t.SessionPoolID, t.HistoryRecordID = store.Succeeded, new("free_api"), new(exampleSessionID), new("4721984402178")
	t.VideoURL = new(exampleLink)
	t.PosterURL = new(examplePoster)
	t.Artifacts = []artifactView{
		{Kind: "video", Ready: true, ContentType: new("video/mp4"), Size: new(int64(4812033)), SHA256: new("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
			Width: new(1280), Height: new(720), Length: new(5.04), URL: new(exampleLink), ExpiresAt: after(720 * time.Hour)},
		{Kind: "image", Poster: true, Ready: true, ContentType: new("image/jpeg"), Size: new(int64(48120)), SHA256: new("1f0b822cd15d6c15b0f00a089f86d081884c7d659a2feaa0c55ad015a3bf4f1b"),
			Width: new(1280), Height: new(720), URL: new(examplePoster), ExpiresAt: after(720 * time.Hour)},
	}
	t.StartedAt, t.FinishedAt, t.UpdatedAt = after(2*time.Second), after(102*time.Second), after(102*time.Second)
	return &t
}()

var exampleCancelled = func() *taskView {
	t := *exampleQueued
	t.Status, t.Money, t.FinishedAt, t.UpdatedAt = store.Cancelled, new("stopped"), after(time.Minute), after(time.Minute)
	return &t
}()

var exampleHistory = historyAnswer{
	History: []historyView{
		{Seq: 90412, At: after(0), What: "created", Status: store.Queued},
		{Seq: 90420, At: after(2 * time.Second), What: "admitted", Status: store.Submitting, Waited: new(2.1), Attempt: new(1), Upstream: new("free_api"), SessionPoolID: new(exampleSessionID)},
		{Seq: 90423, At: after(3 * time.Second), What: "accepted", Status: store.Polling, Attempt: new(1), Upstream: new("free_api"), SessionPoolID: new(exampleSessionID)},
		{Seq: 90561, At: after(102 * time.Second), What: "ended", Status: store.Succeeded},
	},
	Attempts: []attemptView{{Attempt: 1, Upstream: "free_api", SessionPoolID: exampleSessionID, State: "accepted", HistoryRecordID: new("4721984402178"),
		AdmittedAt: after(2 * time.Second), SentAt: after(2 * time.Second), SettledAt: after(3 * time.Second)}},
}

var exampleSession = &sessionView{
	ID: exampleSessionID, Upstream: "free_api", Label: "account 1", SessionID: "3f0c…0b17", Enabled: true, State: store.Ready,
	Slots: 2, Running: 1, Credits: new(int64(860)), CreditsExpire: after(60 * time.Hour), Succeeded: 431, Failed: 6,
	CreatedAt: after(-900 * time.Hour), UpdatedAt: after(0), LastUsedAt: after(0), ProbedAt: after(-time.Hour),
}

var exampleKey = &keyView{
	ID: exampleKeyID, Name: "render farm", Prefix: exampleSecret[:11], Scopes: auth.DefaultScopes, Enabled: true,
	RateLimit: 600, DailyQuota: 200, Weight: 1, MaxPriority: 100, Models: []string{}, Networks: []string{"192.0.2.0/24"}, CreditsPerDay: 1000, Metadata: object{json.RawMessage(`{"team":"film"}`)},
	CreatedAt: after(-720 * time.Hour), UpdatedAt: after(-720 * time.Hour), LastUsedAt: after(-time.Minute),
}

func withSecret(k *keyView) *keyView {
	made := *k
	made.Key = exampleSecret
	return &made
}

var exampleAbout = aboutAnswer{
	Version: "0.1.0", StartedAt: after(-72 * time.Hour), DataDir: "/var/lib/jimeng",
	Build:    buildView{Commit: new("0f6e5b1c4a7d49d38c2b9e1f7a3d5c600f6e5b1c"), CommitAt: after(-96 * time.Hour), Go: "go1.26.0", Caddy: "v2.11.0", Platform: "linux/amd64"},
	Database: databaseView{"SQLite", new(int64(48_201_728))},
	Nodes:    []nodeView{{"node_01k9txw3b5n7m9v1c3x5z7k9kj", true, true, after(0)}},
	Settings: []Setting{{"auth", "on"}, {"poll_interval", "5s"}, {"upstream jimeng", "free_api, http://127.0.0.1:8000"}},
}

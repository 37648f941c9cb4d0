package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestDocument(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	g.key = ""
	res, raw := g.do("GET", "/api/openapi.json", "", nil)
	document := g.decode(res, raw, http.StatusOK)
	if document["openapi"] != "3.1.0" || res.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(res.Header.Get("Cache-Control"), "public") {
		t.Errorf("document %v, header %v", document["openapi"], res.Header)
	}
	etag := res.Header.Get("ETag")
	if res, _ := g.do("GET", "/api/openapi.json", "", nil, "If-None-Match", etag); etag == "" || res.StatusCode != http.StatusNotModified {
		t.Errorf("again with %q: %s", etag, res.Status)
	}
	if res, raw := g.do("HEAD", "/api/openapi.json", "", nil); res.StatusCode != http.StatusOK || len(raw) != 0 {
		t.Errorf("HEAD: %s", res.Status)
	}
	for what, want := range map[string]string{
		"the limits that are configured": "12 materials and 300 MiB together",
		"its own address":                "/api/openapi.json",
	} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("the document does not tell %s", what)
		}
	}
	for _, name := range []string{"View\"", "InputBody", "$schema"} {
		if strings.Contains(string(raw), name) {
			t.Errorf("the document shows names of the code: %s", name)
		}
	}
}

var updateDocument = flag.Bool("update-document", false, "write web/openapi.json anew")

// The dashboard's types are made of the document, so that a field that is renamed
// here breaks its build. Write it anew with
//
//	go test ./api -run TestDashboardsDocument -update-document
func TestDashboardsDocument(t *testing.T) {
	t.Parallel()
	const file = "../web/openapi.json"
	g := serve(t, nil)
	_, raw := g.do("GET", "/api/openapi.json", "", nil)
	var document bytes.Buffer
	if err := json.Indent(&document, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	document.WriteByte('\n')
	if *updateDocument {
		if err := os.WriteFile(file, document.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if known, err := os.ReadFile(file); err != nil || !bytes.Equal(known, document.Bytes()) {
		t.Errorf("web/openapi.json is not what the API says (%v): go test ./api -run TestDashboardsDocument -update-document", err)
	}
}

// The page runs no scripts, loads nothing, and all its links lead somewhere.
func TestDocumentPage(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	g.key = ""
	res, raw := g.do("GET", "/api/docs", "", nil)
	page := string(raw)
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("page: %s %v", res.Status, res.Header)
	}
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(page)
	if style == nil {
		t.Fatal("no style")
	}
	sum := sha256.Sum256([]byte(style[1]))
	if policy := res.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'") || !strings.Contains(policy, "default-src 'none'") {
		t.Errorf("policy %q does not allow the style", policy)
	}
	if found := regexp.MustCompile(`<script|<img|<link| style=| on[a-z]+=|ZgotmplZ|%!`).FindString(page); found != "" {
		t.Errorf("the page has %q", found)
	}
	ids := map[string]int{}
	for _, id := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(page, -1) {
		ids[id[1]]++
	}
	for id, n := range ids {
		if n > 1 {
			t.Errorf("the id %s is there %d times", id, n)
		}
	}
	for _, link := range regexp.MustCompile(`href="#([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[link[1]] == 0 {
			t.Errorf("a link leads to #%s, which is not there", link[1])
		}
	}
	// The type of an error is the address of its explanation.
	problem := g.json("GET", "/api/v1/tasks", "", http.StatusUnauthorized)
	if address, id, _ := strings.Cut(problem["type"].(string), "#"); address != "/api/docs" || ids[id] != 1 {
		t.Errorf("the type %v leads nowhere", problem["type"])
	}
}

// A method that a path does not have, and what every path has.
func TestMethods(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"HEAD", "/api/v1/tasks", 200, ""},
		{"HEAD", "/v1/models", 200, ""},
		{"HEAD", "/ping", 200, ""},
		{"HEAD", "/api/v1/events", 200, ""},
		{"HEAD", "/api/v1/tasks/nope", 404, ""},
		{"PUT", "/api/v1/tasks/x", 405, "GET, HEAD, DELETE"},
		{"DELETE", "/api/v1/keys", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/api/v1/keys/x", 204, "GET, HEAD, PATCH, DELETE, OPTIONS"},
		{"OPTIONS", "/api/v1/tasks/cancel", 204, "POST, OPTIONS"},
		{"PUT", "/api/v1/tasks/cancel", 405, "POST"},
		{"OPTIONS", "/api/v1/nothing", 404, ""},
		{"BREW", "/ping", 405, "GET, HEAD"},
	} {
		res, raw := g.do(test.method, test.path, "", nil)
		if res.StatusCode != test.status || res.Header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %s, Allow %q, want %d, %q: %s", test.method, test.path, res.Status, res.Header.Get("Allow"), test.status, test.allow, raw)
		}
	}
}

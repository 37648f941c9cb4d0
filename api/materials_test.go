package api_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/api"
)

func inBase64(content []byte) string { return base64.StdEncoding.EncodeToString(content) }

// upload stores one file and returns the material.
func (g *gateway) upload(status int, parts ...part) map[string]any {
	g.t.Helper()
	contentType, body := form(g.t, parts...)
	res, raw := g.do("POST", "/api/v1/materials", contentType, body)
	return g.decode(res, raw, status)["materials"].([]any)[0].(map[string]any)
}

func TestMaterials(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	g, other := admin.as(""), admin.as("")
	picture := pngFile(t)
	m := g.upload(http.StatusCreated, part{field: "files", file: "dir/boat.png", content: picture})
	sum := sha256.Sum256(picture)
	for field, want := range map[string]any{
		"kind": "image", "name": "boat.png", "content_type": "image/png", "size": float64(len(picture)), "sha256": hex.EncodeToString(sum[:]),
	} {
		if m[field] != want {
			t.Errorf("%s = %v, want %v", field, m[field], want)
		}
	}
	id := m["id"].(string)

	again := g.upload(http.StatusOK, part{field: "x", file: "other name.png", content: picture})
	if again["id"] != id || again["name"] != "boat.png" {
		t.Errorf("the same file again gives %v", again)
	}
	inJSON := g.json("POST", "/api/v1/materials", fmt.Sprintf(`{"data":%q,"filename":"x.png"}`, inBase64(picture)), http.StatusOK)
	if got := inJSON["materials"].([]any)[0].(map[string]any); got["id"] != id {
		t.Errorf("the same file in JSON gives %v", got)
	}
	foreign := other.upload(http.StatusCreated, part{field: "files", file: "boat.png", content: picture})
	if foreign["id"] == id {
		t.Error("two keys share a material")
	}

	path := "/api/v1/materials/" + id
	if got := g.json("GET", path, "", http.StatusOK)["material"].(map[string]any); got["id"] != id || got["sha256"] != m["sha256"] {
		t.Errorf("material %v", got)
	}
	missing := mustJSON(t, other.json("GET", "/api/v1/materials/mat_01jzzzzzzzzzzzzzzzzzzzzzzz", "", http.StatusNotFound))
	for _, method := range []string{"GET", "DELETE"} {
		if got := mustJSON(t, other.json(method, path, "", http.StatusNotFound)); got != missing {
			t.Errorf("%s of another key's material: %s, of none: %s", method, got, missing)
		}
	}
	if list := g.json("GET", "/api/v1/materials", "", http.StatusOK)["materials"].([]any); len(list) != 1 {
		t.Errorf("list %v", list)
	}

	stranger := *g
	stranger.key = ""
	res, raw := stranger.do("GET", m["url"].(string), "", nil)
	if res.StatusCode != http.StatusOK || !bytes.Equal(raw, picture) || res.Header.Get("Content-Type") != "image/png" {
		t.Errorf("link: %s, %v", res.Status, res.Header)
	}

	// A task that uses it keeps it.
	body := `{"prompt":"a boat","files":[{"id":%q}]}`
	other.refuses("POST", "/api/v1/tasks", fmt.Sprintf(body, id), "files[0].id", "there is no material")
	task := g.json("POST", "/api/v1/tasks", fmt.Sprintf(body, id), http.StatusCreated)["task"].(map[string]any)
	if materials := task["materials"].([]any); len(materials) != 1 || materials[0].(map[string]any)["name"] != "boat.png" {
		t.Errorf("task %v", task)
	}
	if problem := g.json("DELETE", path, "", http.StatusConflict); problem["code"] != "material_in_use" {
		t.Errorf("delete of a used material: %v", problem)
	}
	if task = g.await(task["id"].(string), "succeeded"); task["error_kind"] != nil {
		t.Errorf("task %v", task)
	}
	stock := g.submit(fmt.Sprintf(`{"prompt":"a boat","file_paths":[%q]}`, id))
	g.await(stock, "succeeded")

	// Unused, it goes, and the other key's stays with its file.
	spare := g.upload(http.StatusCreated, part{field: "files", file: "wave.mp4", content: mp4File})
	g.json("DELETE", "/api/v1/materials/"+spare["id"].(string), "", http.StatusOK)
	g.json("GET", "/api/v1/materials/"+spare["id"].(string), "", http.StatusNotFound)
	if res, _ := stranger.do("GET", spare["url"].(string), "", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("link of a deleted material: %s", res.Status)
	}
	if res, raw := stranger.do("GET", foreign["url"].(string), "", nil); res.StatusCode != http.StatusOK || !bytes.Equal(raw, picture) {
		t.Errorf("link of the other key: %s", res.Status)
	}
}

// refuses wants a 400 that names the field.
func (g *gateway) refuses(method, path, body, field, message string) {
	g.t.Helper()
	res, raw := g.do(method, path, "application/json", strings.NewReader(body))
	answer := g.decode(res, raw, http.StatusBadRequest)
	text, _ := answer["detail"].(string)
	if stock, ok := answer["message"].(string); ok {
		text = stock
	}
	if !strings.HasPrefix(text, field+": ") || !strings.Contains(text, message) {
		g.t.Errorf("%s %s: %s, want %s and %q", method, path, raw, field, message)
	}
}

// Each way to hand a file over gives the same material of the same task.
func TestFilesInJSON(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	picture := pngFile(t)
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "/boat.png", http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/html") // servers say all sorts of things
		_, _ = w.Write(picture)
	}))
	t.Cleanup(files.Close)
	// Escapes as some encoders write them, and enough of it for a file that is not
	// read whole before it is looked at.
	large := append(bytes.Clone(picture), bytes.Repeat([]byte{0xff, 0xfe}, 80_000)...)
	escaped := strings.ReplaceAll(inBase64(large), "/", `\/`)
	for name, test := range map[string]struct {
		body string
		want []byte
	}{
		"base64":          {fmt.Sprintf(`{"data":%q,"filename":"boat.png","mime_type":"image/png"}`, inBase64(picture)), picture},
		"data URI":        {fmt.Sprintf(`{"mime_type":null,"data":"data:image/png;base64,%s"}`, inBase64(picture)), picture},
		"string":          {fmt.Sprintf(`"data:image/png;base64,%s"`, inBase64(picture)), picture},
		"URL as data":     {fmt.Sprintf(`{"data":%q}`, files.URL+"/boat.png"), nil},
		"URL":             {fmt.Sprintf(`{"url":%q}`, files.URL+"/boat.png"), nil},
		"large":           {fmt.Sprintf(`{"filename":"boat.png","data":"%s"}`, escaped), large},
		"large, URI":      {fmt.Sprintf(`{"data":"data:image\/png;base64,%s","filename":"boat.png"}`, escaped), large},
		"large, \\u":      {fmt.Sprintf(`{"data":"%s"}`, strings.ReplaceAll(escaped, `\/`, `\u002f`)), large},
		"large, a line":   {fmt.Sprintf(`{"data":"%s"}`, escaped[:76]+`\r\n`+escaped[76:]), large},
		"large, a string": {fmt.Sprintf(`"data:image/png;base64,%s"`, escaped), large},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *g
			g.t = t
			body := fmt.Sprintf(`{"x":[{"y":"]}\""}],"prompt":"a boat","files":[%s],"duration":5}`, test.body)
			task := g.json("POST", "/api/v1/tasks", body, http.StatusCreated)["task"].(map[string]any)
			m := task["materials"].([]any)[0].(map[string]any)
			if task["prompt"] != "a boat" || task["duration"] != 5.0 {
				t.Errorf("task %v", task)
			}
			if test.want == nil {
				if !strings.HasPrefix(m["url"].(string), files.URL) {
					t.Errorf("material %v", m)
				}
				return
			}
			if _, content := g.do("GET", m["url"].(string), "", nil); !bytes.Equal(content, test.want) {
				t.Errorf("%d bytes, want %d: %v", len(content), len(test.want), m)
			}
		})
	}

	t.Run("fetched", func(t *testing.T) {
		t.Parallel()
		g := serve(t, func(c *api.Config) { c.Materials.Fetch = true }).as("")
		m := g.json("POST", "/api/v1/materials", fmt.Sprintf(`{"url":%q}`, files.URL+"/moved"), http.StatusCreated)["materials"].([]any)[0].(map[string]any)
		if m["name"] != "boat.png" || m["content_type"] != "image/png" {
			t.Errorf("material %v", m)
		}
		task := g.task(g.submit(fmt.Sprintf(`{"prompt":"a boat","file_paths":[%q]}`, files.URL+"/moved")))
		if got := task["materials"].([]any)[0].(map[string]any); got["size"] != float64(len(picture)) {
			t.Errorf("material %v", got)
		}
	})
	t.Run("files and URLs", func(t *testing.T) {
		t.Parallel()
		g := *g
		g.t = t
		contentType, body := form(t, part{field: "files", file: "a.mp4", content: mp4File}, textPart("file_paths", files.URL+"/boat.png"), textPart("prompt", "@1 and @2"))
		res, raw := g.do("POST", "/v1/videos/generations", contentType, body)
		task := g.task(g.decode(res, raw, http.StatusAccepted)["task"].(map[string]any)["id"].(string))
		materials := task["materials"].([]any)
		if len(materials) != 2 || materials[0].(map[string]any)["kind"] != "video" || materials[1].(map[string]any)["size"] != float64(len(picture)) {
			t.Errorf("materials %v", materials)
		}
	})
}

// Addresses that lead into the gateway's own network are refused before anybody
// dials them, however they are written.
func TestPrivateURLs(t *testing.T) {
	t.Parallel()
	for _, fetch := range []bool{false, true} {
		g := serve(t, func(c *api.Config) { c.Materials = api.MaterialConfig{Fetch: fetch} }).as("")
		for _, host := range []string{
			"127.0.0.1", "127.1.2.3:8080", "localhost", "0.0.0.0", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
			"[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25eth0]", "[fd00::1]", "[64:ff9b::7f00:1]", "①②⑦.⓪.⓪.①", "2130706433", "0x7f.1", "127.1",
			"nowhere.invalid", "x.example\\@127.0.0.1", "127%2e0.0.1",
		} {
			body := fmt.Sprintf(`{"prompt":"a boat","file_paths":[%q]}`, "http://"+host+"/a.png")
			g.refuses("POST", "/v1/videos/generations", body, "file_paths[0]", "")
		}
	}
}

// A redirect into the private network is as bad as an address in it.
func TestFetchFollowsNobodyInside(t *testing.T) {
	t.Parallel()
	hit := false
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit = true }))
	t.Cleanup(inside.Close)
	g := serve(t, func(c *api.Config) { c.Materials = api.MaterialConfig{} }).as("")
	g.refuses("POST", "/api/v1/materials", fmt.Sprintf(`{"url":%q}`, inside.URL), "url", "private network")
	if hit {
		t.Error("the address was dialled")
	}
}

func TestFetchFailures(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/ftp":
			http.Redirect(w, r, "ftp://x.example/a", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "10000")
			_, _ = w.Write(pngFile(t))
		case "/large":
			_, _ = w.Write(append(pngFile(t), make([]byte, 3000)...))
		case "/text":
			_, _ = w.Write([]byte("hello"))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	g, files := serveOwnBlobs(t, func(c *api.Config) { c.Materials.Image.Size = 2000 })
	for path, test := range map[string]struct {
		status  int
		message string
	}{
		"/loop": {400, "redirects too often"}, "/ftp": {400, "could not be fetched"}, "/none": {400, "answers 404"},
		"/short": {400, "breaks off"}, "/large": {413, "2000 bytes"}, "/text": {400, "one is text/plain"},
	} {
		res, raw := g.do("POST", "/api/v1/materials", "application/json", strings.NewReader(fmt.Sprintf(`{"url":%q}`, server.URL+path)))
		problem := g.decode(res, raw, test.status)
		if detail := problem["detail"].(string); !strings.HasPrefix(detail, "url: ") || !strings.Contains(detail, test.message) || strings.Contains(detail, "127.0.0.1") {
			t.Errorf("%s: %s, want %q", path, raw, test.message)
		}
	}
	if list := files(); len(list) != 0 {
		t.Errorf("left behind: %q", list)
	}
}

func TestListMaterials(t *testing.T) {
	t.Parallel()
	admin := serve(t, nil)
	g := admin.as("")
	var ids []string
	for i := range 3 {
		m := g.upload(http.StatusCreated, part{field: "files", file: "a.png", content: append(pngFile(t), byte(i))})
		ids = append(ids, m["id"].(string))
	}
	page := g.json("GET", "/api/v1/materials?limit=2", "", http.StatusOK)
	rest := g.json("GET", "/api/v1/materials?limit=2&before="+page["next"].(string), "", http.StatusOK)
	var seen []string
	for _, m := range append(page["materials"].([]any), rest["materials"].([]any)...) {
		seen = append(seen, m.(map[string]any)["id"].(string))
	}
	if rest["next"] != nil || len(seen) != 3 || seen[0] != ids[2] || seen[2] != ids[0] {
		t.Errorf("pages give %v of %v", seen, ids)
	}
	admin.json("GET", "/api/v1/materials/"+ids[0], "", http.StatusOK)
	reader := admin.as(`{"name":"r","scopes":["task:read"]}`)
	reader.json("GET", "/api/v1/materials", "", http.StatusForbidden)
}

// What is refused after its files were read leaves nothing, also in the table.
func TestRefusedAfterUpload(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	quota := serve(t, nil).as(`{"name":"q","daily_quota":1,"scopes":["video:create","task:read","admin"]}`)
	quota.submit(`{"model":"jimeng-video-3.0","prompt":"a boat"}`)
	g.key = quota.key
	data := inBase64(pngFile(t))
	for name, body := range map[string]string{
		"quota":  fmt.Sprintf(`{"prompt":"a","files":[{"data":%q}]}`, data),
		"model":  fmt.Sprintf(`{"prompt":"a","files":[{"data":%q}],"model":"sora"}`, data),
		"second": fmt.Sprintf(`{"prompt":"a","files":[{"data":%q},{"data":"AAAA"}]}`, data),
		"id":     fmt.Sprintf(`{"prompt":"a","files":[{"data":%q},{"id":"mat_x"}]}`, data),
		"URL":    fmt.Sprintf(`{"prompt":"a","files":[{"data":%q},{"url":"http://127.0.0.1:1/a.png"}]}`, data),
	} {
		res, raw := g.do("POST", "/api/v1/tasks", "application/json", strings.NewReader(body))
		if res.StatusCode < 400 || res.StatusCode >= 500 {
			t.Errorf("%s: %s %s", name, res.Status, raw)
		}
		if list := files(); len(list) != 0 {
			t.Errorf("%s: left behind: %q", name, list)
		}
	}
	key := quota.json("GET", "/api/v1/me", "", http.StatusOK)["key"].(map[string]any)["id"].(string)
	if list, err := shared.store.Materials(context.Background(), key, "", 10); err != nil || len(list) != 0 {
		t.Errorf("materials %v, %v", list, err)
	}
}

// writeFileInJSON writes a body with the file in base64.
func writeFileInJSON(w io.Writer, file io.Reader) error {
	if _, err := io.WriteString(w, `{"filename":"a.mp4","data":"`); err != nil {
		return err
	}
	encoder := base64.NewEncoder(base64.StdEncoding, w)
	if _, err := io.Copy(encoder, file); err != nil {
		return err
	}
	if err := encoder.Close(); err != nil {
		return err
	}
	_, err := io.WriteString(w, `"}`)
	return err
}

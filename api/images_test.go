package api_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

// taskOf reads the task that an answer was waited for.
func (g *gateway) taskOf(res *http.Response) map[string]any {
	g.t.Helper()
	id, found := strings.CutPrefix(res.Header.Get("Location"), "/api/v1/tasks/")
	if !found {
		g.t.Fatalf("no Location in %v", res.Header)
	}
	return g.task(id)
}

func items(t *testing.T, answer map[string]any) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, item := range answer["data"].([]any) {
		list = append(list, item.(map[string]any))
	}
	if created, _ := answer["created"].(float64); created < 1e9 {
		t.Errorf("created %v", answer["created"])
	}
	return list
}

func TestImages(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	res, raw := g.do("POST", "/v1/images/generations", "application/json",
		strings.NewReader(`{"prompt":"a paper boat","size":"1024x576","n":2,"negative_prompt":"rain","sample_strength":0.7,"intelligent_ratio":true,"user":"x"}`))
	list := items(t, g.decode(res, raw, http.StatusOK))
	if len(list) != 2 || list[0]["revised_prompt"] != "a paper boat" {
		t.Fatalf("answer %s", raw)
	}
	task := g.taskOf(res)
	if task["kind"] != "image" || task["model"] != "jimeng-4.5" || task["ratio"] != "16:9" || task["resolution"] != "1k" || len(task["image_urls"].([]any)) != 4 {
		t.Errorf("task %v", task)
	}
	stored, err := shared.store.Task(t.Context(), "", task["id"].(string))
	if err != nil || mustJSON(t, stored.Options) != `{"intelligent_ratio":true,"negative_prompt":"rain","sample_strength":0.7}` {
		t.Errorf("options %v, %v", stored.Options, err)
	}
	stranger := *g
	stranger.key = ""
	_, picture := stranger.do("GET", list[1]["url"].(string), "", nil)
	config, format, err := image.DecodeConfig(bytes.NewReader(picture))
	if err != nil || format != "png" || config.Width != 1024 || config.Height != 576 {
		t.Errorf("picture %s of %d x %d: %v", format, config.Width, config.Height, err)
	}
}

func TestImagesInBase64(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	contentType, body := form(t, textPart("prompt", `a "boat"`), textPart("response_format", "b64_json"), textPart("ratio", "1:1"), textPart("resolution", "1k"),
		textPart("size", "nonsense that ratio wins over"))
	res, raw := g.do("POST", "/v1/images/generations", contentType, body)
	list := items(t, g.decode(res, raw, http.StatusOK))
	if len(list) != 4 || list[0]["revised_prompt"] != `a "boat"` {
		t.Fatalf("%d items", len(list))
	}
	for _, item := range list {
		picture, err := base64.StdEncoding.DecodeString(item["b64_json"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if config, _, err := image.DecodeConfig(bytes.NewReader(picture)); err != nil || config.Width != 1024 {
			t.Errorf("picture %v, %v", config, err)
		}
	}
}

func TestCompositions(t *testing.T) {
	t.Parallel()
	g := serve(t, nil).as("")
	picture := pngFile(t)
	id := g.upload(http.StatusCreated, part{field: "files", file: "a.png", content: picture})["id"].(string)
	contentType, inForm := form(t, textPart("prompt", "both"), part{field: "images", file: "a.png", content: picture}, textPart("images", id))
	for name, test := range map[string]struct {
		path, contentType, body string
		materials               int
	}{
		"form":        {"compositions", contentType, inForm.String(), 2},
		"JSON":        {"compositions", "application/json", fmt.Sprintf(`{"prompt":"both","images":["data:image/png;base64,%s",{"url":%q}]}`, inBase64(picture), "data:image/png;base64,"+inBase64(picture)), 2},
		"id":          {"compositions", "application/json", fmt.Sprintf(`{"prompt":"both","images":[%q]}`, id), 1},
		"URL":         {"compositions", "application/json", `{"prompt":"both","images":[{"url":"https://files.example/a.png"}]}`, 1},
		"generations": {"generations", "application/json", fmt.Sprintf(`{"prompt":"both","image":"data:image/png;base64,%s"}`, inBase64(picture)), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *g
			g.t = t
			res, raw := g.do("POST", "/v1/images/"+test.path, test.contentType, strings.NewReader(strings.Replace(test.body, "both", "both, "+name, 1)))
			if list := items(t, g.decode(res, raw, http.StatusOK)); len(list) != 4 {
				t.Errorf("answer %s", raw)
			}
			task := g.taskOf(res)
			if got := task["materials"].([]any); len(got) != test.materials {
				t.Errorf("materials %v", got)
			}
			// The upstream has got them.
			i := slices.IndexFunc(shared.sim.Submits(), func(s simulator.Submit) bool { return s.Prompt == task["prompt"] })
			if i < 0 || len(shared.sim.Submits()[i].Materials) != test.materials {
				t.Errorf("submit %d", i)
			}
		})
	}
}

func TestRefusedImages(t *testing.T) {
	t.Parallel()
	g, files := serveOwnBlobs(t, nil)
	for name, test := range map[string]struct {
		path, body           string
		field, code, message string
	}{
		"size":            {"generations", `{"prompt":"a","size":"1000x1000"}`, "size", "invalid_size", "2048x2048"},
		"n too many":      {"generations", `{"prompt":"a","n":5}`, "n", "invalid_request", "between 1 and 4"},
		"n zero":          {"generations", `{"prompt":"a","n":0}`, "n", "invalid_request", "between 1 and 4"},
		"format":          {"generations", `{"prompt":"a","response_format":"png"}`, "response_format", "invalid_request", "b64_json"},
		"strength":        {"generations", `{"prompt":"a","sample_strength":1.5}`, "sample_strength", "invalid_request", "between 0 and 1"},
		"strength, text":  {"generations", `{"prompt":"a","sample_strength":"0.5"}`, "sample_strength", "invalid_request", "between 0 and 1"},
		"intelligent":     {"generations", `{"prompt":"a","intelligent_ratio":1}`, "intelligent_ratio", "invalid_request", "true or false"},
		"no prompt":       {"generations", `{}`, "prompt", "invalid_request", "must not be empty"},
		"video model":     {"generations", `{"prompt":"a","model":"jimeng-video-3.0"}`, "model", "invalid_request", "jimeng-4.5"},
		"ratio":           {"generations", `{"prompt":"a","ratio":"5:1"}`, "ratio", "invalid_request", "21:9"},
		"bidi":            {"generations", `{"prompt":"a","negative_prompt":"\u202e"}`, "negative_prompt", "invalid_request", "direction"},
		"no image":        {"compositions", `{"prompt":"a"}`, "images", "invalid_request", "1 to 10"},
		"too many images": {"compositions", `{"prompt":"a","images":[` + strings.Repeat(`"https://x.example/a.png",`, 10) + `"https://x.example/a.png"]}`, "images", "invalid_request", "1 to 10"},
		"a video":         {"compositions", fmt.Sprintf(`{"prompt":"a","images":["data:;base64,%s"]}`, inBase64(mp4File)), "files", "invalid_request", "kind video"},
	} {
		t.Run(name, func(t *testing.T) {
			g := *g
			g.t = t
			res, raw := g.do("POST", "/v1/images/"+test.path, "application/json", strings.NewReader(test.body))
			refused(t, &g, files, res, raw, http.StatusBadRequest, test.field, test.message)
			var answer struct{ Error struct{ Code string } }
			if err := json.Unmarshal(raw, &answer); err != nil || answer.Error.Code != test.code {
				t.Errorf("code %q, want %q", answer.Error.Code, test.code)
			}
		})
	}
}

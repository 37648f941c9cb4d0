package queue_test

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/pool"
	"github.com/jimeng-gateway/jimeng-gateway/queue"
	"github.com/jimeng-gateway/jimeng-gateway/store"
	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
)

type models = map[string]queue.ModelSettings

func configured(m models) func(*queue.Settings) {
	return func(s *queue.Settings) { s.Models = m }
}

// text is a request without a material.
func text(model string) *queue.NewTask {
	return &queue.NewTask{Key: admin, Kind: upstream.Video, Model: model, Prompt: "a boat"}
}

// paid waits until the upstream has accepted the task, and returns what it saw.
func (h *house) paid(id string) simulator.Submit {
	h.t.Helper()
	if task := h.ended(id); task.Status != store.Succeeded {
		h.t.Fatalf("task: %+v", task)
	}
	submits := h.sim.Submits()
	return submits[len(submits)-1]
}

// refused wants the task refused for the field before anything is stored.
func (h *house) refused(n *queue.NewTask, field string) {
	h.t.Helper()
	_, err := h.queue.Submit(h.t.Context(), n)
	if invalid, ok := errors.AsType[*upstream.InvalidError](err); !ok || invalid.Field != field {
		h.t.Errorf("%s with %d s, %q, %q: got %v, want a bad %s", n.Model, n.Duration, n.Ratio, n.Resolution, err, field)
	}
}

func TestAModelGoesByTheUpstreamsOwnName(t *testing.T) {
	t.Parallel()
	for _, variant := range []simulator.Variant{simulator.Fork, simulator.Stock, simulator.Iptag} {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			h := build(t, storetest.SQLite(t), options{variant: variant, settings: configured(models{
				"house-video":               {Aliases: []string{"cheap"}, Upstreams: map[string]string{"sim": "jimeng-video-3.0"}},
				"house-seedance":            {Upstreams: map[string]string{"sim": "seedance-2.0-fast"}},
				"jimeng-video-seedance-2.0": {Aliases: []string{"best"}},
			})})
			h.session("account-0000000001", 1)
			for asked, want := range map[string]string{
				"house-video": "jimeng-video-3.0", "cheap": "jimeng-video-3.0", "jimeng-video-3.0": "jimeng-video-3.0",
				"house-seedance": "jimeng-video-seedance-2.0-fast",
				"best":           "jimeng-video-seedance-2.0", "seedance-2.0-pro": "jimeng-video-seedance-2.0",
			} {
				n := text(asked)
				if strings.Contains(want, "seedance") {
					n = h.video(admin, asked)
					n.Model = asked
				}
				task := h.submit(n)
				if got := h.paid(task.ID).Model; got != want || task.Model != asked {
					t.Errorf("%s ran as %s, want %s; the task says %s", asked, got, want, task.Model)
				}
			}
		})
	}
}

func TestAModelThatOnlyTheConfigurationKnows(t *testing.T) {
	t.Parallel()
	runs := map[string]string{"sim": ""}
	for variant, test := range map[simulator.Variant]struct {
		model     string
		settings  queue.ModelSettings
		materials bool
	}{
		simulator.Fork: {"jimeng-video-seedance-9", queue.ModelSettings{Kind: upstream.Video, Upstreams: runs,
			Override: upstream.Override{Durations: []int{6, 8}, Ratios: []string{"16:9"}, MaxImages: new(2)}}, true},
		simulator.Stock: {"jimeng-video-9", queue.ModelSettings{Kind: upstream.Video, Upstreams: runs,
			Override: upstream.Override{Durations: []int{6, 8}, Ratios: []string{"16:9"}}}, false},
		simulator.Iptag: {"jimeng-video-9", queue.ModelSettings{Kind: upstream.Video, Upstreams: runs,
			Override: upstream.Override{Durations: []int{10}, Ratios: []string{"16:9"}}}, false},
	} {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			h := build(t, storetest.SQLite(t), options{variant: variant, settings: configured(models{test.model: test.settings})})
			h.session("account-0000000001", 1)
			n := text(test.model)
			if test.materials {
				n = h.video(admin, "a boat")
				n.Model = test.model
			}
			task := h.submit(n)
			if got := h.paid(task.ID); got.Model != test.model || task.Duration != test.settings.Durations[0] || task.Ratio != "16:9" {
				t.Errorf("ran as %s; task %+v", got.Model, task)
			}
			long, odd, large := *n, *n, *n
			long.Duration, odd.Ratio, large.Resolution = 99, "1:1", "720p"
			h.refused(&long, "duration")
			h.refused(&odd, "ratio")
			h.refused(&large, "resolution")
			many := *n
			many.Materials = slices.Repeat([]store.Material{{Kind: "image", URL: "https://x.example/a.png"}}, 3)
			h.refused(&many, "files")
			if n := len(h.sim.Submits()); n != 1 {
				t.Errorf("%d submits were paid", n)
			}
		})
	}
}

func TestTheConfigurationRestrictsModels(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{settings: configured(models{
		"jimeng-video-3.0": {Override: upstream.Override{
			Durations: []int{10, 6}, Ratios: []string{"16:9", "9:16"}, Resolutions: []string{"1080p"}, MaxPrompt: new(10), MaxImages: new(1), Credits: 5, CreditsPerSecond: 1.5}},
		"jimeng-video-2.0":          {Off: true},
		"jimeng-video-seedance-2.0": {Override: upstream.Override{MinMaterials: new(2), DefaultDuration: 9}},
	})})
	h.session("account-0000000001", 1)
	bad := func(field string, change func(*queue.NewTask)) {
		t.Helper()
		n := text("jimeng-video-3.0")
		change(n)
		h.refused(n, field)
	}
	bad("duration", func(n *queue.NewTask) { n.Duration = 5 })
	bad("ratio", func(n *queue.NewTask) { n.Ratio = "1:1" })
	bad("resolution", func(n *queue.NewTask) { n.Resolution = "720p" })
	bad("prompt", func(n *queue.NewTask) { n.Prompt = strings.Repeat("x", 11) })
	bad("files", func(n *queue.NewTask) {
		n.Materials = slices.Repeat([]store.Material{{Kind: "image", URL: "https://x.example/a.png"}}, 2)
	})
	bad("model", func(n *queue.NewTask) { n.Model = "jimeng-video-2.0" })
	bad("model", func(n *queue.NewTask) { n.Kind = upstream.Image })
	h.refused(h.video(admin, "one material"), "files")
	if n := len(h.sim.Submits()); n != 0 {
		t.Errorf("%d submits were paid", n)
	}

	task := h.submit(text("jimeng-video-3.0"))
	if task.Duration != 6 || task.Ratio != "16:9" || task.Resolution != "1080p" {
		t.Errorf("what the request leaves open is not what the configuration allows: %+v", task)
	}
	if got := h.paid(task.ID).Model; got != "jimeng-video-3.0" {
		t.Errorf("ran as %s", got)
	}
	m := h.queue.Model("jimeng-video-3.0")
	if !slices.Equal(m.Durations, []int{6, 10}) || m.Credits != 5 || m.CreditsPerSecond != 1.5 || m.MaxMaterials != 1 || !slices.Equal(m.Upstreams, []string{"sim"}) {
		t.Errorf("model: %+v", m)
	}
	if m := h.queue.Model("seedance-2.0-pro"); m == nil || m.ID != "jimeng-video-seedance-2.0" || m.DefaultDuration != 9 || len(m.Durations) != 12 {
		t.Errorf("model: %+v", m)
	}
	if slices.ContainsFunc(h.queue.Models(), func(m queue.Model) bool { return m.ID == "jimeng-video-2.0" }) {
		t.Error("a model that is off is listed")
	}
}

// The driver learns what its upstream can do, and the catalogue follows at once.
func TestTheCatalogueFollowsTheDriver(t *testing.T) {
	t.Parallel()
	h := build(t, storetest.SQLite(t), options{variant: simulator.Stock, settings: configured(models{
		"jimeng-video-veo3": {Aliases: []string{"veo"}},
	})})
	if m := h.queue.Model("seedance-2.0"); !slices.Contains(m.Durations, 5) || h.queue.Model("veo") == nil {
		t.Fatalf("before the upstream was asked, something that it may serve is missing: %+v", m)
	}
	session := h.session("account-0000000001", 1)
	if _, err := h.pool.Test(t.Context(), session.ID); err != nil {
		t.Fatal(err)
	}
	if m := h.queue.Model("seedance-2.0"); slices.Contains(m.Durations, 5) || h.queue.Model("veo") != nil {
		t.Errorf("stock makes 4 s of 5 and has no veo: %+v, %+v", m, h.queue.Model("veo"))
	}
	n := h.video(admin, "a boat")
	n.Duration = 5
	h.refused(n, "duration")
}

// What was accepted goes on under the configuration that comes after, as far as
// that tells the upstream's name of it.
func TestAcceptedTasksOutliveTheirModel(t *testing.T) {
	t.Parallel()
	own := queue.ModelSettings{Upstreams: map[string]string{"sim": "jimeng-video-3.0"}}
	later := own
	later.Off, later.Durations = true, []int{15}
	for name, c := range map[string]struct {
		models models
		status store.Status
		paid   int
	}{
		"off":  {models{"house-video": later}, store.Succeeded, 1},
		"gone": {nil, store.Failed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := build(t, storetest.SQLite(t), options{settings: configured(models{"house-video": own})})
			task := h.submit(text("house-video"))
			settings := h.settings
			settings.Models = c.models
			h.queue.Configure(settings)
			h.refused(text("house-video"), "model")
			h.session("account-0000000001", 1)
			task = h.ended(task.ID)
			submits := h.sim.Submits()
			if task.Status != c.status || len(submits) != c.paid {
				t.Errorf("task: %+v, submits: %+v", task, submits)
			}
			for _, s := range submits {
				if s.Model != "jimeng-video-3.0" {
					t.Errorf("ran as %s", s.Model)
				}
			}
		})
	}
}

func TestUpstreamsOfAModel(t *testing.T) {
	t.Parallel()
	stock := simulator.New(simulator.Config{Variant: simulator.Stock})
	web := httptest.NewServer(stock)
	t.Cleanup(web.Close)
	h := build(t, storetest.SQLite(t), options{settings: func(s *queue.Settings) {
		driver, err := freeapi.New(freeapi.Config{URL: web.URL})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(driver.Close)
		s.Upstreams["stock"] = queue.Upstream{Driver: driver}
		s.Models = models{
			"jimeng-video-2.0": {Upstreams: map[string]string{"stock": ""}},
			"both":             {Upstreams: map[string]string{"stock": "jimeng-video-2.0", "sim": "jimeng-video-3.0"}},
		}
	}})
	for _, name := range []string{"sim", "stock"} {
		session, err := h.pool.Add(t.Context(), pool.NewSession{Upstream: name, Secret: "account-0000000001"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.pool.Test(t.Context(), session.ID); err != nil {
			t.Fatal(err)
		}
	}
	for model, route := range map[string]string{"jimeng-video-2.0": "stock", "jimeng-video-3.0": "sim,stock", "both": "sim,stock"} {
		if task := h.submit(text(model)); task.Route != route || strings.Join(h.queue.Model(model).Upstreams, ",") != route {
			t.Errorf("%s goes to %s, listed as %v, want %s", model, task.Route, h.queue.Model(model).Upstreams, route)
		} else if task = h.ended(task.ID); task.Status != store.Succeeded {
			t.Errorf("task: %+v", task)
		}
	}
	// Only fork makes 5 s with Seedance: the list says that somebody can, and the
	// task goes there.
	n := h.video(admin, "a boat")
	n.Duration = 5
	if m := h.queue.Model("seedance-2.0"); !slices.Contains(m.Durations, 5) {
		t.Errorf("model: %+v", m)
	}
	if task := h.submit(n); task.Route != "sim" {
		t.Errorf("route: %s", task.Route)
	}
	for _, submit := range stock.Submits() {
		if submit.Model != "jimeng-video-2.0" && submit.Model != "jimeng-video-3.0" {
			t.Errorf("stock ran %s", submit.Model)
		}
	}
}

func TestImpossibleModels(t *testing.T) {
	t.Parallel()
	driver, err := freeapi.New(freeapi.Config{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	runs := map[string]string{"sim": ""}
	video := func(change func(*queue.ModelSettings)) queue.ModelSettings {
		s := queue.ModelSettings{Kind: upstream.Video, Upstreams: runs, Override: upstream.Override{Durations: []int{5}}}
		if change != nil {
			change(&s)
		}
		return s
	}
	for name, c := range map[string]struct {
		models models
		want   string // "" for possible
	}{
		"nothing":                   {nil, ""},
		"a new one":                 {models{"new": video(nil)}, ""},
		"a new one for images":      {models{"new": {Kind: upstream.Image, Upstreams: runs}}, ""},
		"an alias of its own":       {models{"jimeng-video-seedance-2.0": {Aliases: []string{"seedance-2.0"}}}, ""},
		"a name of one that is off": {models{"jimeng-video-seedance-2.0": {Off: true}, "new": video(func(s *queue.ModelSettings) { s.Aliases = []string{"seedance-2.0"} })}, ""},
		"no such upstream":          {models{"new": video(func(s *queue.ModelSettings) { s.Upstreams = map[string]string{"ark": ""} })}, `model new: there is no upstream "ark"; configured are: sim`},
		"no kind":                   {models{"new": {Upstreams: runs}}, `model new: the driver of sim does not know "new"; say what it is with kind`},
		"no durations":              {models{"new": {Kind: upstream.Video, Upstreams: runs}}, `with durations for a video`},
		"nobody runs it":            {models{"new": {}}, "model new: no driver knows it"},
		"off, and nobody knows it":  {models{"new": {Off: true}}, "model new: no driver knows it"},
		"a wrong name there":        {models{"new": {Upstreams: map[string]string{"sim": "jimeng-video-33"}}}, `does not know "jimeng-video-33"`},
		"another kind":              {models{"jimeng-video-3.0": {Kind: upstream.Image}}, "sim makes videos with it, not images"},
		"an alias is an ID":         {models{"jimeng-video-3.0": {Aliases: []string{"jimeng-4.5"}}}, `model jimeng-video-3.0: the name "jimeng-4.5" already is the model jimeng-4.5 or an alias of it`},
		"an alias is an alias":      {models{"jimeng-video-3.0": {Aliases: []string{"seedance-2.0"}}}, `the name "seedance-2.0" already is the model jimeng-video-seedance-2.0`},
		"an ID is an alias":         {models{"seedance-2.0": video(nil)}, `model seedance-2.0: the name "seedance-2.0" already is the model jimeng-video-seedance-2.0`},
		"two want one alias": {models{"jimeng-video-2.0": {Aliases: []string{"x"}}, "jimeng-video-3.0": {Aliases: []string{"x"}}},
			`model jimeng-video-3.0: the name "x" already is the model jimeng-video-2.0`},
		"the default is no choice":   {models{"jimeng-video-3.0": {Override: upstream.Override{DefaultDuration: 99}}}, "the default duration 99 is not among the durations"},
		"more needed than possible":  {models{"jimeng-video-3.0": {Override: upstream.Override{MinMaterials: new(3)}}}, "with sim it needs 3 materials and takes 2"},
		"durations of an image":      {models{"jimeng-4.5": {Override: upstream.Override{Durations: []int{5}}}}, "no durations"},
		"two faults, both are named": {models{"a": {}, "b": {}}, "model b: no driver knows it"},
	} {
		settings := queue.Settings{Upstreams: map[string]queue.Upstream{"sim": {Driver: driver}}, Models: c.models}
		faults := settings.Check()
		if c.want == "" && faults != nil || c.want != "" && !strings.Contains(fmt.Sprint(faults), c.want) {
			t.Errorf("%s: got %v, want %q", name, faults, c.want)
		}
	}
}

package upstreamtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func testModels(t *testing.T, h Harness) {
	if _, err := h.Driver.Probe(testContext(t), h.Session); err != nil {
		t.Fatalf("probe: %v", err)
	}
	checkModels(t, h.Driver.Models())
	// Before the upstream was reached, there must be an answer too.
	checkModels(t, h.New(t, "http://127.0.0.1:1").Models())
}

func checkModels(t *testing.T, models []upstream.Model) {
	t.Helper()
	if len(models) == 0 {
		t.Fatal("no models")
	}
	names := map[string]bool{}
	for _, m := range models {
		for _, name := range append([]string{m.ID}, m.Aliases...) {
			if names[name] {
				t.Errorf("the name %q is used twice", name)
			}
			names[name] = true
		}
		if m.Kind == upstream.Video && !slices.Contains(m.Durations, m.DefaultDuration) {
			t.Errorf("%s: the default duration %d is not among %v", m.ID, m.DefaultDuration, m.Durations)
		}
		if !slices.IsSorted(m.Durations) {
			t.Errorf("%s: durations %v do not ascend", m.ID, m.Durations)
		}
		if m.MinMaterials > m.MaxMaterials {
			t.Errorf("%s: needs %d materials and takes %d", m.ID, m.MinMaterials, m.MaxMaterials)
		}
	}
}

func testGenerate(t *testing.T, h Harness) {
	ctx := testContext(t)
	sub, err := h.Driver.Submit(ctx, h.Session, &h.Request)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	progress := finish(ctx, t, h, sub)
	if progress.State != upstream.Succeeded || len(progress.Results) == 0 {
		t.Fatalf("ended as %+v", progress)
	}
	if n := len(h.Received()); n != 1 {
		t.Fatalf("the upstream accepted %d requests", n)
	}
	result := progress.Results[0]
	if result.Kind != upstream.Video {
		t.Errorf("the result is of the kind %q", result.Kind)
	}
	download, err := h.Driver.Download(ctx, h.Session, result.URL)
	if err != nil {
		t.Fatalf("download: %v", err)
	}
	defer download.Body.Close()
	content, err := io.ReadAll(download.Body)
	if err != nil {
		t.Fatalf("read result: %v", err)
	}
	if len(content) == 0 || download.Size >= 0 && download.Size != int64(len(content)) {
		t.Errorf("got %d bytes of %d", len(content), download.Size)
	}
}

// testNamedModel: whoever names a model in the configuration vouches for it, and
// for as much as is said there.
func testNamedModel(t *testing.T, h Harness) {
	ctx := testContext(t)
	r := h.Request
	r.Model, r.Named = "no-such-model", true
	r.Duration = 5 // which every server has for what it does not know
	r.Override = &upstream.Override{Durations: []int{r.Duration}, MaxImages: new(len(r.Materials))}
	if r.Ratio != "" {
		r.Override.Ratios = []string{r.Ratio}
	}
	if r.Resolution != "" {
		r.Override.Resolutions = []string{r.Resolution}
	}
	long := r
	long.Duration++
	if _, err := h.Driver.Submit(ctx, h.Session, &long); wantFault(t, h, err).Kind != upstream.BadInput || len(h.Received()) != 0 {
		t.Errorf("longer than is said: %v, %d requests accepted", err, len(h.Received()))
	}
	sub, err := h.Driver.Submit(ctx, h.Session, &r)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	if progress := finish(ctx, t, h, sub); progress.State != upstream.Succeeded || len(h.Received()) != 1 {
		t.Errorf("ended as %+v with %d requests", progress, len(h.Received()))
	}
}

// Material returns a stored material of random content.
func Material(kind upstream.MediaKind, name, contentType string, size int) (upstream.Material, Content) {
	data := make([]byte, size)
	random := rand.NewChaCha8([32]byte{byte(size)})
	random.Read(data) // never fails
	sum := sha256.Sum256(data)
	return upstream.Material{
		Kind: kind, Name: name, ContentType: contentType, Size: int64(size),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(data)), nil },
	}, Content{Size: int64(size), SHA256: hex.EncodeToString(sum[:])}
}

func testMaterials(t *testing.T, h Harness) {
	ctx := testContext(t)
	first, firstContent := Material(upstream.Image, "first.png", "image/png", 3<<20+1)
	second, secondContent := Material(upstream.Image, "名字 \"2\".jpg", "image/jpeg", 17)
	r := h.Request
	r.Materials = []upstream.Material{first, second}
	sub, err := h.Driver.Submit(ctx, h.Session, &r)
	if err != nil {
		t.Fatalf("submit: %v", err)
	}
	finish(ctx, t, h, sub)
	received := h.Received()
	if len(received) != 1 || len(received[0].Materials) != 2 {
		t.Fatalf("the upstream received %+v", received)
	}
	for _, want := range []Content{firstContent, secondContent} {
		if !slices.Contains(received[0].Materials, want) {
			t.Errorf("%+v is not among %+v", want, received[0].Materials)
		}
	}
}

func testDownload(t *testing.T, h Harness) {
	for _, link := range []string{"", "file:///etc/passwd", "http://127.0.0.1:1/a.mp4", h.URL + "/no/such/result.mp4"} {
		d, err := h.Driver.Download(testContext(t), h.Session, link)
		if err == nil {
			// A server may answer unknown paths with a page or an error of its own;
			// neither may pass for a video.
			t.Logf("%q gives %s", link, d.ContentType)
			if mediaType := d.ContentType; mediaType == "video/mp4" {
				t.Errorf("%q gives a video", link)
			}
			d.Body.Close()
			continue
		}
		wantFault(t, h, err)
	}
}

func testProbe(t *testing.T, h Harness) {
	ctx := testContext(t)
	p, err := h.Driver.Probe(ctx, h.Session)
	if err != nil || p.Verdict != "" {
		t.Errorf("good session: %+v, %v", p, err)
	}
	if p.Credits != nil && *p.Credits <= 0 {
		t.Errorf("good session with %d credits", *p.Credits)
	}
	if p, err = h.Driver.Probe(ctx, h.Expired); err != nil || p.Verdict != upstream.Auth {
		t.Errorf("expired session: %+v, %v", p, err)
	}
	if p, err = h.Driver.Probe(ctx, h.NoCredit); err != nil || p.Verdict != upstream.Quota {
		t.Errorf("session without credits: %+v, %v", p, err)
	}
	_, err = h.New(t, "http://127.0.0.1:1").Probe(ctx, h.Session)
	if e := wantFault(t, h, err); !e.Unreachable {
		t.Errorf("probe of a dead address: %+v", e)
	}
	if n := len(h.Received()); n != 0 {
		t.Errorf("the probes spent %d requests", n)
	}
}

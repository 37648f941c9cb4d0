package simulator

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

func TestUnmarshalCaddyfile(t *testing.T) {
	t.Parallel()
	for input, want := range map[string]string{
		"simulator": "",
		"simulator {\nvariant iptag\ndelay 2s\nlisten 127.0.0.1:8000\n}": "",
		"simulator x":                      "wrong argument count",
		"simulator {\nvariant\n}":          "wrong argument count",
		"simulator {\nvariant other\n}":    `unknown variant "other", allowed: stock, fork, iptag`,
		"simulator {\ndelay soon\n}":       "parse delay",
		"simulator {\nspeed 2\n}":          "unrecognized option of simulator: speed; allowed: variant, delay, listen",
		"simulator {\nvariant fork big\n}": "wrong argument count",
	} {
		var m Module
		err := m.UnmarshalCaddyfile(caddyfile.NewTestDispenser(input))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want))) {
			t.Errorf("%s: got %v, want %q", input, err, want)
		}
	}
}

func provision(t *testing.T, m *Module) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := m.Provision(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestModuleDrivesItsServer(t *testing.T) {
	t.Parallel()
	delay := caddy.Duration(time.Millisecond)
	first, second := &Module{Delay: &delay}, &Module{Delay: &delay}
	provision(t, first)
	driver := first.Driver().(*lazyDriver)
	if len(driver.Models()) == 0 {
		t.Error("no models before the server runs")
	}
	if driver.running != nil {
		t.Error("provisioning must not listen")
	}
	provision(t, second)
	if second.Driver() != upstream.Driver(driver) {
		t.Error("the same configuration must give the same server")
	}
	if err := first.Cleanup(); err != nil {
		t.Error(err)
	}
	if err := first.Cleanup(); err != nil {
		t.Error(err)
	}

	session := upstream.Session{ID: "s", Secret: "t"}
	request := &upstream.Request{
		TaskID: "1", Kind: upstream.Video, Model: "jimeng-video-seedance-2.0", Prompt: "a boat @1", Duration: 5, Ratio: "16:9", Resolution: "720p",
		Materials: []upstream.Material{{Kind: upstream.Image, Name: "a.png", ContentType: "image/png", Size: 4, Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader("file")), nil
		}}},
	}
	submission, err := driver.Submit(t.Context(), session, request)
	if err != nil {
		t.Fatal(err)
	}
	progress := submission.Progress
	for progress.State == upstream.Running {
		if progress, err = driver.Poll(t.Context(), session, submission.Ref); err != nil {
			t.Fatal(err)
		}
	}
	if len(progress.Results) == 0 {
		t.Fatalf("progress %+v", progress)
	}
	// A link of an earlier process, on another port.
	link := strings.Replace(progress.Results[0].URL, driver.host, "127.0.0.1:1", 1)
	download, err := driver.Download(t.Context(), session, link)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(download.Body)
	download.Body.Close()
	if err != nil || !bytes.Equal(content, sampleMP4) {
		t.Errorf("%d bytes, %v", len(content), err)
	}
	if probe, err := driver.Probe(t.Context(), session); err != nil || probe.Verdict != "" {
		t.Errorf("probe %+v, %v", probe, err)
	}

	if err := second.Cleanup(); err != nil {
		t.Error(err)
	}
	var fault *upstream.Error
	if _, err := driver.Submit(t.Context(), session, request); !errors.As(err, &fault) || !fault.NotAccepted || !fault.Unreachable {
		t.Errorf("after the last configuration has gone: %v", err)
	}
}

func TestProvisionRefuses(t *testing.T) {
	t.Parallel()
	long := caddy.Duration(24 * time.Hour)
	for _, m := range []*Module{{Variant: "x"}, {Listen: "nowhere"}, {Delay: &long}} {
		ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
		if err := m.Provision(ctx); err == nil {
			t.Errorf("%+v is not refused", m)
		}
		if err := m.Cleanup(); err != nil {
			t.Errorf("clean up what was refused: %v", err)
		}
		cancel()
	}
}

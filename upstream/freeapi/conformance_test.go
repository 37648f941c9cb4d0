package freeapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"go.uber.org/zap/zaptest"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/freeapi"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/simulator"
	"github.com/jimeng-gateway/jimeng-gateway/upstream/upstreamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newDriver(t *testing.T, url string) *freeapi.Driver {
	t.Helper()
	d, err := freeapi.New(freeapi.Config{URL: url, Logger: zaptest.NewLogger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, variant := range []simulator.Variant{simulator.Stock, simulator.Fork, simulator.Iptag} {
		t.Run(string(variant), func(t *testing.T) {
			t.Parallel()
			upstreamtest.Run(t, func(t *testing.T) upstreamtest.Harness { return harness(t, variant) })
		})
	}
}

func harness(t *testing.T, variant simulator.Variant) upstreamtest.Harness {
	sim := simulator.New(simulator.Config{Variant: variant})
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	image, _ := upstreamtest.Material(upstream.Image, "a.png", "image/png", 1000)
	return upstreamtest.Harness{
		Driver:   newDriver(t, server.URL),
		URL:      server.URL,
		New:      func(t *testing.T, url string) upstream.Driver { return newDriver(t, url) },
		Session:  upstream.Session{ID: "1", Secret: "0123456789abcdef"},
		Expired:  upstream.Session{ID: "2", Secret: "expired-89abcdef"},
		NoCredit: upstream.Session{ID: "3", Secret: "nocredits-abcdef"},
		Request: upstream.Request{
			TaskID: "t", Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a paper boat @1",
			Duration: 4, Ratio: "9:16", Resolution: "720p", Materials: []upstream.Material{image},
		},
		IsSubmit: func(r *http.Request) bool {
			return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/")
		},
		Received: func() []upstreamtest.Received {
			var list []upstreamtest.Received
			for _, s := range sim.Submits() {
				var got upstreamtest.Received
				for _, m := range s.Materials {
					got.Materials = append(got.Materials, upstreamtest.Content{Size: m.Size, SHA256: m.SHA256})
				}
				list = append(list, got)
			}
			return list
		},
	}
}

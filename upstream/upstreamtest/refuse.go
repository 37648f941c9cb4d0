package upstreamtest

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// submitFails submits a request that must fail without being accepted.
func submitFails(t *testing.T, h Harness, s upstream.Session, r upstream.Request, kind upstream.Kind) {
	t.Helper()
	_, err := h.Driver.Submit(testContext(t), s, &r)
	e := wantFault(t, h, err)
	if e.Kind != kind || !e.NotAccepted || e.Unreachable {
		t.Errorf("got %+v, want %s, surely not accepted, and an upstream that is reachable", e, kind)
	}
	if n := len(h.Received()); n != 0 {
		t.Errorf("the upstream accepted %d requests", n)
	}
}

func testUnknownModel(t *testing.T, h Harness) {
	r := h.Request
	r.Model = "no-such-model"
	submitFails(t, h, h.Session, r, upstream.BadInput)
}

func testWrongKind(t *testing.T, h Harness) {
	r := h.Request
	r.Kind = upstream.Image
	submitFails(t, h, h.Session, r, upstream.BadInput)
}

func testExpiredSubmit(t *testing.T, h Harness) {
	submitFails(t, h, h.Expired, h.Request, upstream.Auth)
}

func testNoCreditSubmit(t *testing.T, h Harness) {
	submitFails(t, h, h.NoCredit, h.Request, upstream.Quota)
}

// testBadMaterial: no material, no generation.
func testBadMaterial(t *testing.T, h Harness) {
	broken := errors.New("the store has lost it")
	whole, _ := Material(upstream.Image, "a.png", "image/png", 1<<20)
	opened := whole
	opened.Open = func(context.Context) (io.ReadCloser, error) { return nil, broken }
	torn := whole
	torn.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(io.LimitReader(zeros{}, 300<<10), failing{broken})), nil
	}
	short := whole
	short.Open = func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(io.LimitReader(zeros{}, whole.Size-1)), nil
	}
	for name, m := range map[string]upstream.Material{"open": opened, "read": torn, "short": short} {
		t.Run(name, func(t *testing.T) {
			r := h.Request
			r.Materials = []upstream.Material{whole, m}
			submitFails(t, h, h.Session, r, upstream.FileTransfer)
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

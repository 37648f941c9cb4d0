// Package upstreamtest holds the conformance suite of upstream drivers: what the
// queue and the pool rely on, whatever protocol a driver speaks.
package upstreamtest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// Harness is one upstream with a driver for it. The suite spends money there.
type Harness struct {
	Driver upstream.Driver
	URL    string                                         // where the upstream listens
	New    func(t *testing.T, url string) upstream.Driver // a driver for another address

	Session  upstream.Session // works and has credits
	Expired  upstream.Session // its login has expired
	NoCredit upstream.Session // it works and has no credits

	// Request is a video that succeeds at once. Its materials are the least that
	// the model needs; the suite adds to them.
	Request upstream.Request
	// IsSubmit tells the driver's paying requests from its others.
	IsSubmit func(*http.Request) bool
	// Received lists the paid requests that the upstream accepted, oldest first.
	Received func() []Received
}

// Received is a paid request as the upstream saw it.
type Received struct {
	Materials []Content // in no particular order
}

// Content is a material as the upstream saw it.
type Content struct {
	Size   int64
	SHA256 string // lower-case hex
}

// Run runs the suite. The function makes a fresh upstream for every test.
func Run(t *testing.T, setup func(t *testing.T) Harness) {
	for name, test := range map[string]func(*testing.T, Harness){
		"Models":         testModels,
		"Generate":       testGenerate,
		"Materials":      testMaterials,
		"UnknownModel":   testUnknownModel,
		"NamedModel":     testNamedModel,
		"WrongKind":      testWrongKind,
		"BadMaterial":    testBadMaterial,
		"ExpiredSubmit":  testExpiredSubmit,
		"NoCreditSubmit": testNoCreditSubmit,
		"DeadAddress":    testDeadAddress,
		"Cut":            testCut,
		"Garbage":        testGarbage,
		"HalfUpload":     testHalfUpload,
		"Cancel":         testCancel,
		"CancelUpload":   testCancelUpload,
		"CancelPoll":     testCancelPoll,
		"PollDead":       testPollDead,
		"Probe":          testProbe,
		"Download":       testDownload,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, setup(t))
		})
	}
}

// patience is how long anything that should be quick may take on a busy machine.
const patience = 20 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	return ctx
}

// wantFault requires err to be an *upstream.Error without secrets.
func wantFault(t *testing.T, h Harness, err error) *upstream.Error {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		t.Fatalf("%T is no *upstream.Error: %v", err, err)
	}
	if e.Kind == "" {
		t.Errorf("error without a kind: %v", e)
	}
	for _, s := range []upstream.Session{h.Session, h.Expired, h.NoCredit} {
		if strings.Contains(err.Error(), s.Secret) || strings.Contains(e.Message, s.Secret) {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
	return e
}

// finish polls until the request has ended.
func finish(ctx context.Context, t *testing.T, h Harness, sub upstream.Submission) upstream.Progress {
	t.Helper()
	progress := sub.Progress
	if sub.Ref == "" && progress.State == upstream.Running {
		t.Fatal("a submission without a ref has not ended")
	}
	for progress.State == upstream.Running {
		var err error
		if progress, err = h.Driver.Poll(ctx, h.Session, sub.Ref); err != nil {
			t.Fatalf("poll: %v", err)
		}
	}
	return progress
}

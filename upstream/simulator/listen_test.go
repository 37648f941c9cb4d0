package simulator

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// acceptances is a log that signals every submit that is accepted.
func acceptances() (*zap.Logger, <-chan struct{}) {
	accepted := make(chan struct{}, 16)
	core := zapcore.NewCore(zapcore.NewJSONEncoder(zapcore.EncoderConfig{}), zapcore.AddSync(io.Discard), zap.DebugLevel)
	return zap.New(core, zap.Hooks(func(e zapcore.Entry) error {
		if e.Message == "accepted a submit" {
			accepted <- struct{}{}
		}
		return nil
	})), accepted
}

// serve runs a simulator on a free port until the test ends.
func serve(t *testing.T, s *Server) (base string, client *http.Client) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- s.ListenAndServe(ctx, "127.0.0.1:0", func(url string) { ready <- url }) }()
	client = &http.Client{Transport: &http.Transport{}}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		client.CloseIdleConnections()
	})
	return <-ready, client
}

func post(ctx context.Context, client *http.Client, url, header string, body any) (*http.Response, error) {
	text, _ := json.Marshal(body)
	r, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer t")
	r.Header.Set("X-Simulator-Fault", header)
	return client.Do(r)
}

func TestBreakages(t *testing.T) {
	t.Parallel()
	s := New(Config{})
	base, client := serve(t, s)
	for _, tt := range []struct {
		fault  string
		status int // 0 for no answer at all
		begins string
		paid   int
	}{
		{"down", 0, "", 0},
		{"cut", 0, "", 1},
		{"truncated", 200, `{"created":`, 1},
		{"garbage", 200, "<html>", 0},
		{"garbage@generation", 200, "<html>", 1},
		{"http_500", 500, "Internal Server Error", 0},
	} {
		before := len(s.Submits())
		resp, err := post(t.Context(), client, base+"/v1/videos/submit", tt.fault, seedance("x"))
		if (err != nil) != (tt.status == 0) {
			t.Errorf("%s: error %v", tt.fault, err)
		}
		if err == nil {
			text, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != tt.status || !strings.HasPrefix(string(text), tt.begins) || (err != nil) != (tt.fault == "truncated") {
				t.Errorf("%s: HTTP %d %q, %v", tt.fault, resp.StatusCode, text, err)
			}
		}
		if got := len(s.Submits()) - before; got != tt.paid {
			t.Errorf("%s: %d paid submits, want %d", tt.fault, got, tt.paid)
		}
	}

	// The whole server, but never its own paths.
	for _, tt := range []struct {
		fault string
		paid  int
	}{{"down", 0}, {"cut", 1}} {
		before := len(s.Submits())
		control(t, s, "/_simulator/faults", `{"fault":"`+tt.fault+`"}`)
		if resp, err := post(t.Context(), client, base+"/v1/videos/submit", "", seedance("x")); err == nil {
			t.Errorf("%s: HTTP %d", tt.fault, resp.StatusCode)
		}
		if got := len(s.Submits()) - before; got != tt.paid {
			t.Errorf("server-wide %s: %d paid submits, want %d", tt.fault, got, tt.paid)
		}
		control(t, s, "/_simulator/faults", `{"fault":""}`)
	}
}

func TestHangEndsWithTheClient(t *testing.T) {
	t.Parallel()
	base, client := serve(t, New(Config{}))
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if resp, err := post(ctx, client, base+"/v1/videos/submit", "hang", seedance("x")); err == nil {
		t.Errorf("HTTP %d from a server that hangs", resp.StatusCode)
	}
}

// A client that leaves does not stop what it has paid for.
func TestGenerationOutlivesItsClient(t *testing.T) {
	t.Parallel()
	log, accepted := acceptances()
	s := New(Config{Variant: Stock, Delay: time.Hour, Log: log})
	base, client := serve(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-accepted
		cancel()
	}()
	if _, err := post(ctx, client, base+"/v1/videos/generations", "", map[string]any{"prompt": "x"}); err == nil {
		t.Error("the call has not waited")
	}
	if submits := s.Submits(); len(submits) != 1 || submits[0].Outcome != "running" {
		t.Errorf("submits %+v", submits)
	}
}

func TestStopCutsOpenCalls(t *testing.T) {
	t.Parallel()
	log, accepted := acceptances()
	s := New(Config{Variant: Iptag, Delay: time.Hour, Log: log})
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended, cut := make(chan string, 1), make(chan error, 1), make(chan error, 1)
	go func() { ended <- s.ListenAndServe(ctx, "127.0.0.1:0", func(url string) { ready <- url }) }()
	base := <-ready
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	go func() {
		_, err := post(t.Context(), client, base+"/v1/videos/generations", "", map[string]any{"prompt": "x"})
		cut <- err
	}()
	select {
	case <-accepted:
	case err := <-cut:
		t.Fatalf("the call ended before it was accepted: %v", err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("serve: %v", err)
	}
	if err := <-cut; err == nil {
		t.Error("the open call got an answer")
	}
	if err := s.ListenAndServe(t.Context(), "256.0.0.1:0", nil); err == nil {
		t.Error("listening on a wrong address must fail")
	}
}

package freeapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// wired is a driver as the product has it, but for the wire: its connections end
// at serve, in a synctest bubble in which hours pass in no time.
func wired(t *testing.T, v variant, serve func(net.Conn)) *Driver {
	t.Helper()
	d, err := New(Config{URL: "http://upstream.example"})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			defer far.Close()
			reader := bufio.NewReader(far)
			for {
				r, err := http.ReadRequest(reader)
				if err != nil {
					return
				}
				if _, err := io.Copy(io.Discard, r.Body); err != nil {
					return
				}
				if r.URL.Path != detectPath {
					serve(far)
					return
				}
				fmt.Fprintf(far, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(detectAnswers[v]), detectAnswers[v]) // the test looks at the driver
			}
		}()
		return near, nil
	}
	for _, client := range []*http.Client{d.reads, d.submits, d.downloads} {
		client.Transport.(*http.Transport).DialContext = dial
	}
	t.Cleanup(func() {
		d.Close()
		time.Sleep(2 * time.Hour) // the clock stands still when the test has ended: let serve find out before
	})
	return d
}

// after answers late, and then with a byte per pause.
func after(wait, pause time.Duration, body string) func(net.Conn) {
	return func(c net.Conn) {
		time.Sleep(wait)
		text := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		for i := range len(text) {
			if i > 0 {
				time.Sleep(pause)
			}
			if _, err := c.Write([]byte(text[i : i+1])); err != nil {
				return
			}
		}
	}
}

// hang waits until the other side has gone.
func hang(c net.Conn) { io.Copy(io.Discard, c) } // nothing comes

// A call that waits for its result is kept open as long as its context lives:
// nothing on the way has a limit of its own.
func TestACallMayTakeHours(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const long = 4 * time.Hour
		for _, serve := range []func(net.Conn){after(long, 0, blockingAnswer), after(0, time.Minute, blockingAnswer)} {
			d := wired(t, stock, serve)
			ctx, cancel := context.WithTimeout(t.Context(), long+time.Hour)
			started := time.Now()
			sub, err := d.Submit(ctx, session, &classic)
			cancel()
			if err != nil || sub.State != upstream.Succeeded {
				t.Errorf("after %s: %+v, %v", time.Since(started), sub, err)
			}
			if took := time.Since(started); took < time.Hour {
				t.Errorf("it took %s only", took)
			}
		}
	})
}

// A submit that is never answered ends with its context, and is a doubt.
func TestASubmitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, serve := range map[string]func(net.Conn){"hangs": hang, "drips": after(0, time.Hour, blockingAnswer)} {
			d := wired(t, stock, serve)
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Hour)
			started := time.Now()
			_, err := d.Submit(ctx, session, &classic)
			cancel()
			if e := asError(err); e.Kind != upstream.InDoubt || e.NotAccepted || e.Unreachable || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %+v", name, err)
			}
			if took := time.Since(started); took != 4*time.Hour {
				t.Errorf("%s: it took %s", name, took)
			}
		}
	})
}

// What costs nothing is not waited for: an upstream that hangs must not keep the
// steps that ask it.
func TestReadsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for name, serve := range map[string]func(net.Conn){"hangs": hang, "drips": after(0, time.Second, blockingAnswer)} {
			d := wired(t, fork, serve)
			if _, err := d.variant(t.Context()); err != nil {
				t.Fatal(err)
			}
			for call, do := range map[string]func() error{
				"poll":     func() error { _, err := d.Poll(t.Context(), session, "1"); return err },
				"probe":    func() error { _, err := d.Probe(t.Context(), session); return err },
				"ping":     func() error { return d.Ping(t.Context()) },
				"download": func() error { _, err := d.Download(t.Context(), session, "http://upstream.example/a.mp4"); return err },
			} {
				d.detector.learn(fork)
				started := time.Now()
				err := do()
				if e := asError(err); e.Kind != upstream.Network || e.Unreachable != (call != "download") {
					t.Errorf("%s, %s: %+v", call, name, err)
				}
				if took := time.Since(started); took != readTimeout {
					t.Errorf("%s, %s: it took %s", call, name, took)
				}
			}
		}
		// The file itself may come slowly: whoever reads it knows when that is too slow.
		d := wired(t, fork, after(0, 100*time.Millisecond, "MP4"+submitAnswer+blockingAnswer))
		started := time.Now()
		got, err := d.Download(t.Context(), session, "http://upstream.example/a.mp4")
		if err != nil {
			t.Fatal(err)
		}
		defer got.Body.Close()
		if content, err := io.ReadAll(got.Body); err != nil || int64(len(content)) != got.Size {
			t.Errorf("%d bytes after %s: %v", len(content), time.Since(started), err)
		}
	})
}

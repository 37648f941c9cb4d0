package api

import (
	"bufio"
	"encoding/json"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener for the server's ends of connections in memory, whose
// deadlines follow the clock of the test.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// A body that stops coming does not hold a request for ever, and a handler may
// take longer than the body was allowed to.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		sent   string
		status int
		code   string
	}{
		"stops":  {`{"a":`, http.StatusRequestTimeout, "body_timeout"},
		"prompt": {`{"a":1234}`, http.StatusOK, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				listener := make(pipes, 1)
				server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := strictBody(w, r, true); err != nil {
						writeJSON(w, explain(err).status, problemOf(explain(err)))
						return
					}
					time.Sleep(2 * bodyTimeout) // no waiting for anything: it is the handler's work
					if r.Context().Err() != nil {
						t.Error("the deadline of the body ends the request")
					}
					_, _ = w.Write([]byte("{}"))
				})}
				go func() { _ = server.Serve(listener) }()
				ours, theirs := net.Pipe()
				listener <- theirs
				start := time.Now()
				go func() {
					_, _ = ours.Write([]byte("POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n" + test.sent))
				}()
				res, err := http.ReadResponse(bufio.NewReader(ours), nil)
				if err != nil {
					t.Fatal(err)
				}
				var answer struct{ Code string }
				err = json.NewDecoder(res.Body).Decode(&answer)
				if err != nil || res.StatusCode != test.status || answer.Code != test.code || time.Since(start) > 2*bodyTimeout {
					t.Errorf("got %s %v after %v, %v", res.Status, answer, time.Since(start), err)
				}
				_ = ours.Close()
				close(listener)
				_ = server.Close()
			})
		})
	}
}

package api

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A body that stops, or that drips, is given up; one that flows is not, however
// long it takes.
func TestPatientBody(t *testing.T) {
	t.Parallel()
	// Long enough that a busy machine does not make a flow of a drip.
	const window, pause = 2 * time.Second, 125 * time.Millisecond
	results := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := bodyOf(w, r, 1<<20, errBrokeOff).(*patientBody)
		body.window, body.left = window, window
		_, err := io.Copy(io.Discard, body)
		if err == nil {
			// The connection must stay good for as long as the handler takes.
			select {
			case <-r.Context().Done():
				err = r.Context().Err()
			case <-time.After(2 * window):
			}
		}
		results <- err
	}))
	t.Cleanup(server.Close)
	for name, test := range map[string]struct {
		pieces int
		piece  string
		pause  time.Duration
		length int
		want   error
	}{
		"at once": {1, strings.Repeat("x", 100), 0, 100, nil},
		"stops":   {1, "x", 0, 100, errBodyTimeout},
		"drips":   {20, "x", pause, 100, errBodyTimeout},
		"flows":   {20, strings.Repeat("x", minProgress), pause, 20 * minProgress, nil},
		"ends":    {1, "x", -1, 100, errBrokeOff},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", test.length)
			ticker := time.NewTicker(max(test.pause, time.Millisecond))
			defer ticker.Stop()
			for range test.pieces {
				if _, err := io.WriteString(conn, test.piece); err != nil {
					break // the server has given up
				}
				<-ticker.C
			}
			if test.pause < 0 {
				conn.Close()
			}
			if err := <-results; err != test.want {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

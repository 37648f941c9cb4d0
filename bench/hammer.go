package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// request is the bytes of an HTTP request. Client and server share the cores,
// so the client does as little as it can: it writes the same bytes again and
// again and reads no more of an answer than where it ends.
func (b *bench) request(method, path, body string) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		method, path, "127.0.0.1", token, len(body), body)
}

// hammer sends a request from many connections for a while and returns how many
// were answered per second. Any other status than want is an error.
func hammer(address string, request []byte, want, connections int, duration time.Duration) (float64, error) {
	var answered atomic.Int64
	errs := make([]error, connections)
	begin := time.Now()
	end := begin.Add(duration)
	var clients sync.WaitGroup
	for i := range connections {
		clients.Go(func() {
			errs[i] = client(address, request, want, end, &answered)
		})
	}
	clients.Wait()
	return float64(answered.Load()) / time.Since(begin).Seconds(), errors.Join(errs...)
}

func client(address string, request []byte, want int, end time.Time, answered *atomic.Int64) error {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	for time.Now().Before(end) {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		status, err := readAnswer(reader)
		if err != nil {
			return err
		}
		if status != want {
			return fmt.Errorf("answered %d, want %d", status, want)
		}
		answered.Add(1)
	}
	return nil
}

var contentLength, chunked = []byte("Content-Length: "), []byte("Transfer-Encoding: chunked")

func readAnswer(r *bufio.Reader) (status int, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < 12 {
		return 0, fmt.Errorf("not HTTP: %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, err
	}
	length := -1
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if bytes.HasPrefix(line, contentLength) {
			if length, err = strconv.Atoi(string(line[len(contentLength):])); err != nil {
				return 0, err
			}
		}
		if bytes.HasPrefix(line, chunked) {
			return 0, errors.New("the answer has no length")
		}
	}
	_, err = io.CopyN(io.Discard, r, int64(max(length, 0)))
	return status, err
}

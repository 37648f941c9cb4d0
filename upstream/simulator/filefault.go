package simulator

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fileFaults are the words of the directive file. A word's place is part of the
// ids of generations, so new ones go to the end.
var fileFaults = []string{"", "cut", "short", "page", "garbage", "forbidden", "slow", "hold", "hold_open", "archive"}

// fileFault is what happens to those who fetch a result.
type fileFault struct {
	kind  int // in fileFaults
	first int // how many fetches get it, 0 for all
}

// parseFileFault reads NAME[:n].
func parseFileFault(text string) (f fileFault, err error) {
	name, first, counted := strings.Cut(text, ":")
	f.kind = slices.Index(fileFaults, name)
	if counted {
		f.first, err = strconv.Atoi(first)
	}
	if f.kind < 1 || err != nil || counted && (f.first < 1 || f.first > 9) {
		return f, fmt.Errorf("simulator: file %q is not one of %s, with :1 to :9 for that many fetches", text, strings.Join(fileFaults[1:], ", "))
	}
	return f, nil
}

// fetches counts how often results were asked for, and holds back those that
// wait to be released.
type fetches struct {
	mu       sync.Mutex
	n        map[string]int
	released map[string]chan struct{}
}

// next counts a fetch of the file and returns what happens to it, "" for nothing.
func (f *fetches) next(name string, fault fileFault) string {
	if fault.first == 0 {
		return fileFaults[fault.kind]
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.n == nil {
		f.n = map[string]int{}
	}
	if f.n[name] >= fault.first {
		return ""
	}
	f.n[name]++
	return fileFaults[fault.kind]
}

// gate is open when the generation's files have been released.
func (f *fetches) gate(id string) chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.released == nil {
		f.released = map[string]chan struct{}{}
	}
	if f.released[id] == nil {
		f.released[id] = make(chan struct{})
	}
	return f.released[id]
}

func (s *Server) release(w http.ResponseWriter, r *http.Request) {
	gate := s.fetches.gate(r.PathValue("id"))
	s.fetches.mu.Lock()
	defer s.fetches.mu.Unlock()
	select {
	case <-gate:
	default:
		close(gate)
	}
	w.WriteHeader(http.StatusNoContent)
}

// slowPieces is into how many pieces a slow file is cut, with a slowPause after
// each.
const slowPieces, slowPause = 20, 100 * time.Millisecond

const loginPage = "<!DOCTYPE html>\n<html><head><title>AccessDenied</title></head><body>Please sign in.</body></html>\n"

// spoil serves a file as the fault has it. Like ServeHTTP, it panics where the
// connection must break.
func (s *Server) spoil(w http.ResponseWriter, r *http.Request, id, fault, contentType string, content []byte) {
	header := w.Header()
	header.Set("Content-Type", contentType)
	half := content[:len(content)/2]
	whole := strconv.Itoa(len(content))
	send := func(b []byte) {
		if _, err := w.Write(b); err == nil {
			err = http.NewResponseController(w).Flush()
			if err == nil {
				return
			}
		}
		panic(http.ErrAbortHandler)
	}
	proceed := func(err error) {
		if err != nil {
			panic(http.ErrAbortHandler)
		}
	}
	switch fault {
	case "cut":
		header.Set("Content-Length", whole)
		send(half)
		panic(http.ErrAbortHandler)
	case "short":
		header.Set("Content-Length", strconv.Itoa(len(half)))
		send(half)
	case "page":
		header.Set("Content-Type", "text/html; charset=utf-8")
		send([]byte(loginPage))
	case "garbage":
		send([]byte(loginPage))
	case "forbidden":
		http.Error(w, "AccessDenied: Request has expired", http.StatusForbidden)
	case "slow":
		header.Set("Content-Length", whole)
		for piece := range slices.Chunk(content, len(content)/slowPieces+1) {
			send(piece)
			proceed(sleep(r.Context(), slowPause))
		}
	case "archive":
		send(append(slices.Clip(content), "PK\x05\x06"+strings.Repeat("\xff", 18)...))
	case "hold", "hold_open":
		if fault == "hold" {
			header.Set("Content-Length", whole)
		}
		send(half)
		proceed(held(r.Context(), s.fetches.gate(id)))
		send(content[len(half):])
	}
}

func held(ctx context.Context, gate chan struct{}) error {
	select {
	case <-gate:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

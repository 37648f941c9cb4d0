package api

import (
	"sort"
	"sync"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

const (
	// feedBlocks is how many blocks one piece of a feed has at most.
	feedBlocks = 64
	// feedSize is how much a feed keeps for listeners that are behind, in bytes.
	// Whoever is further behind has its pieces made for itself.
	feedSize = 2 << 20
)

// feed is a log as one kind of listener is sent it, made once for all of them. A log
// comes in small blocks; what has come between two looks at it becomes one piece.
// Whoever joins in the middle of a piece gets the rest of it, and from then on the
// same pieces as the others.
type feed struct {
	log    *logs.Log
	render func([]*logs.Block) []byte

	mu     sync.Mutex
	pieces []piece // each begins where the one before it ends
	size   int
	users  int // under the lock of feeds
}

type piece struct {
	from, to logs.Cursor
	data     []byte
}

// next is what comes behind the cursor, nothing if nobody wants these lines; at is
// behind it. skipped is how many lines the listener was too slow for. If there is
// nothing new, changed is closed when there is. last tells that the listener has all
// now.
func (f *feed) next(c logs.Cursor) (data []byte, at logs.Cursor, skipped uint64, last bool, changed <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := len(f.pieces); n > 0 && f.pieces[n-1].to.Before(c); n = len(f.pieces) {
		if !f.extend() {
			break
		}
	}
	i := sort.Search(len(f.pieces), func(i int) bool { return c.Before(f.pieces[i].to) })
	if i == len(f.pieces) {
		blocks, at, skipped, changed := f.log.Read(c, feedBlocks)
		if len(blocks) == 0 {
			return nil, c, 0, true, changed
		}
		data := f.render(blocks)
		if n := len(f.pieces); n == 0 || f.pieces[n-1].to != c || skipped > 0 {
			f.pieces, f.size = nil, 0
		}
		if skipped == 0 {
			f.add(piece{c, at, data})
		}
		return data, at, skipped, true, nil
	}
	if p := f.pieces[i]; p.from == c {
		return p.data, p.to, 0, i == len(f.pieces)-1, nil
	}
	until := f.pieces[i].to
	if c.Before(f.pieces[i].from) {
		until = f.pieces[i].from
	}
	blocks, at, skipped, _ := f.log.Read(c, min(feedBlocks, c.Blocks(until)))
	return f.render(blocks), at, skipped, false, nil
}

// extend adds the next piece, if there is one.
func (f *feed) extend() bool {
	end := f.pieces[len(f.pieces)-1].to
	blocks, at, skipped, _ := f.log.Read(end, feedBlocks)
	if len(blocks) == 0 || skipped > 0 {
		f.pieces, f.size = nil, 0
		return false
	}
	f.add(piece{end, at, f.render(blocks)})
	return true
}

func (f *feed) add(p piece) {
	f.pieces = append(f.pieces, p)
	f.size += len(p.data)
	drop := 0
	for f.size > feedSize && drop < len(f.pieces)-1 {
		f.size -= len(f.pieces[drop].data)
		drop++
	}
	f.pieces = f.pieces[drop:]
}

// feeds are those that somebody listens to.
type feeds struct {
	mu   sync.Mutex
	open map[feedKey]*feed
}

type feedKey struct {
	log     *logs.Log
	variant string
}

// join returns the feed for a kind of listener. leave must be called in the end.
func (s *feeds) join(key feedKey, render func([]*logs.Block) []byte) (f *feed, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f = s.open[key]
	if f == nil {
		f = &feed{log: key.log, render: render}
		if s.open == nil {
			s.open = map[feedKey]*feed{}
		}
		s.open[key] = f
	}
	f.users++
	return f, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if f.users--; f.users == 0 {
			delete(s.open, key)
		}
	}
}

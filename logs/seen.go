package logs

import (
	"hash/maphash"
	"maps"
	"time"
)

const (
	// seenSpan is how long before the newest line a line may still come that Docker
	// got earlier: stdout and stderr are read by two goroutines there.
	seenSpan = time.Second
	// seenMost bounds what is remembered of a burst.
	seenMost = 100_000
)

// seen knows the last lines of a log, so that it can be read again from a little
// before its end without a line that comes double, and without one that is missed.
type seen struct {
	seed    maphash.Seed
	keys    map[lineKey]int32 // how often each
	order   []lineKey         // as they came, from first on
	first   int
	newest  int64
	horizon int64             // all that came of this time and later is in keys
	again   map[lineKey]int32 // what must come again, nil when nothing is read again
	until   int64             // nothing behind it comes again
	gap     bool              // see [seen.lost]
}

type lineKey struct {
	nano int64
	hash uint64
}

func newSeen() *seen {
	return &seen{seed: maphash.MakeSeed(), keys: map[lineKey]int32{}}
}

// since is where the log must be read from, zero for its beginning.
func (s *seen) since() time.Time {
	if s.newest == 0 {
		return time.Time{}
	}
	return time.Unix(0, s.horizon)
}

// repeat says that the log is read again from since.
func (s *seen) repeat() {
	s.again, s.until = maps.Clone(s.keys), s.newest+int64(seenSpan)
	s.gap = len(s.again) > 0
}

// add reports whether the line is new. open is when the oldest line began that has
// not ended yet, zero if there is none: the log must be read from there to have it
// whole.
func (s *seen) add(line raw, open time.Time) bool {
	var h maphash.Hash
	h.SetSeed(s.seed)
	_, _ = h.Write(line.text)
	_ = h.WriteByte(byte(slot(line.stream)))
	key := lineKey{line.at.UnixNano(), h.Sum64()}
	if s.again != nil {
		if s.again[key] > 0 {
			s.again[key]--
			s.gap = false
			return false
		}
		if key.nano > s.until {
			s.again = nil
		}
	}
	// Docker 20.10 says a line twice when it rotates its log while that is followed. A
	// program may say one twice, too, but not in the same nanosecond, unless the clock
	// is too coarse to tell.
	if s.keys[key] > 0 && key.nano%1000 != 0 {
		return false
	}
	s.keys[key]++
	s.order = append(s.order, key)
	s.newest = max(s.newest, key.nano)
	horizon := s.newest - int64(seenSpan)
	if !open.IsZero() {
		horizon = min(horizon, open.UnixNano())
	}
	s.horizon = max(s.horizon, horizon)
	s.prune()
	return true
}

func (s *seen) prune() {
	for s.first < len(s.order) {
		oldest := s.order[s.first]
		if len(s.order)-s.first > seenMost {
			s.horizon = max(s.horizon, oldest.nano+1)
		} else if oldest.nano >= s.horizon {
			break
		}
		if s.keys[oldest]--; s.keys[oldest] == 0 {
			delete(s.keys, oldest)
		}
		s.first++
	}
	if s.first > 1000 && s.first > len(s.order)/2 {
		s.order = append(s.order[:0], s.order[s.first:]...)
		s.first = 0
	}
}

// lost reports, once, that lines are missing before the one that came: Docker keeps
// them in one order, so those that are known come first, if it still has them.
func (s *seen) lost() bool {
	gap := s.gap
	s.gap = false
	return gap
}

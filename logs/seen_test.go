package logs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// entry is a line of Docker's log, which has them in the order of its own.
type entry struct {
	at     time.Time
	stream Stream
	text   string
}

func (e entry) raw() raw { return raw{stream: e.stream, at: e.at, text: []byte(e.text)} }

// A log that is read again and again from a little before its end comes once, whole
// and in order, however its times are out of order and repeat themselves.
func TestSeenNeitherGapNorDouble(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var log []entry
		at := noon.Truncate(time.Microsecond) // a coarse clock: lines with the same time may be equal
		for i := range 500 {
			at = at.Add(time.Duration(random.IntN(4)) * 40 * time.Millisecond)
			e := entry{at, Stdout, fmt.Sprint("line ", i/3)} // texts repeat
			if random.IntN(2) == 0 {
				e.stream, e.at = Stderr, at.Add(-time.Duration(random.IntN(500))*time.Millisecond)
			}
			log = append(log, e)
		}
		s := newSeen()
		var got []entry
		for end := 0; end < len(log); {
			end = min(len(log), end+random.IntN(100))
			since := s.since()
			s.repeat()
			for _, e := range log[:end] {
				if e.at.Before(since) {
					continue
				}
				if s.add(e.raw(), time.Time{}) {
					if s.lost() {
						t.Fatal("nothing was lost")
					}
					got = append(got, e)
				}
			}
		}
		if !slices.Equal(got, log) {
			t.Fatalf("%d of %d lines came, or in another order", len(got), len(log))
		}
	}
}

func TestSeenDropsWhatDockerSaysTwice(t *testing.T) {
	t.Parallel()
	s := newSeen()
	got := 0
	for _, i := range []int{1, 2, 3, 2, 3, 4, 4, 5} {
		if s.add(entry{noon.Add(time.Duration(i) * time.Millisecond), Stdout, "x"}.raw(), time.Time{}) {
			got++
		}
	}
	if got != 5 {
		t.Errorf("%d lines came", got)
	}
}

func TestSeenTellsWhatIsLost(t *testing.T) {
	t.Parallel()
	s := newSeen()
	for i := range 10 {
		s.add(entry{noon.Add(time.Duration(i) * time.Millisecond), Stdout, "x"}.raw(), time.Time{})
	}
	s.repeat()
	if !s.add(entry{noon.Add(time.Minute), Stdout, "after a rotation"}.raw(), time.Time{}) || !s.lost() || s.lost() {
		t.Error("lines are missing, and it was not told once")
	}
}

// What is remembered of a burst has a bound, and what is read again begins behind
// what is forgotten.
func TestSeenIsBounded(t *testing.T) {
	t.Parallel()
	s := newSeen()
	n := 3 * seenMost
	for i := range n {
		s.add(entry{noon.Add(time.Duration(i)), Stdout, "x"}.raw(), time.Time{})
	}
	if len(s.keys) > seenMost || len(s.order) > 2*seenMost+1000 {
		t.Errorf("%d and %d are remembered", len(s.keys), len(s.order))
	}
	if since := s.since(); since.Before(noon.Add(time.Duration(n-seenMost-1))) || since.After(noon.Add(time.Duration(n))) {
		t.Errorf("is read from %s", since)
	}
	// A line that is still open holds the place back.
	s = newSeen()
	for i := range 100 {
		s.add(entry{noon.Add(time.Duration(i) * time.Second), Stderr, "x"}.raw(), noon.Add(30*time.Second))
	}
	if !s.since().Equal(noon.Add(30 * time.Second)) {
		t.Errorf("is read from %s", s.since())
	}
}

// Each answer bounds the clock's offset; many of them bound it well.
func TestClock(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{0, 4 * time.Second, -90 * time.Minute} {
		var c clock
		if c.offset() != 0 {
			t.Error("an unknown clock has an offset")
		}
		for i := range 50 {
			sent := noon.Add(time.Duration(i) * 2137 * time.Millisecond)
			date := sent.Add(offset + time.Millisecond).Truncate(time.Second)
			c.saw(date.Format("Mon, 02 Jan 2006 15:04:05 GMT"), sent, sent.Add(2*time.Millisecond))
		}
		if got := c.offset(); got < offset-100*time.Millisecond || got > offset+100*time.Millisecond {
			t.Errorf("the offset of %s is taken for %s", offset, got)
		}
		c.saw("not a date", noon, noon)
		sent := noon.Add(time.Hour) // it is set by three hours
		c.saw(sent.Add(offset+3*time.Hour).Format("Mon, 02 Jan 2006 15:04:05 GMT"), sent, sent)
		if got := c.offset(); got < offset+3*time.Hour-time.Second || got > offset+3*time.Hour+time.Second {
			t.Errorf("the clock was set, and its offset is taken for %s", got)
		}
	}
}

func TestCheckHost(t *testing.T) {
	t.Parallel()
	for host, ok := range map[string]bool{
		"unix:///var/run/docker.sock": true, "tcp://10.0.0.5:2376": true, "tcp://docker": true,
		"": false, "/var/run/docker.sock": false, "unix://docker.sock": false, "ssh://host": false, "tcp://": false,
		"http://x": false, "tcp://user:password@x": false, "npipe:////./pipe/docker_engine": false,
	} {
		if err := CheckHost(host); (err == nil) != ok {
			t.Errorf("%q: %v", host, err)
		}
	}
}

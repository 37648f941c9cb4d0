package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/store/storetest"
)

// tries is how often a point is aimed at before the test gives up.
const tries = 60

// The gateway is killed at every point of a task's life, on both databases, with
// an upstream that is polled and, where that is another point, one whose call
// blocks. Started again, it brings the task to the end that the point leaves it,
// keeps its books right and pays for nothing twice.
func TestCrashMatrix(t *testing.T) {
	t.Parallel()
	blocking := []point{atWire, atWireLater, atAccepted, atAnswered, atResults}
	for variant, list := range map[string][]point{"fork": points, "stock": blocking} {
		t.Run(variant, func(t *testing.T) {
			t.Parallel()
			storetest.Each(t, func(t *testing.T, database string) {
				m := &matrix{crash: newCrash(t, database, variant, "250ms", "250ms")}
				m.sessions(1, 1)
				m.records = openRecords(t, database)
				for _, p := range list {
					m.meet(p)
				}
				m.records.close()
				m.usable()
				m.term()
			})
		})
	}
}

type matrix struct {
	*crash
	records *records
}

// meet kills the gateway when a task is at the point, and looks at what becomes
// of it. A crash that comes too early or too late is judged all the same.
func (m *matrix) meet(p point) {
	m.t.Helper()
	slice := 200 * time.Microsecond
	for try := range tries {
		name := fmt.Sprintf("boat-%s-%d", strings.Map(letters, string(p)), try)
		m.wants[name] = want{paid: true}
		held := m.bring(p, name, slice)
		slice = max(slice*3/4, 20*time.Microsecond)
		if held == nil {
			m.ended() // it was missed
			continue
		}
		m.records.close() // so that the gateway finds the database as the crash leaves it
		m.die()
		for _, h := range held.calls {
			h.release <- held.goOn
		}
		m.wire.unhold()
		met := point("")
		for _, row := range m.autopsy() {
			m.met[row.id] = append(m.met[row.id], row.point)
			if row.name == name {
				met = row.point
			}
		}
		m.live()
		m.ended()
		m.records = openRecords(m.t, m.database)
		m.verify(fmt.Sprintf("after a crash at %q", met))
		if met == p {
			m.t.Logf("%s: met at try %d", p, try+1)
			return
		}
	}
	m.t.Errorf("%s: not met in %d tries", p, tries)
}

func letters(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

// brought is a gateway that stands still, with a task where it was wanted.
type brought struct {
	calls []*held
	goOn  bool // the calls that are held reach the upstream after the crash
}

// bring sends a task and stops the gateway when it seems to be at the point. It
// returns nil if that was missed.
func (m *matrix) bring(p point, name string, slice time.Duration) *brought {
	m.t.Helper()
	at := func(moment moment) *brought {
		h := m.wire.hold(moment, name)
		m.create(name, "[[delay:0s]]")
		m.reached(h)
		return &brought{calls: []*held{h}, goOn: true}
	}
	// from lets a held call go, and the gateway after it in slices.
	from := func(moment moment, look func() sight) *brought {
		at(moment).calls[0].release <- true
		return m.step(slice, look)
	}
	// between is for what can be read off the row: there in one state, until a
	// call is on the wire.
	between := func(status, attempt string, call moment) func() sight {
		return func() sight {
			row := m.row(name)
			switch {
			case m.wire.seen(name).n[call] > 0:
				return past
			case row != nil && row.status == status && row.attemptState == attempt:
				return there
			}
			return before
		}
	}
	switch p {
	case atStored:
		m.wants["boat-first-"+name] = want{paid: true}
		m.create("boat-first-"+name, "[[delay:1s]]") // has the only slot
		m.create(name, "")
		return m.frozen()
	case atAdmitted:
		m.create(name, "")
		return m.step(time.Millisecond, func() sight {
			if row := m.row(name); row != nil && row.attemptState != "admitted" {
				return past
			}
			return between("submitting", "admitted", submitSent)()
		})
	case atIntent:
		m.create(name, "")
		return m.step(slice, between("submitting", "sending", submitSent))
	case atWire:
		b := at(submitSent)
		b.goOn = false
		return b
	case atWireLater:
		return at(submitSent)
	case atAccepted:
		if !m.blocking {
			return at(submitAnswered)
		}
		m.create(name, "[[delay:2s]]")
		m.eventually(time.Minute, func() string {
			if !m.booked(name) {
				return "the upstream does not accept"
			}
			return ""
		})
		return m.frozen()
	case atAnswered:
		b := at(submitAnswered)
		m.freeze()
		b.calls[0].release <- true
		m.eventually(time.Minute, func() string {
			if m.wire.seen(name).n[submitHeard] == 0 {
				return "the wire does not write"
			}
			return ""
		})
		return &brought{}
	case atPolling:
		m.create(name, "[[delay:1s]]")
		return m.step(time.Millisecond, func() sight {
			calls := m.wire.seen(name)
			switch row := m.row(name); {
			case row == nil || row.status == "submitting" || row.status == "queued":
				return before
			case row.status != "polling":
				return past
			case calls.n[pollHeard] > 0 && calls.n[pollHeard] == calls.n[pollSent]:
				return there
			}
			return before
		})
	case atPoll:
		return at(pollSent)
	case atResults:
		if m.blocking {
			return from(submitAnswered, between("downloading", "accepted", fileSent))
		}
		return from(pollSent, between("downloading", "accepted", fileSent))
	case atDownload:
		b := at(fileHalf)
		m.eventually(time.Minute, func() string {
			if !m.temporary() {
				return "no byte of the download is on the disk"
			}
			return ""
		})
		return b
	case atDownloaded:
		return from(fileHalf, func() sight {
			row := m.row(name)
			switch {
			case row.status == "succeeded":
				return past
			case m.stored(row.id) > 0:
				return there
			}
			return before
		})
	case atEnded:
		return from(fileHalf, func() sight {
			row := m.row(name)
			switch {
			case m.listener.heard(row.id):
				return past
			case row.status == "succeeded":
				return there
			}
			return before
		})
	case atAnnounced:
		m.create(name, "[[delay:0s]]")
		m.eventually(time.Minute, func() string {
			if row := m.row(name); row == nil || !m.listener.heard(row.id) {
				return "the end is not announced"
			}
			return ""
		})
		return m.frozen()
	}
	m.t.Fatalf("nobody knows how to bring a task to %q", p)
	return nil
}

func (m *matrix) create(name, directive string) {
	m.t.Helper()
	if _, _, err := m.seedance(strings.TrimSpace(name + " " + directive)); err != nil {
		m.t.Fatal(err)
	}
}

func (m *matrix) reached(h *held) {
	m.t.Helper()
	select {
	case <-h.reached:
	case <-time.After(time.Minute):
		m.t.Fatal("no call has come")
	}
}

// row is the task of the name, nil if it is not there yet.
func (m *matrix) row(name string) *row {
	m.t.Helper()
	rows := m.records.tasks("t.prompt = $1 OR t.prompt LIKE $2", name, name+" %")
	if len(rows) == 0 {
		return nil
	}
	return rows[0]
}

// booked reports whether the upstream has accepted the task.
func (m *matrix) booked(name string) bool {
	m.t.Helper()
	for prompt := range m.paid() {
		if taskName.FindString(prompt) == name {
			return true
		}
	}
	return false
}

// temporary reports whether there is a file that is being written.
func (m *matrix) temporary() bool {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.dir, "data", "blobs", ".tmp", "*"))
	if err != nil {
		m.t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 && info.ModTime().After(m.bornAt) {
			return true
		}
	}
	return false
}

// sight is what a look at a gateway that stands still shows.
type sight int

const (
	before sight = iota
	there
	past
)

// step lets the gateway run for slices of time and looks at it between them,
// until a task is there, or past it.
func (m *matrix) step(slice time.Duration, look func() sight) *brought {
	m.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		m.freeze()
		switch look() {
		case there:
			return &brought{}
		case past:
			m.thaw()
			return nil
		}
		m.thaw()
		for begin := time.Now(); time.Since(begin) < slice; { // a timer would take a millisecond
		}
	}
	return nil
}

func (m *matrix) frozen() *brought {
	m.freeze()
	return &brought{}
}

// freeze stops the gateway where it is, and returns when it stands.
func (c *crash) freeze() {
	c.t.Helper()
	if err := c.process.Process.Signal(syscall.SIGSTOP); err != nil {
		c.t.Fatal(err)
	}
	for {
		var status syscall.WaitStatus
		_, err := syscall.Wait4(c.process.Process.Pid, &status, syscall.WUNTRACED, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || !status.Stopped() {
			c.t.Fatalf("the gateway does not stop: %v %v", status, err)
		}
		return
	}
}

func (c *crash) thaw() {
	c.t.Helper()
	if err := c.process.Process.Signal(syscall.SIGCONT); err != nil {
		c.t.Fatal(err)
	}
}

// verify compares everything that is known with what it should be, while the
// gateway has nothing to do.
func (m *matrix) verify(when string) {
	m.t.Helper()
	m.takeLedger()
	problems := append(m.records.books(), m.receipts(m.records)...)
	for _, row := range m.records.tasks("1 = 1") {
		if problem := m.judge(row); problem != "" {
			problems = append(problems, problem)
		}
		if ends := m.ends(row.id); ends != 1 {
			problems = append(problems, fmt.Sprintf("task %s has %d ends in its history", row.id, ends))
		}
	}
	m.eventually(time.Minute, func() string {
		if missed := m.listener.missed(m.records); len(missed) > 0 {
			return fmt.Sprintf("%s: %s", when, missed)
		}
		return ""
	})
	for _, problem := range problems {
		m.t.Errorf("%s: %s", when, problem)
	}
	if m.t.Failed() {
		m.t.FailNow()
	}
}

// ends counts how often a task has ended, as the API tells it.
func (c *crash) ends(task string) (n int) {
	c.t.Helper()
	var answer struct {
		History []struct {
			What string `json:"what"`
		} `json:"history"`
	}
	if _, err := c.call("GET", "/api/v1/tasks/"+task+"/history", nil, &answer); err != nil {
		c.t.Fatal(err)
	}
	for _, h := range answer.History {
		if h.What == "ended" {
			n++
		}
	}
	return n
}

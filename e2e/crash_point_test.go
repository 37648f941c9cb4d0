package e2e

import (
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// point is where a crash met a task.
type point string

// The points of a task's life, in its order.
const (
	atStored     point = "stored, not admitted"
	atAdmitted   point = "admitted, no intent"
	atIntent     point = "intent on disk, nothing sent"
	atWire       point = "request sent, not accepted"
	atWireLater  point = "request sent, accepted after the crash"
	atAccepted   point = "accepted, no answer yet"
	atAnswered   point = "answer on its way, not stored"
	atPolling    point = "answer stored, between polls"
	atPoll       point = "in a poll"
	atResults    point = "results known, no download yet"
	atDownload   point = "in the download"
	atDownloaded point = "file stored, end not written"
	atEnded      point = "ended, not announced"
	atAnnounced  point = "ended and announced"
)

var points = []point{atStored, atAdmitted, atIntent, atWire, atWireLater, atAccepted, atAnswered, atPolling, atPoll, atResults,
	atDownload, atDownloaded, atEnded, atAnnounced}

// doubtful are the points after which nobody can tell whether the upstream has
// accepted: free_api has no way to ask it.
func (p point) doubtful() bool {
	switch p {
	case atIntent, atWire, atWireLater, atAccepted, atAnswered:
		return true
	}
	return false
}

// classify says where the crash met the task: from its row, from what the wire
// has seen of its calls, and from what the upstream has counted.
func (c *crash) classify(r *row) point {
	calls := c.wire.seen(r.name)
	// within reports whether the moment was after from and before the crash.
	within := func(m moment, from time.Time) bool {
		at := calls.last[m]
		return !at.Before(from) && at.Before(c.killedAt)
	}
	switch r.status {
	case "queued":
		return atStored
	case "submitting":
		return c.classifySubmit(r, within)
	case "polling":
		sent, heard := calls.last[pollSent], calls.last[pollHeard]
		if !sent.Before(c.bornAt) && (heard.Before(sent) || heard.After(c.killedAt)) {
			return atPoll
		}
		return atPolling
	case "downloading":
		files := c.stored(r.id)
		before := c.files[r.id] // left from lives before
		c.files[r.id] = files
		switch {
		case files > before:
			return atDownloaded
		case !calls.last[fileSent].Before(c.bornAt):
			return atDownload
		}
		return atResults
	}
	if !c.listener.heard(r.id) {
		return atEnded
	}
	return atAnnounced
}

// stored counts the results of a task that are in the blob store, without posters.
func (c *crash) stored(task string) int {
	c.t.Helper()
	files, err := filepath.Glob(filepath.Join(c.dir, "data", "blobs", "artifacts", task, "*", "*"))
	if err != nil {
		c.t.Fatal(err)
	}
	return len(slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, "-poster.jpg") }))
}

func (c *crash) classifySubmit(r *row, within func(moment, time.Time) bool) point {
	if r.attemptState == "admitted" {
		return atAdmitted
	}
	sentAt := time.UnixMilli(r.sentAt)
	if c.wire.seen(r.name).last[submitSent].Before(sentAt) {
		return atIntent
	}
	for _, paid := range c.paidFor[r.name] {
		switch {
		case paid.Time.Before(sentAt):
		case paid.Time.After(c.killedAt):
			return atWireLater
		case within(submitHeard, sentAt):
			return atAnswered
		default:
			return atAccepted
		}
	}
	return atWire
}

package logs

import "sync"

// lineCost is what a line costs beside its text, roughly, in bytes.
const lineCost = 128

// Block is what came into a log at once. Listeners take whole blocks, so that what
// is made of them can be made once for all.
type Block struct {
	Seq   uint64 // counts the blocks of the log since it was made, from 1
	Lines []Line // at least one

	first uint64 // the number of its first line, from 1
	size  int
}

// Log keeps the newest lines of one log, up to a number of bytes.
type Log struct {
	most int

	mu      sync.Mutex
	blocks  []*Block // oldest first
	size    int
	last    ID
	seq     uint64        // of the newest block
	lines   uint64        // that ever came
	changed chan struct{} // closed when a block comes
}

// New makes a log that keeps about so many bytes.
func New(most int) *Log {
	return &Log{most: most, changed: make(chan struct{})}
}

// Append adds lines as one block and gives them their ids; the log keeps the
// slice. Whoever writes much collects lines for some milliseconds first.
func (l *Log) Append(lines []Line) {
	if len(lines) == 0 {
		return
	}
	b := &Block{Lines: lines}
	for i := range lines {
		b.size += lineCost + len(lines[i].Text)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range lines {
		l.last = l.last.next(&lines[i])
		lines[i].ID = l.last
	}
	l.seq++
	b.Seq, b.first = l.seq, l.lines+1
	l.lines += uint64(len(lines))
	l.size += b.size
	l.blocks = append(l.blocks, b)
	drop := 0
	for l.size > l.most && drop < len(l.blocks)-1 {
		l.size -= l.blocks[drop].size
		l.blocks[drop] = nil
		drop++
	}
	l.blocks = l.blocks[drop:]
	close(l.changed)
	l.changed = make(chan struct{})
}

// Cursor is how far a listener has read.
type Cursor struct {
	seq  uint64 // the last block
	line uint64 // the last line
}

// Kept returns all lines that are kept, oldest first, with the cursor behind them.
func (l *Log) Kept() ([]Line, Cursor) {
	l.mu.Lock()
	blocks := append([]*Block(nil), l.blocks...)
	end := Cursor{l.seq, l.lines}
	l.mu.Unlock()
	n := 0
	for _, b := range blocks {
		n += len(b.Lines)
	}
	lines := make([]Line, 0, n)
	for _, b := range blocks {
		lines = append(lines, b.Lines...)
	}
	return lines, end
}

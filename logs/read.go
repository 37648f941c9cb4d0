package logs

import "iter"

// Read returns at most so many of the blocks behind the cursor, and the cursor
// behind these. skipped is how many lines a listener has missed because it was too
// slow. Without new blocks, changed is closed when there is one.
func (l *Log) Read(c Cursor, most int) (blocks []*Block, next Cursor, skipped uint64, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.seq >= l.seq {
		return nil, c, 0, l.changed
	}
	oldest := l.blocks[0].Seq
	from := max(c.seq+1, oldest)
	blocks = append(blocks, l.blocks[from-oldest:][:min(uint64(most), l.seq-from+1)]...)
	skipped = blocks[0].first - 1 - c.line
	last := blocks[len(blocks)-1]
	return blocks, Cursor{last.Seq, last.first + uint64(len(last.Lines)) - 1}, skipped, nil
}

// Before reports whether the cursor stands before another one of the same log.
func (c Cursor) Before(other Cursor) bool { return c.seq < other.seq }

// Blocks is how many blocks there are from the cursor to one behind it.
func (c Cursor) Blocks(to Cursor) int { return int(to.seq - c.seq) }

// View is what a log keeps at one moment. It costs no copy of the lines.
type View struct {
	blocks []*Block
	End    Cursor // behind its newest line
}

// View shows what the log keeps now.
func (l *Log) View() View {
	l.mu.Lock()
	defer l.mu.Unlock()
	return View{append([]*Block(nil), l.blocks...), Cursor{l.seq, l.lines}}
}

// Oldest is the id of the oldest line, ok is false if there is none. Markers that
// came before any line have no place in time and do not count.
func (v View) Oldest() (id ID, ok bool) {
	for _, b := range v.blocks {
		for i := range b.Lines {
			if b.Lines[i].ID.Nano > 0 {
				return b.Lines[i].ID, true
			}
		}
	}
	return ID{}, false
}

// Before goes through the lines that stand before the one with the id, newest
// first; the zero id stands for the end.
func (v View) Before(id ID) iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		for i := len(v.blocks) - 1; i >= 0; i-- {
			lines := v.blocks[i].Lines
			if id != (ID{}) && !lines[0].ID.Before(id) {
				continue
			}
			for j := len(lines) - 1; j >= 0; j-- {
				if (id == ID{} || lines[j].ID.Before(id)) && !yield(&lines[j]) {
					return
				}
			}
		}
	}
}

// After goes through the lines behind the one with the id, oldest first.
func (v View) After(id ID) iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		for _, b := range v.blocks {
			if !id.Before(b.Lines[len(b.Lines)-1].ID) {
				continue
			}
			for j := range b.Lines {
				if id.Before(b.Lines[j].ID) && !yield(&b.Lines[j]) {
					return
				}
			}
		}
	}
}

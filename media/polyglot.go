package media

import (
	"bytes"
	"encoding/binary"
)

// foreign are signs of another file that do not occur by chance, in lower case.
// They are looked for where programs look: near the beginning and behind the
// content. Metadata in between may have any text.
var foreign = []struct{ sign, what string }{
	{"%pdf-1.", "a PDF"},
	{"%pdf-2.", "a PDF"},
	{"<html>", "a web page"},
	{"<html ", "a web page"},
	{"<!doctype html", "a web page"},
	{"<script", "a web page"},
	{"<?php", "a program"},
	{"rar!\x1a\x07", "an archive"},
	{"7z\xbc\xaf\x27\x1c", "an archive"},
}

// leading are signs that count only at the beginning of what lies behind the
// content. A phone puts other things there: more pictures, a video, its notes.
var leading = []struct{ sign, what string }{
	{"PK\x03\x04", "an archive"},
	{"\x1f\x8b\x08", "an archive"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"#!", "a program"},
}

const (
	longestSign = 14
	// near is how far from the beginning PDF readers look for theirs.
	near = 1024
	// zipEnd is how far from the end unzip looks for the directory: its record
	// and the longest comment.
	zipEnd = 22 + 1<<16
)

// secondNature returns what else the file is whose content ends at end, or "".
func (s *source) secondNature(end int64) (string, error) {
	if what, err := s.search(0, min(near, s.size)); what != "" || err != nil {
		return what, err
	}
	if what, err := s.searchBehind(end); what != "" || err != nil {
		return what, err
	}
	zip, err := s.hasZip()
	if zip {
		return "an archive", err
	}
	return "", err
}

// searchBehind looks at what follows the content.
func (s *source) searchBehind(end int64) (string, error) {
	begin := end
	for begin < s.size {
		part, err := s.from(begin, 1)
		if err != nil {
			return "", err
		}
		rest := bytes.TrimLeft(part, "\x00 \t\r\n")
		begin += int64(len(part) - len(rest))
		if len(rest) > 0 {
			break
		}
	}
	if begin < s.size {
		part, err := s.from(begin, int(min(4, s.size-begin)))
		if err != nil {
			return "", err
		}
		for _, l := range leading {
			if bytes.HasPrefix(part, []byte(l.sign)) {
				return l.what, nil
			}
		}
	}
	return s.search(begin, s.size)
}

// search looks for foreign signs between off and end.
func (s *source) search(off, end int64) (string, error) {
	var lower [window]byte
	for off < end {
		part, err := s.from(off, int(min(longestSign, end-off)))
		if err != nil {
			return "", err
		}
		part = part[:min(int64(len(part)), end-off)]
		text := lower[:len(part)]
		for i, c := range part {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			text[i] = c
		}
		for _, f := range foreign {
			if bytes.Contains(text, []byte(f.sign)) {
				return f.what, nil
			}
		}
		if off+int64(len(part)) >= end {
			break
		}
		off += int64(len(part)) - longestSign + 1 // a sign may lie across the edge
	}
	return "", nil
}

// hasZip tells whether the file can be read as a ZIP archive: those are read
// from their end, whatever lies before.
func (s *source) hasZip() (bool, error) {
	for off := max(0, s.size-zipEnd); off+22 <= s.size; off++ {
		var err error
		if off, err = s.index(off, 'P'); err != nil || off+22 > s.size {
			return false, err
		}
		record, err := s.at(off, 22)
		if err != nil {
			return false, err
		}
		if string(record[:4]) != "PK\x05\x06" {
			continue
		}
		// The directory lies right before its end, or where the record says.
		size, place := binary.LittleEndian.Uint32(record[12:]), binary.LittleEndian.Uint32(record[16:])
		if size == 1<<32-1 || place == 1<<32-1 {
			return true, nil // the numbers stand in a record for large archives
		}
		for _, at := range []int64{off - int64(size), int64(place)} {
			var sign [4]byte
			if size == 0 || at < 0 || at+4 > s.size {
				continue
			}
			if err := s.read(sign[:], at); err != nil {
				return false, err
			}
			if string(sign[:]) == "PK\x01\x02" {
				return true, nil
			}
		}
	}
	return false, nil
}

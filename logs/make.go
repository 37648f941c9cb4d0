package logs

import "unicode/utf8"

// makeLine makes a line to show of one that was read.
func makeLine(line raw, mask func(string) (string, string)) Line {
	body := line.text
	if line.cut > 0 {
		for n := len(body); n > 0 && len(body)-n < utf8.UTFMax; n-- {
			if utf8.RuneStart(body[n-1]) {
				if !utf8.FullRune(body[n-1:]) {
					body = body[:n-1]
				}
				break
			}
		}
	}
	cut := line.cut + len(line.text) - len(body)
	text := clean(body)
	short := shorten(text, lineMost)
	if cut > 0 && len(short) == len(text) {
		short = lastWord(short)
	}
	made := Line{Time: line.at, Stream: line.stream, Cut: cut + len(text) - len(short)}
	made.Text, made.Session = mask(short)
	made.Level = guessLevel(made.Text)
	return made
}

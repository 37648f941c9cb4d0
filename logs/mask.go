package logs

import "strings"

// What stands where a secret was; the name of the session and a bracket follow the
// second.
const (
	masked        = "[masked]"
	maskedSession = "[session "
)

// Known tells whose secret a word is: the session's id and the name that people
// know it by. It is asked for nearly every word of every line.
type Known func(word string) (id, name string, ok bool)

// Masker takes the secrets out of lines before they get into a [Log], so that
// nothing which reads a log can give them away. It knows the secrets of the pool's
// sessions, and what secrets of others look like: it rather takes away too much.
type Masker struct{ known Known }

// NewMasker makes a masker; known may be nil.
func NewMasker(known Known) *Masker {
	if known == nil {
		known = func(string) (id, name string, ok bool) { return "", "", false }
	}
	return &Masker{known}
}

// Mask returns the text without secrets, and the id of the first session whose
// secret was in it. The time that it takes grows with the length of the text and
// with nothing else. Colours stay; those inside a secret do not hide it.
func (m *Masker) Mask(text string) (clean, session string) {
	plain, at := text, []int(nil)
	if strings.IndexByte(text, '\x1b') >= 0 {
		plain, at = withoutColours(text)
	}
	f := finder{known: m.known, text: plain}
	f.run()
	if len(f.found) == 0 {
		return text, ""
	}
	var b strings.Builder
	b.Grow(len(text))
	done := 0
	for _, s := range f.found {
		from, to := s.from, s.to
		if at != nil {
			from, to = at[s.from], at[s.to-1]+1
		}
		b.WriteString(text[done:from])
		b.WriteString(s.instead)
		if at != nil { // what was coloured behind the secret stays coloured
			for i := s.from; i+1 < s.to; i++ {
				b.WriteString(text[at[i]+1 : at[i+1]])
			}
		}
		done = to
	}
	b.WriteString(text[done:])
	return b.String(), f.session
}

// withoutColours leaves out the control sequences of a terminal; at is where each
// byte of the rest stands in the text.
func withoutColours(text string) (plain string, at []int) {
	b := make([]byte, 0, len(text))
	at = make([]int, 0, len(text))
	for i := 0; i < len(text); {
		if n := controlSequence(text[i:]); n > 0 {
			i += n
			continue
		}
		b, at = append(b, text[i]), append(at, i)
		i++
	}
	return string(b), at
}

// controlSequence is the length of the control sequence that the text begins with,
// 0 if there is none.
func controlSequence(text string) int {
	if len(text) < 2 || text[0] != '\x1b' || text[1] != '[' {
		return 0
	}
	for i := 2; i < len(text); i++ {
		if c := text[i]; c >= '@' && c <= '~' {
			return i + 1
		} else if c < ' ' || c > '~' {
			return 0
		}
	}
	return 0
}

// Plain is the text without colours.
func Plain(text string) string {
	if strings.IndexByte(text, '\x1b') < 0 {
		return text
	}
	plain, _ := withoutColours(text)
	return plain
}

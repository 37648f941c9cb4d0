package freeapi

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// reference finds @1, @图1 and @image1, by which clients point at their
// materials. Stock and fork understand them; iptag has names of its own.
var reference = regexp.MustCompile(`(?i)@(?:图|image)?(\d+)`)

// omniNames names the materials of a request for iptag's omni_reference mode:
// image_file_1.. and video_file_1.., counted for each kind.
func omniNames(materials []upstream.Material) []string {
	names := make([]string, len(materials))
	count := map[upstream.MediaKind]int{}
	for i, m := range materials {
		count[m.Kind]++
		names[i] = fmt.Sprintf("%s_file_%d", m.Kind, count[m.Kind])
	}
	return names
}

// translateReferences replaces the references to materials by their names. What
// points at no material stays, and so does what only looks like a reference: the
// @1 of a mail address or of a longer word.
func translateReferences(prompt string, names []string) string {
	var b strings.Builder
	last := 0
	for _, at := range reference.FindAllStringSubmatchIndex(prompt, -1) {
		start, end := at[0], at[1]
		n, err := strconv.Atoi(prompt[at[2]:at[3]])
		if err != nil || n < 1 || n > len(names) || inWord(prompt, start, end) {
			continue
		}
		b.WriteString(prompt[last:start])
		b.WriteString("@" + names[n-1])
		last = end
	}
	b.WriteString(prompt[last:])
	return b.String()
}

// inWord reports whether prompt[start:end] continues an ASCII word, is continued
// by one, or is the beginning of a decimal number. Chinese text needs no spaces
// around a reference.
func inWord(prompt string, start, end int) bool {
	if start > 0 && asciiWord(prompt[start-1]) {
		return true
	}
	rest := prompt[end:]
	if rest == "" {
		return false
	}
	return asciiWord(rest[0]) || rest[0] == '.' && len(rest) > 1 && rest[1] >= '0' && rest[1] <= '9'
}

func asciiWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

package freeapi

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// checkSecret refuses what is not exactly one token. With a list the servers
// pick one at random per request, so a status would be asked with a foreign
// account. The fault is the session's and no other session has it.
func checkSecret(secret string) error {
	problem := ""
	switch {
	case strings.TrimSpace(secret) == "":
		problem = "the session has no token"
	case strings.Contains(secret, ","):
		problem = "the session holds more than one token; add each as a session of its own"
	case strings.ContainsFunc(secret, func(r rune) bool { return r < ' ' || r == 0x7f }):
		problem = "the session's token holds a control character"
	default:
		return nil
	}
	return &upstream.Error{Kind: upstream.Auth, NotAccepted: true, Message: problem}
}

var regionPrefix = regexp.MustCompile(`(?i)^(us|hk|jp|sg)-`)

// region is that of an iptag token, [PROXY@][REGION-]SESSIONID: us, hk, jp, sg,
// or "" for China.
func region(secret string) string {
	token := strings.TrimSpace(secret[strings.LastIndexByte(secret, '@')+1:])
	return strings.ToLower(strings.TrimSuffix(regionPrefix.FindString(token), "-"))
}

const (
	maxMessage  = 2000 // bytes of the upstream's words that are kept
	secretPiece = 8    // bytes of a secret that may not be shown in one piece
	masked      = "***"
)

// clean bounds the upstream's words and masks every piece of the session's
// secret in them; the servers like to quote the token they were given.
func clean(text, secret string) string {
	text = strings.ToValidUTF8(text, "�")
	if len(text) > 4*maxMessage { // no need to search what is cut off anyway
		text = text[:4*maxMessage]
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, text)
	for _, form := range forms(secret) {
		if len(form) >= 4 {
			text = strings.ReplaceAll(text, form, masked)
		}
		text = mask(text, form)
	}
	return shorten(strings.ToValidUTF8(text, ""), maxMessage)
}

// shorten cuts a text to so many bytes, between two characters.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most] + "…"
}

// forms are a secret as it is, and as an address or a form has it.
func forms(secret string) []string {
	list := []string{secret}
	for _, escaped := range []string{url.QueryEscape(secret), url.PathEscape(secret)} {
		small := hexDigits.ReplaceAllStringFunc(escaped, strings.ToLower)
		for _, form := range []string{escaped, small} {
			if !slices.Contains(list, form) {
				list = append(list, form)
			}
		}
	}
	return list
}

var hexDigits = regexp.MustCompile(`%[0-9A-F]{2}`)

// mask replaces every longest run of text that also is in piece.
func mask(text, piece string) string {
	if len(piece) < secretPiece {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for l := secretPiece; i+l <= len(text) && strings.Contains(piece, text[i:i+l]); l++ {
			n = l
		}
		if n == 0 {
			b.WriteByte(text[i])
			i++
			continue
		}
		b.WriteString(masked)
		i += n
	}
	return b.String()
}

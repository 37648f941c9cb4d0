package auth

import (
	"bytes"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"
)

func newLinks(t *testing.T) *Links {
	t.Helper()
	return NewLinks(func() []byte { return bytes.Repeat([]byte{7}, 32) })
}

func TestLinks(t *testing.T) {
	t.Parallel()
	links := newLinks(t)
	now := time.Now()
	const path = "/v1/artifacts/01J9/0"
	signed, err := url.Parse(links.Sign(path, now.Add(time.Hour)))
	if err != nil {
		t.Fatal(err)
	}
	if err := links.Verify(signed.Path, signed.Query(), now); err != nil {
		t.Errorf("fresh link: %v", err)
	}
	if err := links.Verify(signed.Path, signed.Query(), now.Add(time.Hour)); !errors.Is(err, ErrLinkExpired) {
		t.Errorf("old link: %v", err)
	}

	other := NewLinks(func() []byte { return bytes.Repeat([]byte{8}, 32) })
	if err := other.Verify(signed.Path, signed.Query(), now); !errors.Is(err, ErrLinkInvalid) {
		t.Errorf("link of another gateway: %v", err)
	}
	changes := map[string]func(path *string, q url.Values){
		"other path":       func(p *string, _ url.Values) { *p = "/v1/artifacts/01J9/1" },
		"later":            func(_ *string, q url.Values) { q.Set("expires", "9999999999") },
		"padded expiry":    func(_ *string, q url.Values) { q.Set("expires", "0"+q.Get("expires")) },
		"signed expiry":    func(_ *string, q url.Values) { q.Set("expires", "+"+q.Get("expires")) },
		"no expiry":        func(_ *string, q url.Values) { q.Del("expires") },
		"no signature":     func(_ *string, q url.Values) { q.Del("signature") },
		"short signature":  func(_ *string, q url.Values) { q.Set("signature", q.Get("signature")[:32]) },
		"not hexadecimal":  func(_ *string, q url.Values) { q.Set("signature", strings.Repeat("z", 64)) },
		"flipped bit":      func(_ *string, q url.Values) { q.Set("signature", "0"+q.Get("signature")[1:]+"") },
		"parts moved over": func(p *string, q url.Values) { *p += q.Get("expires")[:1]; q.Set("expires", q.Get("expires")[1:]) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, query := signed.Path, signed.Query()
			if change(&path, query); path == signed.Path && query.Encode() == signed.RawQuery {
				t.Skip("the change changes nothing this time")
			}
			if err := links.Verify(path, query, now); !errors.Is(err, ErrLinkInvalid) {
				t.Errorf("got %v, want ErrLinkInvalid", err)
			}
		})
	}
}

// A link that passes is one that was made, and every link that was made passes.
func FuzzVerify(f *testing.F) {
	links := NewLinks(func() []byte { return bytes.Repeat([]byte{7}, 32) })
	const path = "/v1/artifacts/01J9/0"
	made := links.Sign(path, time.Unix(9999999999, 0))
	_, query, _ := strings.Cut(made, "?")
	f.Add(path, query, int64(9999999999))
	f.Add(path, query+"&download=1&expires=1", int64(-1))
	f.Add(path+"\x00", strings.Replace(query, "9999999999", "999999999", 1), int64(0))
	f.Fuzz(func(t *testing.T, otherPath, query string, unix int64) {
		values, _ := url.ParseQuery(query)
		if links.Verify(otherPath, values, time.Unix(0, 0)) == nil {
			again, _ := url.ParseQuery(strings.TrimPrefix(links.Sign(path, time.Unix(9999999999, 0)), path+"?"))
			if otherPath != path || values.Get("expires") != again.Get("expires") || !strings.EqualFold(values.Get("signature"), again.Get("signature")) {
				t.Errorf("a link was forged: %q %q", otherPath, query)
			}
		}
		if strings.Contains(otherPath, "?") {
			return // an address has it escaped
		}
		_, query, _ = strings.Cut(links.Sign(otherPath, time.Unix(unix, 0)), "?")
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		want := ErrLinkExpired
		if unix > 0 {
			want = nil
		}
		if err := links.Verify(otherPath, values, time.Unix(0, 0)); !errors.Is(err, want) {
			t.Errorf("%q until %d: %v", otherPath, unix, err)
		}
	})
}

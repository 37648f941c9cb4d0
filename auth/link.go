package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strconv"
	"time"
)

var (
	// ErrLinkInvalid is a signature that the gateway did not make for this path
	// and time.
	ErrLinkInvalid = errors.New("the link's signature is not valid")
	// ErrLinkExpired is a genuine link whose time is over.
	ErrLinkExpired = errors.New("the link has expired, ask for the task again to get a new one")
)

// Links signs links that work without a key until they expire, as a video player
// needs them.
type Links struct {
	key func() []byte
}

// NewLinks signs with a secret key of 32 bytes, which all nodes share. It is asked
// for every time: links from before a rotation of the keys end with it.
func NewLinks(key func() []byte) *Links { return &Links{key} }

// Sign returns the path with the query that makes it valid until expiry.
func (l *Links) Sign(path string, expiry time.Time) string {
	expires := strconv.FormatInt(expiry.Unix(), 10)
	return path + "?expires=" + expires + "&signature=" + hex.EncodeToString(l.mac(path, expires))
}

// Verify returns [ErrLinkInvalid] or [ErrLinkExpired] unless the query is one
// that Sign made for this path and its time is not over.
func (l *Links) Verify(path string, query url.Values, now time.Time) error {
	expires := query.Get("expires")
	signature, err := hex.DecodeString(query.Get("signature"))
	if err != nil || !hmac.Equal(signature, l.mac(path, expires)) {
		return ErrLinkInvalid
	}
	// What is signed was written by Sign, so the number can be trusted now.
	unix, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return ErrLinkInvalid
	}
	if now.Unix() >= unix {
		return ErrLinkExpired
	}
	return nil
}

// mac is over both parts with a byte between them that is in neither.
func (l *Links) mac(path, expires string) []byte {
	mac := hmac.New(sha256.New, l.key())
	mac.Write([]byte(path))
	mac.Write([]byte{0})
	mac.Write([]byte(expires))
	return mac.Sum(nil)
}

package freeapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/upstream"
)

// wild is a server below HTTP: it reads one request per connection, lets
// misbehave write what it likes, and closes. It counts the requests that may cost
// money. Whoever asks for the variant gets an answer.
type wild struct {
	address   string
	submits   atomic.Int64
	requests  atomic.Int64
	misbehave atomic.Pointer[func(net.Conn)]
}

func newWild(t *testing.T, v variant, misbehave func(net.Conn)) *wild {
	t.Helper()
	w := &wild{}
	w.misbehave.Store(&misbehave)
	w.address = raw(t, func(c net.Conn) {
		c.SetDeadline(time.Now().Add(time.Minute)) // the test looks at the driver
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		if r.URL.Path == detectPath {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(detectAnswers[v]), detectAnswers[v])
			return
		}
		w.requests.Add(1)
		if r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/v1/") {
			w.submits.Add(1)
		}
		(*w.misbehave.Load())(c)
		// Take what still comes, so that closing does not throw away what was written.
		if half, ok := c.(*net.TCPConn); ok {
			half.CloseWrite()                                   // the test looks at the driver
			c.SetReadDeadline(time.Now().Add(10 * time.Second)) // the test looks at the driver
			io.Copy(io.Discard, io.LimitReader(half, 64<<20))   // the test looks at the driver
		}
	})
	return w
}

// say writes an answer as it is.
func say(format string, args ...any) func(net.Conn) {
	return func(c net.Conn) { fmt.Fprintf(c, format, args...) } // the driver may have gone
}

// answer is a whole answer with a body.
func answer(status, body string, headers ...string) func(net.Conn) {
	head := strings.Join(append([]string{"HTTP/1.1 " + status}, headers...), "\r\n")
	return say("%s\r\nContent-Length: %d\r\n\r\n%s", head, len(body), body)
}

func packed(body []byte) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(body) // a buffer takes everything
	z.Close()     // likewise
	return b.String()
}

// echo is what a server may say that likes to quote the token it was given.
const echo = "token=" + token + "&t=" + token

// token has what an address and a form write differently.
const token = "us-0123+56789/abcdef==x"

// wants is what may come of a call.
type wants int

const (
	doubt   wants = iota // a submit: nobody can tell; a read: nothing was learnt
	success              // everything is well
	refusal              // a fault that the answer names, surely not accepted
	named                // a fault that the answer names
)

// misbehaviours are answers to a call whose good answer is good.
func misbehaviours(good string) map[string]struct {
	do   func(net.Conn)
	want wants
} {
	type m = struct {
		do   func(net.Conn)
		want wants
	}
	ok := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n", len(good))
	list := map[string]m{
		"byte by byte": {func(c net.Conn) {
			for i := range ok + "\r\n" + good {
				if _, err := c.Write([]byte{(ok + "\r\n" + good)[i]}); err != nil {
					return
				}
			}
		}, success},
		"connection: close":         {say("%sConnection: close\r\n\r\n%s", ok, good), success},
		"closed after the body":     {say("%s\r\n%s", ok, good), success},
		"no length, closed":         {say("HTTP/1.1 200 OK\r\n\r\n%s", good), success},
		"HTTP/1.0":                  {say("HTTP/1.0 200 OK\r\n\r\n%s", good), success},
		"100 first":                 {say("HTTP/1.1 100 Continue\r\n\r\n%s\r\n%s", ok, good), success},
		"103 with the token first":  {say("HTTP/1.1 103 Early Hints\r\nLink: <https://other.example/?%s>\r\n\r\n%s\r\n%s", echo, ok, good), success},
		"packed":                    {answer("200 OK", packed([]byte(good)), "Content-Encoding: gzip"), success},
		"nothing":                   {func(net.Conn) {}, doubt},
		"garbage":                   {say("\x00\x01\x02\xff\xfe%s\r\n\r\n", echo), doubt},
		"another protocol":          {say("SSH-2.0-OpenSSH_9.6 %s\r\n", echo), doubt},
		"TLS":                       {say("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), doubt},
		"inside the status":         {say("HTTP/1.1 20"), doubt},
		"inside the headers":        {say("HTTP/1.1 200 OK\r\nContent-Type: applicat"), doubt},
		"before the body":           {say("%s\r\n", ok), doubt},
		"in the middle of the body": {say("%s\r\n%s", ok, good[:len(good)/2]), doubt},
		"a length too large":        {say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good)+10, good), doubt},
		"a length too small":        {say("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(good)/2, good), doubt},
		"no number as length":       {say("HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\n%s", token, good), doubt},
		"two lengths":               {say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n%s", good), doubt},
		"chunks that end early":     {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(good), good), doubt},
		"half a chunk":              {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", len(good)+10, good), doubt},
		"chunks of no length":       {say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n", token), doubt},
		"packed and broken":         {answer("200 OK", packed([]byte(good))[:20], "Content-Encoding: gzip"), doubt},
		"said to be packed":         {answer("200 OK", good, "Content-Encoding: gzip"), doubt},
		"a bomb of 64 MB":           {answer("200 OK", bomb, "Content-Encoding: gzip"), doubt},
		"101":                       {say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"), doubt},
		"103 without end":           {endless("HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"), doubt},
		"headers without end":       {endless("X-" + strings.Repeat("a", 1000) + ": b\r\n"), doubt},
		"one header without end":    {endless(strings.Repeat("a", 1000)), doubt},
		"204":                       {say("HTTP/1.1 204 No Content\r\n\r\n"), doubt},
		"304":                       {say("HTTP/1.1 304 Not Modified\r\n\r\n"), doubt},
		"empty":                     {answer("200 OK", ""), doubt},
		"HTML":                      {answer("200 OK", "<html>"+echo+"</html>", "Content-Type: text/html"), doubt},
		"JSON without end": {func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\n\r\n"+`{"message":"`)
			flood(c, "aaaaaaaa", 100<<20)
		}, doubt},
		"arrays in arrays":           {answer("200 OK", strings.Repeat("[", 1<<17)), doubt},
		"objects in objects":         {answer("200 OK", strings.Repeat(`{"data":`, 1<<15)), doubt},
		"a number":                   {answer("200 OK", "1"+strings.Repeat("0", 1<<20)), doubt},
		"null":                       {answer("200 OK", "null"), doubt},
		"half of two characters":     {answer("200 OK", "{\"message\":\"\xe5\x8d\""), doubt},
		"401":                        {answer("401 Unauthorized", ""), doubt},
		"401 and text":               {answer("401 Unauthorized", echo, `WWW-Authenticate: Basic realm="x"`), doubt},
		"403":                        {answer("403 Forbidden", "<html>"+echo), doubt},
		"404":                        {answer("404 Not Found", "404 page not found"), doubt},
		"500":                        {answer("500 Internal Server Error", ""), doubt},
		"500 and text":               {answer("500 Internal Server Error", "Error: "+echo), doubt},
		"502":                        {answer("502 Bad Gateway", ""), doubt},
		"502 and a page":             {answer("502 Bad Gateway", "<html>502"), doubt},
		"503":                        {answer("503 Service Unavailable", "", "Retry-After: 7"), doubt},
		"504":                        {answer("504 Gateway Timeout", "<html>504"), doubt},
		"429":                        {answer("429 Too Many Requests", "", "Retry-After: 7"), refusal},
		"429 and text":               {answer("429 Too Many Requests", echo), refusal},
		"a status that nobody knows": {answer("999 What", echo), doubt},
		"no status":                  {answer("abc "+token, echo), doubt},
		"a failure with the token":   {answer("200 OK", `{"code":-2001,"message":"login error: `+echo+`","data":null}`), refusal},
		"the token as a form":        {answer("200 OK", `{"code":-2001,"message":"login error: `+url.QueryEscape(token)+`","data":null}`), refusal},
		"the token in an address":    {answer("200 OK", `{"code":-2001,"message":"login error: https://x/`+url.PathEscape(token)+`","data":null}`), refusal},
		"the token in small hex":     {answer("200 OK", `{"code":-2001,"message":"login error: `+strings.ToLower(url.QueryEscape(token))+`","data":null}`), refusal},
		"the token as code":          {answer("200 OK", `{"code":"`+token+`","message":"login error","data":null}`), refusal},
		"NUL and broken text":        {answer("200 OK", "{\"code\":-1000,\"message\":\"a\\u0000b\xff\xfe"+token+"\",\"data\":null}"), named},
		"half of a surrogate":        {answer("200 OK", `{"code":-1000,"message":"\ud83d `+token+`","data":null}`), named},
		"a failure of 2 MB":          {answer("200 OK", `{"code":-1000,"message":"`+strings.Repeat(token+" ", 80000)+`","data":null}`), named},
		"a code without end":         {answer("200 OK", `{"code":1e99999,"message":"x","data":null}`), named},
		"a code twice":               {answer("200 OK", `{"code":0,"message":"a","data":null,"code":-1000,"message":"b"}`), named},
	}
	for _, status := range []string{"301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"} {
		for name, to := range map[string]string{
			"itself": "/v1/videos/submit", "another host": "http://" + stranger + "/?" + echo, "a file": "file:///etc/passwd",
			"nowhere": "", "a broken address": "http://%zz/" + token,
		} {
			headers := []string{"Location: " + to}
			if to == "" {
				headers = nil
			}
			list[status[:3]+" to "+name] = m{answer(status, "moved "+echo, headers...), doubt}
		}
	}
	return list
}

// stranger is an address that nobody must be sent to.
const stranger = "127.0.0.1:9"

// bomb is 64 MB of zeros, packed into 64 kB.
var bomb = func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.CopyN(z, zeros{}, 64<<20) // a buffer takes everything
	z.Close()                    // likewise
	return b.String()
}()

func endless(text string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n") // the driver may have gone
		flood(c, text, 32<<20)
	}
}

// flood writes the text again and again until somebody has enough.
func flood(c net.Conn, text string, size int) {
	piece := strings.Repeat(text, 1+64<<10/len(text))
	for sent := 0; sent < size; sent += len(piece) {
		if _, err := io.WriteString(c, piece); err != nil {
			return
		}
	}
}

func TestMisbehaviour(t *testing.T) {
	t.Parallel()
	s := upstream.Session{Secret: token}
	seedance := upstream.Request{Kind: upstream.Video, Model: "seedance-2.0", Prompt: "a boat", Duration: 4,
		Materials: []upstream.Material{stored(upstream.Image, "a.png", "image/png", "PNG")}}
	calls := map[string]struct {
		v    variant
		good string
		do   func(*Driver) error
	}{
		"submit": {fork, submitAnswer, func(d *Driver) error { _, err := d.Submit(t.Context(), s, &seedance); return err }},
		"submit that waits": {iptag, blockingAnswer, func(d *Driver) error {
			r := classic
			_, err := d.Submit(t.Context(), s, &r)
			return err
		}},
		"poll": {fork, `{"code":0,"message":"ok","data":{"history_record_id":"1","status":20,"item_list":[],"raw":{}}}`,
			func(d *Driver) error { _, err := d.Poll(t.Context(), s, "1"); return err }},
		"probe": {iptag, `[{"token":"` + token + `","points":{"totalCredit":66}}]`,
			func(d *Driver) error {
				p, err := d.Probe(t.Context(), s)
				if err == nil && p.Verdict != "" {
					return &upstream.Error{Kind: p.Verdict, NotAccepted: true, Message: p.Message}
				}
				return err
			}},
		"ping": {fork, "pong", func(d *Driver) error { return d.Ping(t.Context()) }},
	}
	for call, c := range calls {
		for name, m := range misbehaviours(c.good) {
			t.Run(call+"/"+name, func(t *testing.T) {
				t.Parallel()
				server := newWild(t, c.v, m.do)
				d, err := New(Config{URL: server.address})
				if err != nil {
					t.Fatal(err)
				}
				defer d.Close()
				err = c.do(d)
				judge(t, call, m.want, err)
				if n := server.submits.Load(); strings.HasPrefix(call, "submit") && n != 1 {
					t.Errorf("sent %d times", n)
				}
				// The driver is as good as before.
				good := answer("200 OK", c.good)
				server.misbehave.Store(&good)
				if err := c.do(d); err != nil {
					t.Errorf("afterwards: %v", err)
				}
			})
		}
	}
}

// judge compares what came of a call with what may.
func judge(t *testing.T, call string, want wants, err error) {
	t.Helper()
	submit := strings.HasPrefix(call, "submit")
	if want == success {
		if err != nil {
			t.Errorf("%v", err)
		}
		return
	}
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		t.Fatalf("%T %v", err, err)
	}
	for _, text := range []string{e.Error(), e.Message, e.Code} {
		for _, secret := range []string{token, "0123", "56789", "abcdef", "127.0.0.1", "\x00", stranger} {
			if strings.Contains(text, secret) {
				t.Errorf("%q shows %q", text, secret)
			}
		}
		if len(text) > 2*maxMessage {
			t.Errorf("%d bytes of words", len(text))
		}
	}
	switch {
	case call == "ping": // it only knows yes and no
		if !e.Unreachable {
			t.Errorf("%+v", e)
		}
	case want == doubt && submit:
		if e.Kind != upstream.InDoubt || e.NotAccepted || !e.Unreachable {
			t.Errorf("%+v", e)
		}
	case want == doubt:
		if e.Kind != upstream.Network || !e.Unreachable {
			t.Errorf("%+v", e)
		}
	case want == refusal:
		if e.Kind != upstream.RateLimited && e.Kind != upstream.Auth || e.NotAccepted != (call != "poll") || e.Unreachable {
			t.Errorf("%+v", e)
		}
	default:
		if e.Kind != upstream.Unknown || e.NotAccepted || e.Unreachable {
			t.Errorf("%+v", e)
		}
	}
}

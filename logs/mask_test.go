package logs_test

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jimeng-gateway/jimeng-gateway/logs"
)

const (
	poolSecret = "3f0c2a9be77d41d5a6a1f2c4d8e90b17"
	oddSecret  = "account-secret-1"
)

func newMasker() *logs.Masker {
	secrets := logs.NewSecrets()
	secrets.Add(
		logs.Secret{ID: "ses_1", Name: "account 1", Text: poolSecret},
		logs.Secret{ID: "ses_2", Text: "http://user:hunter22@proxy.example:8080@us-" + oddSecret},
		logs.Secret{ID: "ses_3", Name: "three", Text: "abc%2Fdef-0123456789abc|x"},
	)
	return logs.NewMasker(secrets.Known)
}

func TestMask(t *testing.T) {
	t.Parallel()
	m := newMasker()
	const ulid, history, uuid = "01k9tz4r6q8w2e5y7v1j3m0p9a", "8918159809292", "0d1c7e52-5c1f-4a0b-9d57-2f1d6a3b9c11"
	for _, c := range []struct{ text, want, session string }{
		{"plain text, 100 % of it", "", ""},
		{"task=" + ulid + " history " + history + " request " + uuid, "", ""},
		{"task.submit  session=ses_" + ulid + " key=gw_0f6e5b1c", "", ""},
		{`{"session_id":"` + history + `"}`, `{"session_id":"[masked]"}`, ""},
		{"session_id=ses_" + ulid, "", ""},
		{"使用账号 " + poolSecret + " 提交", "使用账号 [session account 1] 提交", "ses_1"},
		{"sessionid=" + poolSecret + ";", "sessionid=[session account 1];", "ses_1"},
		{"sessionid%3D" + poolSecret + "%3B", "sessionid%3D[session account 1]", "ses_1"},
		{"us-" + oddSecret + " and " + oddSecret, "[session ses_2] and [session ses_2]", "ses_2"},
		{"http://user:hunter22@proxy.example:8080@us-" + oddSecret + " used", "http://[session ses_2] used", "ses_2"},
		{"abc%2Fdef-0123456789abc|x", "abc%2F[session three]|x", "ses_3"},
		{"\x1b[31m3f0c2a9be7\x1b[1m7d41d5a6a1f2c4d8e90b17\x1b[0m rest", "\x1b[31m[session account 1]\x1b[1m\x1b[0m rest", "ses_1"},
		{`{"msg":"dump\n` + poolSecret + `\nend"}`, `{"msg":"dump\n[session account 1]\nend"}`, "ses_1"},
		{`a\\t` + oddSecret + `\u003c`, `a\\t[session ses_2]\u003c`, "ses_2"},
		{"x_y_" + oddSecret, "x_y_[session ses_2]", "ses_2"},
		{"a%253D" + oddSecret, "a%253D[session ses_2]", "ses_2"},
		{`\nBearer abcdefgh1`, `\nBearer [masked]`, ""},
		{"unknown ffffffffffffffffffffffffffffffff here", "unknown [masked] here", ""},
		{"key gw_0f6e5b1c4a7d49d38c2b9e1f7a3d5c60.", "key gw_[masked].", ""},
		{"Authorization: Bearer abc,def x=1", "Authorization: Bearer [masked] x=1", ""},
		{"Authorization: Digest username=\"a\", response=b", "Authorization: [masked]\"a\", response=b", ""},
		{`headers: { authorization: 'Bearer tok-en', accept: '*/*' }`, `headers: { authorization: '[masked]', accept: '*/*' }`, ""},
		{`-H "Cookie: a=b; c=d" -H "Accept: x"`, `-H "Cookie: [masked]" -H "Accept: x"`, ""},
		{"Set-Cookie: sid_tt=abcdef; Path=/", "Set-Cookie: [masked]", ""},
		{"used Bearer abcdefgh1 for it", "used Bearer [masked] for it", ""},
		{"Basic dXNlcjpwYXNz for it, basic checks", "Basic [masked] for it, basic checks", ""},
		{"Authorization: Bearer x", "Authorization: Bearer [masked]", ""},
		{"GET /x?a=1&access_token=se.cr-et&b=2", "GET /x?a=1&access_token=[masked]&b=2", ""},
		{`{\"apiKey\":\"a\\\"b\",\"n\":1}`, `{\"apiKey\":\"[masked]\",\"n\":1}`, ""},
		{`{"password": "correct horse", "n": 1}`, `{"password": "[masked]", "n": 1}`, ""},
		{`{"password": "cut off in the mid`, `{"password": "[masked]`, ""},
		{`{"token":null,"secret":{"id":"x"}}`, "", ""},
		{`tokens: ['a', 'b'] next`, `tokens: [masked] next`, ""},
		{`{"name":"sessionid","value":"abc","domain":"x"}`, `{"name":"sessionid","value":"[masked]","domain":"x"}`, ""},
		{"token: login error, Token: expired", "token: login error, Token: expired", ""},
		{"max_tokens=1024 total_tokens: 5 tokenizer: bpe", "max_tokens=1024 total_tokens: 5 tokenizer: bpe", ""},
		{"run --password abc --verbose", "run --password [masked] --verbose", ""},
		{"jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl ok", "jwt [masked] ok", ""},
		{"AKIAIOSFODNN7EXAMPLE and AKLTYWJjZGVmZ2hpamts", "[masked] and [masked]", ""},
		{"postgres://me:pa55@db:5432/x", "postgres://[masked]@db:5432/x", ""},
		{"https://v.example/clip.mp4?x-expires=1&x-signature=ab%2Fcd%3D&l=2", "https://v.example/clip.mp4?x-expires=1&x-signature=[masked]&l=2", ""},
		{"/v1/artifacts/" + ulid + "/0?expires=1794668400&signature=7b1f", "/v1/artifacts/" + ulid + "/0?expires=1794668400&signature=[masked]", ""},
		{"a?X-Amz-Signature=00ff&X-Amz-Credential=me%2F2026", "a?X-Amz-Signature=[masked]&X-Amz-Credential=[masked]", ""},
	} {
		want := c.want
		if want == "" {
			want = c.text
		}
		got, session := m.Mask(c.text)
		if got != want || session != c.session {
			t.Errorf("%q\n got %q, %q\nwant %q, %q", c.text, got, session, want, c.session)
		}
		if again, _ := m.Mask(got); again != got {
			t.Errorf("%q\nsecond time %q", got, again)
		}
	}
}

// forms are how a secret gets into a line.
var forms = []string{
	"sessionid=%s", "Cookie: a=b; sessionid_ss=%s; c=d", "Authorization: Bearer %s", "authorization: 'Bearer %s'", `{"sessionId":"%s"}`,
	`"{\"token\":\"%s\"}"`, "access_token=%s&x=1", "https://u:%s@host/", "https://h/x?x-signature=%s", "api_key: %s", "sid_tt=%s;", "--secret %s",
	`{"name":"sessionid","value":"%s"}`, "secret=[%s]", "password=%s", "Bearer %s", "x%%3Ftoken%%3D%s%%26",
}

// FuzzMask plants a secret into a line in one of the forms, with colours anywhere.
func FuzzMask(f *testing.F) {
	for i := range forms {
		f.Add("before ", " behind", uint64(i))
	}
	f.Add("", "", uint64(1000))
	f.Add("token={token={'\\", "\"'`", uint64(3))
	m := newMasker()
	f.Fuzz(func(t *testing.T, before, after string, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 1))
		const letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789_-."
		secret := "Q"
		for range 19 {
			secret += string(letters[random.IntN(len(letters))])
		}
		secret += "7Z"
		form := forms[seed%uint64(len(forms))]
		line := strings.NewReplacer("%s", secret, "%%", "%").Replace(form)
		if seed%2 == 0 {
			at := random.IntN(len(line))
			line = line[:at] + "\x1b[1;31m" + line[at:]
		}
		got, _ := m.Mask("x " + line + " " + after)
		if strings.Contains(logs.Plain(got), secret) {
			t.Fatalf("%q shows the secret: %q", line, got)
		}
		// Whatever stands around it: what the pool knows, and what looks like it.
		for _, known := range []string{poolSecret, oddSecret, "0f6e5b1c4a7d49d38c2b9e1f7a3d5c60"} {
			got, _ := m.Mask(before + " " + known + "," + after)
			if strings.Contains(logs.Plain(got), known) {
				t.Fatalf("%q %q show the secret: %q", before, after, got)
			}
			if got, _ = m.Mask(url.QueryEscape("https://x/?a=" + known + "&b=1")); strings.Contains(got, known) {
				t.Fatalf("the secret is shown escaped: %q", got)
			}
		}
	})
}

// A line that is made to be slow is not: the time grows with its length.
func TestMaskIsLinear(t *testing.T) {
	m := newMasker()
	for _, piece := range []string{"token={", `sessionid","value",`, "a.eyJ.", "://a@", "basic ", `\"`, "cookie", "authorization: ", "[masked]", "\x1b[", "token=ses_"} {
		line := strings.Repeat(piece, 1_000_000/len(piece))
		begin := time.Now()
		m.Mask(line)
		if took := time.Since(begin); took > 2*time.Second {
			t.Errorf("1 MB of %q took %v", piece, took)
		}
	}
}

func BenchmarkMask(b *testing.B) {
	list := make([]logs.Secret, 10_000)
	for i := range list {
		list[i] = logs.Secret{ID: fmt.Sprint("ses_", i), Text: fmt.Sprintf("%032x", i)}
	}
	secrets := logs.NewSecrets()
	secrets.Add(list...)
	m := logs.NewMasker(secrets.Known)
	for name, line := range map[string]string{
		"plain":   "[2026-11-23 10:15:00.123][info][controller<42,7>] Polling history 8918159809292, status 20, queue position 37 of 812, next look in 10 s",
		"secret":  "[2026-11-23 10:15:00.123][info] POST /v1/videos/submit sessionid=000000000000000000000000000000ff; Authorization: Bearer abcdefgh",
		"colours": "\x1b[32m[2026-11-23 10:15:00.123]\x1b[0m\x1b[1m[info]\x1b[0m Polling history 8918159809292, status 20, queue position 37 of 812",
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				m.Mask(line)
			}
		})
	}
}

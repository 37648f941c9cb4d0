package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// What decoders understand in different ways is refused at its own place.
func TestStrictJSON(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	nested := func(n int) string {
		return `{"name":"a","metadata":{"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}}`
	}
	for name, test := range map[string]struct{ body, location, message string }{
		"twice":            {`{"name":"a","weight":1,"name":"b"}`, "name", "given twice"},
		"twice, escaped":   {`{"name":"a","\u006eame":"b"}`, "name", "given twice"},
		"twice, inside":    {`{"name":"a","metadata":{"x":[{"y":1,"y":2}]}}`, "metadata.x[0].y", "given twice"},
		"other case":       {`{"name":"a","Name":"b"}`, "Name", "is unknown here"},
		"deep":             {nested(31), "metadata.x" + strings.Repeat("[0]", 30), "deeper than 32"},
		"very deep":        {nested(100_000), "body", "not valid JSON"},
		"more at the end":  {`{"name":"a"} {}`, "body", "after top-level value"},
		"not UTF-8":        {"{\"name\":\"\xff\"}", "body", "not valid UTF-8"},
		"half a character": {`{"name":"\u0061\\\ud83d\ude00 \ud83d!"}`, "body", `\ud83d without the other half`},
		"the other half":   {`{"name":"a","metadata":{"\uDE00":1}}`, "body", `\uDE00 without the other half`},
		"NUL":              {`{"name":"a\u0000b"}`, "name", "U+0000 at byte 1"},
		"escape":           {`{"name":"a","metadata":{"x":"\u001b[2J"}}`, "metadata.x", "U+001B"},
		"bidi":             {"{\"name\":\"a\",\"metadata\":[\"\u202e\"]}", "metadata[0]", "direction of writing"},
		"bidi in a name":   {"{\"name\":\"a\",\"metadata\":{\"a\u2066\":1}}", "metadata", "whose name must not contain"},
		"missing":          {`{"weight":1}`, "name", "is missing"},
		"unknown":          {`{"name":"a","rate":1}`, "rate", "is unknown here"},
		"type":             {`{"name":["a"]}`, "name", "must be a string"},
		"fraction":         {`{"name":"a","weight":1.5}`, "weight", "must be a whole number"},
		"beyond an int":    {`{"name":"a","weight":1e19}`, "weight", "must be at most 1000"},
		"exponent":         {`{"name":"a","rate_limit":1e2}`, "rate_limit", "wrong type or is out of range"},
		"list":             {`["name"]`, "body", "must be a JSON object"},
		"empty":            {``, "body", "must be a JSON object"},
		"long member name": {`{"name":"a","` + strings.Repeat("x", 1000) + `":1}`, strings.Repeat("x", 40) + "…", "is unknown here"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := *g
			g.t = t
			res, raw := g.do("POST", "/api/v1/keys", "application/json", strings.NewReader(test.body))
			answer := g.decode(res, raw, http.StatusBadRequest)
			list, _ := answer["errors"].([]any)
			if len(list) != 1 || answer["code"] != "invalid_request" {
				t.Fatalf("got %s, want one fault", raw)
			}
			fault := list[0].(map[string]any)
			if fault["location"] != test.location || !strings.Contains(fault["message"].(string), test.message) {
				t.Errorf("got %s, want %q at %q", raw, test.message, test.location)
			}
		})
	}
	g.json("POST", "/api/v1/keys", `{"name":"\ud83d\uDE00 \\ud83d \\\u0061 \ue000"}`, http.StatusCreated)
	if made := g.json("POST", "/api/v1/keys", nested(30), http.StatusCreated); made["key"] == nil {
		t.Errorf("as deep as allowed: %v", made)
	}
	g.json("POST", "/api/v1/keys", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`, http.StatusRequestEntityTooLarge)
	if res, raw := g.do("POST", "/api/v1/keys", "text/plain", strings.NewReader(`{"name":"a"}`)); res.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("text: %s %s", res.Status, raw)
	}
}

func TestStrictQuery(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	for query, location := range map[string]string{
		"status=%zz":           "query",
		"before=%ff":           "before",
		"before=a%00":          "before",
		"before=%E2%80%AE":     "before",
		"stauts=failed":        "stauts",
		"limit=0":              "limit",
		"limit=ten":            "limit",
		"limit=":               "limit",
		"status=":              "status",
		"kind=":                "kind",
		"status=failed;before": "query",
		"limit=1&limit=2":      "limit",
		"status=a&status=b":    "status",
	} {
		problem := g.json("GET", "/api/v1/tasks?"+query, "", http.StatusBadRequest)
		list, _ := problem["errors"].([]any)
		if len(list) != 1 || list[0].(map[string]any)["location"] != location {
			t.Errorf("%s: %v, want a fault of %s", query, problem, location)
		}
	}
}

// An admin's own data comes back as it was sent, and so does a whole number that
// is written as a fraction.
func TestNumbersSurvive(t *testing.T) {
	t.Parallel()
	g := serve(t, nil)
	const metadata = `{"a":9007199254740993,"b":[1.0,1e2,-0.10],"c":123456789012345678901234567890}`
	res, raw := g.do("POST", "/api/v1/keys", "application/json", strings.NewReader(`{"name":"a","weight":2.0,"daily_quota": 30.00 ,"metadata":`+metadata+`}`))
	answer := g.decode(res, raw, http.StatusCreated)
	key := answer["key"].(map[string]any)
	if !strings.Contains(string(raw), metadata) || key["weight"] != 2.0 || key["daily_quota"] != 30.0 {
		t.Errorf("got %s", raw)
	}
	if _, raw := g.do("GET", "/api/v1/keys/"+key["id"].(string), "", nil); !strings.Contains(string(raw), metadata) {
		t.Errorf("read again: %s", raw)
	}
	if _, raw := g.do("PATCH", "/api/v1/keys/"+key["id"].(string), "application/json", strings.NewReader(`{"metadata":null}`)); !strings.Contains(string(raw), `"metadata":null`) {
		t.Errorf("taken away: %s", raw)
	}
}

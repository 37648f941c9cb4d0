package cli

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestPool(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{"GET /api/v1/pool": {send(http.StatusOK, `{"upstreams":[
		{"name":"jimeng","configured":true,"running":2,"limit":4,"models":7,"benched_until":null,"reason":null},
		{"name":"ark","configured":true,"running":0,"limit":null,"models":1,"benched_until":"2020-01-02T03:04:05Z","reason":"it does not answer"},
		{"name":"old","configured":false,"running":1,"limit":null,"models":0,"benched_until":null,"reason":null}],
		"sessions":[{"id":"s1","upstream":"jimeng","label":"账号","session_id":"ab…","enabled":true,"state":"ready","slots":2,"running":2,"credits":120,
		"code":"busy","message":"2 of its 2 slots are taken","free":0}],
		"slots":2,"free":0,"running":2,"waiting":{"tasks":7,"keys":2,"since":"2020-01-02T03:04:05Z"},"next_slot_at":"2020-01-02T03:04:05Z","more":1}`)}})
	out, _, err := commands(w.Gateway, "", "pool")
	if err != nil {
		t.Fatal(err)
	}
	want := strings.ReplaceAll(`UPSTREAM  STATE           RUNNING  UNTIL             REASON
jimeng    ready           2 of 4   -                 -
ark       benched         0        %AT%  it does not answer
old       not configured  1        -                 -

SESSION  LABEL  UPSTREAM  CODE  RUNNING  FREE  CREDITS  WHY
s1       账号   jimeng    busy  2 of 2   0     120      2 of its 2 slots are taken

0 of 2 slots are free, 2 tasks run, 7 wait. The oldest of them waits since %AT%. The next slot is expected at %AT%.
`, "%AT%", time.Date(2020, 1, 2, 3, 4, 5, 0, time.UTC).Local().Format("2006-01-02 15:04"))
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
	if raw, _, err := commands(w.Gateway, "", "pool", "--json"); err != nil || !strings.HasPrefix(raw, `{"upstreams":[`) || !strings.HasSuffix(raw, `"more":1}`+"\n") {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	w := newWire(t, map[string][]http.HandlerFunc{"GET /api/v1/models": {send(http.StatusOK, `{"models":[
		{"id":"jimeng-video-seedance-2.0","aliases":["seedance-2.0","sd2"],"kind":"video","durations":[4,5,6,7],"ratios":["16:9","1:1"],"resolutions":["720p"],
		"min_materials":1,"max_materials":12,"credits":10,"credits_per_second":2.5,"upstreams":["a","b"]},
		{"id":"jimeng-video-3.0","kind":"video","durations":[5,10],"max_materials":2,"min_materials":2},
		{"id":"jimeng-4.0","kind":"image","aliases":[],"durations":[],"max_materials":0}]}`)}})
	out, _, err := commands(w.Gateway, "", "models")
	if err != nil {
		t.Fatal(err)
	}
	want := `MODEL                      KIND   SECONDS  RATIOS    RESOLUTIONS  MATERIALS  CREDITS     UPSTREAMS  ALIASES
jimeng-video-seedance-2.0  video  4 to 7   16:9 1:1  720p         1 to 12    10 + 2.5/s  a b        seedance-2.0 sd2
jimeng-video-3.0           video  5 10     -         -            2          -           -          -
jimeng-4.0                 image  -        -         -            -          -           -          -
`
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

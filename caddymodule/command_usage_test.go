package caddymodule

import (
	"regexp"
	"strings"
	"testing"
)

var aDay = regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`)

func TestUsageAndAuditCommands(t *testing.T) {
	g := newGateway(t)
	g.adminSocket()
	g.mustLoad("time_zone Asia/Shanghai", "")
	nothing := g.jimeng("", "usage", "--model", "jimeng-video-3.0")
	if want := "nothing was used from DAY to DAY (Asia/Shanghai)\n"; aDay.ReplaceAllString(nothing, "DAY") != want {
		t.Errorf("%s, want %s", nothing, want)
	}
	id := anID.FindString(g.jimeng("", "key", "add", "farm", "--daily-quota", "5"))
	g.jimeng("", "key", "change", id, "--daily-quota", "6")
	g.refused("It does not exist.", "key", "remove", "nobody")
	g.create("a boat")
	g.create("a pond") // both wait for a session
	g.looks(aDay.ReplaceAllString(g.jimeng("", "usage", "--by", "day,key,model", "--model", "jimeng-video-3.0"), "DAY"), `
DAY  KEY  NAME  MODEL  REQUESTS  TASKS  SUCCEEDED  FAILED  CANCELLED  SECONDS  CREDITS
DAY  admin  ADMIN_TOKEN  jimeng-video-3.0  0  2  0  0  0  0  0
`)
	if text := g.jimeng("", "usage", "--by", "model", "--model", "jimeng-video-3.0", "--csv"); text != "model,requests,tasks,succeeded,failed,cancelled,seconds,credits\njimeng-video-3.0,0,2,0,0,0,0,0\n" {
		t.Errorf("usage as CSV:\n%s", text)
	}
	if text := g.jimeng("", "usage", "--json"); g.field(text, "time_zone") != "Asia/Shanghai" {
		t.Error(text)
	}
	g.refused("from: must be a day such as 2026-11-30", "usage", "--from", "yesterday")

	g.looks(g.jimeng("", "audit", "--action", "key.change"), `
TIME  WHO  FROM  ACTION  ON  RESULT  WAS  BECAME
TIME  admin endpoint  -  key.change  ID  ok  {"daily_quota":5}  {"daily_quota":6}
`)
	if text := g.jimeng("", "audit", "--result", "not_found"); !strings.Contains(text, "DELETE /api/v1/keys/{id}  ••••  not_found") {
		t.Errorf("what was refused:\n%s", text)
	}
	_, more, err := command("", "audit", "--limit", "1", "--address", g.admin)
	if err != nil || !strings.HasPrefix(more, "There are more: --cursor ") {
		t.Errorf("%s %v", more, err)
	}
	g.jimeng("", "audit", "--limit", "1", "--cursor", strings.TrimSpace(strings.TrimPrefix(more, "There are more: --cursor ")))
	if text := g.jimeng("", "audit", "--jsonl"); strings.Count(text, "\n") != 5 || g.field(strings.SplitN(text, "\n", 2)[0], "action") != "task.create" {
		t.Errorf("audit log as JSON lines:\n%s", text)
	}
	if text := g.jimeng("", "audit", "--csv", "--target", id); strings.Count(text, "\n") != 3 {
		t.Errorf("audit log as CSV:\n%s", text)
	}
	g.refused("csv", "audit", "--csv", "--jsonl")

	// A reload may change the zone, and one that does not hold changes nothing.
	broken := g.config("time_zone Europe/Berlin", "")
	broken["apps"].(map[string]any)["jimeng"].(map[string]any)["poll_interval"] = "never"
	if err := g.load(broken); err == nil {
		t.Fatal("a wrong configuration is taken")
	}
	if zone := g.running().store.Zone().String(); zone != "Asia/Shanghai" {
		t.Errorf("after a reload that was refused the zone is %s", zone)
	}
	g.mustLoad("", "")
	if zone := g.running().store.Zone().String(); zone != "UTC" {
		t.Errorf("after a reload without a zone it is %s", zone)
	}
}

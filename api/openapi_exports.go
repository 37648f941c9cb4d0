package api

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// describeExports describes the answers of operations that huma only knows to
// stream.
func (a *api) describeExports(d *document) {
	text := &huma.Schema{Type: huma.TypeString}
	for pattern, content := range map[string]map[string]*huma.MediaType{
		"GET /api/v1/usage": {
			"application/json": {Schema: d.schema(usageAnswer{})},
			"text/csv":         {Schema: text, Example: exampleUsageCSV},
		},
		"GET /api/v1/audit": {
			"application/json":  {Schema: d.schema(auditAnswer{})},
			"text/csv":          {Schema: text, Example: exampleAuditCSV},
			"application/jsonl": {Schema: d.schema(auditView{}), Example: exampleAudit.Lines[0]},
		},
	} {
		d.operation(pattern).Responses["200"].Content = content
	}
}

var exampleUsage = func() usageAnswer {
	sums := UsageSums{Requests: 412, Tasks: 38, Succeeded: 31, Failed: 4, Cancelled: 2, Seconds: 155, Credits: 190}
	return usageAnswer{From: "2026-11-12", To: "2026-11-12", TimeZone: "Asia/Shanghai", Total: sums,
		Rows: []usageRow{{Day: new("2026-11-12"), UsageSums: sums}}}
}()

var exampleUsageCSV = "day,requests,tasks,succeeded,failed,cancelled,seconds,credits\n2026-11-12,412,38,31,4,2,155,190\n"

var exampleAudit = auditAnswer{Lines: []auditView{{
	ID: "01k9tz6m0c2v4b6n8m0k2j4h6g", At: after(0), Actor: actorView{Kind: "person", ID: "per_01k9ty2f4g6h8j0k2m4n6p8q0r", Name: "Ada Wong"},
	Address: new("203.0.113.7"), RequestID: new("4a1f1c53-8a0c-4c62-9d55-0d8f7f1e2b3c"), Action: "key.change", TargetKind: new("key"), TargetID: new(exampleKey.ID),
	Was: objectOf(`{"daily_quota":100}`), Became: objectOf(`{"daily_quota":200}`), Result: "ok",
}}, Next: new("MDFrOXR6NHI2cTh3MmU1eTd2MWozbTBwOWE9Zt8Q6rKBxA")}

var exampleAuditCSV = strings.Join(auditColumns, ",") + "\n" +
	`01k9tz6m0c2v4b6n8m0k2j4h6g,2026-11-12T09:30:00Z,person,per_01k9ty2f4g6h8j0k2m4n6p8q0r,Ada Wong,203.0.113.7,4a1f1c53-8a0c-4c62-9d55-0d8f7f1e2b3c,key.change,key,` +
	exampleKey.ID + `,"{""daily_quota"":100}","{""daily_quota"":200}",ok` + "\n"

package store

func init() { scanWindow, countWindow, usageLines, auditWindow, timelineWindow = 50, 100, 3, 50, 100 }

// LastDeleted is a query whose plan is tested.
const LastDeleted = lastDeleted

// KeyByHash likewise.
const KeyByHash = "SELECT id FROM keys WHERE deleted_at = 0 AND " + byHash

// Query is the query of a list, whose plan is tested.
func (f *AuditFilter) Query(before string, limit int) (string, []any, error) {
	return f.query(before, limit)
}

package store

import "time"

// SetZone sets the time zone whose days usage is counted by, nil for UTC. What
// was counted before keeps its day.
func (s *Store) SetZone(zone *time.Location) { s.zone.Store(zone) }

// Zone is what [Store.SetZone] has set.
func (s *Store) Zone() *time.Location {
	if zone := s.zone.Load(); zone != nil {
		return zone
	}
	return time.UTC
}

// Day is the day of a moment in Unix milliseconds, as usage is counted.
func (s *Store) Day(ms int64) string { return time.UnixMilli(ms).In(s.Zone()).Format(time.DateOnly) }

// Ends is when the day and the month of a moment end, and with them whatever is
// limited by day and by month.
func (s *Store) Ends(now time.Time) (day, month time.Time) {
	year, m, d := now.In(s.Zone()).Date()
	return s.begin(year, m, d+1), s.begin(year, m+1, 1)
}

// begin is the first moment of a day, or of the next one that there is. Where the
// clocks skip midnight or strike it twice, that need not be what [time.Date] makes
// of it.
func (s *Store) begin(year int, month time.Month, day int) time.Time {
	at := time.Date(year, month, day, 0, 0, 0, 0, s.Zone())
	if at.Format(time.DateOnly) < time.Date(year, month, day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly) {
		_, at = at.ZoneBounds()
	}
	for at.Add(-time.Second).Day() == at.Day() {
		at = at.Add(-15 * time.Minute)
	}
	return at
}

package caddymodule

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // the system may have none

	"github.com/caddyserver/caddy/v2"
	"github.com/dustin/go-humanize"
)

// Value is a setting that is a number or a boolean, or a string with one of
// them in it. A string may hold placeholders, so that a value can come from the
// environment without ending in the stored configuration.
type Value string

// UnmarshalJSON accepts a string, a number or a boolean.
func (v *Value) UnmarshalJSON(b []byte) error {
	text, err := scalar(b)
	*v = Value(text)
	return err
}

// MarshalJSON writes numbers and booleans as such and anything else as a string.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "true" || v == "false" {
		return []byte(v), nil
	}
	if n, err := strconv.ParseInt(string(v), 10, 64); err == nil {
		return strconv.AppendInt(nil, n, 10), nil
	}
	return json.Marshal(string(v))
}

// Duration is a span of time: a string such as "1m30s", a string with a bare
// number of seconds ("90", as the variables of the earlier gateway have it), a
// string with placeholders, or, as everywhere in Caddy's JSON, a number of
// nanoseconds.
type Duration string

// UnmarshalJSON accepts a string or a number of nanoseconds.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var span caddy.Duration
	if len(b) > 0 && b[0] != '"' {
		if err := json.Unmarshal(b, &span); err != nil {
			return err
		}
		*d = Duration(time.Duration(span).String())
		return nil
	}
	var text string
	err := json.Unmarshal(b, &text)
	*d = Duration(text)
	return err
}

// scalar is the text of a JSON string, number or boolean.
func scalar(b []byte) (string, error) {
	var value any
	decoder := json.NewDecoder(strings.NewReader(string(b)))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		return "", err
	}
	switch value := value.(type) {
	case nil:
		return "", nil
	case string:
		return value, nil
	case json.Number, bool:
		return fmt.Sprint(value), nil
	}
	return "", fmt.Errorf("%s is neither a string nor a number nor a boolean", b)
}

// expand replaces the placeholders of a configured value. What expands to
// nothing is as good as not configured.
func expand(text string) (string, error) {
	text, err := caddy.NewReplacer().ReplaceOrErr(text, false, true)
	return strings.TrimSpace(text), err
}

// deferred reports whether the text can be checked only when its placeholders
// are known.
func deferred(text string) bool { return strings.Contains(text, "{") }

func parseCount(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > math.MaxInt32 {
		return 0, fmt.Errorf("%q is not possible; allowed is a whole number from 0 on", text)
	}
	return n, nil
}

// parsePositive is parseCount without the 0, for limits that cannot be lifted.
func parsePositive(text string) (int, error) {
	n, err := parseCount(text)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not possible; allowed is a whole number from 1 on", text)
	}
	return n, nil
}

func parseSize(text string) (int64, error) {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a size; allowed is a number of bytes with or without a unit, such as 100MiB", text)
	}
	return int64(n), nil
}

// parseBudget is parseSize with a 0 for no bound.
func parseBudget(text string) (int64, error) {
	if text == "0" {
		return 0, nil
	}
	return parseSize(text)
}

// parseZone takes no "Local", which is another zone on another machine.
func parseZone(text string) (*time.Location, error) {
	zone, err := time.LoadLocation(text)
	if err != nil || text == "" || text == "Local" {
		return nil, fmt.Errorf("%q is not a time zone; allowed is a name such as Asia/Shanghai, Europe/Berlin or UTC", text)
	}
	return zone, nil
}

// parseKeep is parseDuration with a 0 for ever, which has a word as well.
func parseKeep(text string) (time.Duration, error) {
	if text == "0" || text == "0s" || text == "never" {
		return 0, nil
	}
	span, err := parseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%w, or never", err)
	}
	return span, nil
}

// shortest keeps an interval from becoming a busy loop.
const shortest = 100 * time.Millisecond

func parseDuration(text string) (time.Duration, error) {
	span, err := caddy.ParseDuration(text)
	if err != nil {
		seconds, isNumber := strconv.ParseFloat(text, 64)
		if isNumber != nil || math.Abs(seconds) > float64(math.MaxInt64/int64(time.Second)) {
			return 0, fmt.Errorf("%q is not a duration; allowed is 5s, 1m30s, 24h and the like, or a number of seconds", text)
		}
		span = time.Duration(seconds * float64(time.Second))
	}
	if span < shortest {
		return 0, fmt.Errorf("%q is too short; allowed is %s and longer", text, shortest)
	}
	return span, nil
}

func parseSwitch(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "true", "yes", "1":
		return true, nil
	case "off", "false", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is not possible; allowed: on, off (or true, false)", text)
}

// resolve expands a configured value and parses it; nothing gives the fallback.
// The error names the option.
func resolve[T any](option, text string, fallback T, parse func(string) (T, error)) (T, error) {
	text, err := expand(text)
	if err != nil {
		return fallback, fmt.Errorf("%s: %w", option, err)
	}
	if text == "" {
		return fallback, nil
	}
	value, err := parse(text)
	if err != nil {
		return fallback, fmt.Errorf("%s: %w", option, err)
	}
	return value, nil
}

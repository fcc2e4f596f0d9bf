package config

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and prints as "30s" in JSON and YAML.
type Duration time.Duration

// ParseDuration reads "30s", "5m" or "1h30m"; a number without a unit is an
// error, except 0.
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration such as 30s, 5m or 1h30m", text)
	}
	return Duration(d), nil
}

// String prints the shortest form: "30s", "1h30m", "24h".
func (d Duration) String() string {
	text := time.Duration(d).String() // 24h0m0s: the zero units at its end tell nothing
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// MarshalText is String; JSON and text forms are the same.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText is ParseDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}

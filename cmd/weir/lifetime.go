package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// parseDuration reads 90m, 12h, 30d and 2w: Go's durations, and days and weeks
// of 24 hours, which those have no letters for.
func parseDuration(s string) (time.Duration, error) {
	unit := time.Duration(0)
	switch {
	case strings.HasSuffix(s, "d"):
		unit = 24 * time.Hour
	case strings.HasSuffix(s, "w"):
		unit = 7 * 24 * time.Hour
	}
	if unit == 0 {
		d, err := time.ParseDuration(s)
		if err != nil || d <= 0 {
			return 0, errors.New("want a duration such as 90m, 12h, 30d or 2w")
		}
		return d, nil
	}
	n, err := strconv.ParseInt(s[:len(s)-1], 10, 32)
	if err != nil || n < 1 || n > 100*366 {
		return 0, errors.New("want a duration such as 90m, 12h, 30d or 2w")
	}
	return time.Duration(n) * unit, nil
}

// seconds is a flag of a duration that the API takes in seconds; nil when it was
// not given.
type seconds struct{ n *int64 }

// String implements flag.Value.
func (s *seconds) String() string { return "" }

// Set implements flag.Value.
func (s *seconds) Set(text string) error {
	d, err := parseDuration(text)
	if err != nil {
		return err
	}
	if d%time.Second != 0 {
		return fmt.Errorf("want whole seconds")
	}
	n := int64(d / time.Second)
	s.n = &n
	return nil
}

// put sets the field in a body unless the flag was not given.
func (s *seconds) put(body map[string]any, field string) {
	if s.n != nil {
		body[field] = *s.n
	}
}

package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// The options that say how rows get to the database, and where they wait when it is away for long.
var (
	UplinkRate = Option{"uplink-rate", "RATE", RateWordAuto,
		"bytes a second that the upload may take of the line, like 500K or 2M; unlimited; auto: a quarter of the WAN's upload " +
			"rate where OpenWrt's SQM knows it and the database is not on a network of this machine, else unlimited", setUplinkRate}
	UplinkFormat = Option{"uplink-format", "FORMAT", FormatAuto,
		"how rows are written to the database: binary; text; auto: binary, and text where the server refuses it", setUplinkFormat}
	SpoolOverflowDir = Option{"spool-overflow-dir", "DIR", "none",
		"directory on flash or USB for the rows of a long outage; nothing is written there while the database answers", setSpoolOverflowDir}
	SpoolOverflowSize = Option{"spool-overflow-size", "BYTES", "256M",
		"bytes that it may take; when it is full the oldest rows go, and are counted", setSpoolOverflowSize}
	SpoolOverflowDaily = Option{"spool-overflow-daily", "BYTES", "64M",
		"bytes that may be written to it in a day, to spare the flash; 0: as many as come", setSpoolOverflowDaily}
	SpoolOverflowAfter = Option{"spool-overflow-after", "DURATION", "10m",
		"how long the database has to be away before anything is written to it", setSpoolOverflowAfter}
)

// Uplink lists these options.
var Uplink = []Option{UplinkRate, UplinkFormat, SpoolOverflowDir, SpoolOverflowSize, SpoolOverflowDaily, SpoolOverflowAfter}

// Values of the options, and their bounds.
const (
	RateWordAuto      = "auto"
	RateWordUnlimited = "unlimited"

	// RateUnlimited and RateAuto are what Config.UplinkRate holds beside a number of bytes a second.
	RateUnlimited = 0
	RateAuto      = -1

	FormatAuto   = "auto"
	FormatBinary = "binary"
	FormatText   = "text"

	DefaultOverflowSize  = 256 << 20
	DefaultOverflowDaily = 64 << 20
	DefaultOverflowAfter = 10 * time.Minute

	// Under the least a second of recording can take more than a minute to send (uplink.MinRate). A line that is faster than
	// the other bound is not worth a limit.
	minUplinkRate, maxUplinkRate = 1 << 10, 1 << 30
	// Less holds too few of the large files that flash likes.
	minOverflowSize = 16 << 20
	// A day's bytes have to hold one of these files.
	minOverflowDaily                   = 4 << 20
	minOverflowAfter, maxOverflowAfter = time.Second, 7 * 24 * time.Hour
)

// ParseRate reads a number of bytes a second (500K, 2M, 2M/s), RateUnlimited or RateAuto.
func ParseRate(v string) (int64, error) {
	switch text := strings.ToLower(strings.TrimSpace(v)); text {
	case RateWordAuto:
		return RateAuto, nil
	case RateWordUnlimited:
		return RateUnlimited, nil
	default:
		n, err := ParseBytes(strings.TrimSuffix(text, "/s"))
		if err != nil || n < minUplinkRate || n > maxUplinkRate {
			return 0, fmt.Errorf("%q is no rate from 1K to 1G bytes a second; write it like 500K, or write unlimited or auto", v)
		}
		return n, nil
	}
}

func setUplinkRate(c *Config, v string) (err error) {
	c.UplinkRate, err = ParseRate(v)
	return err
}

func setUplinkFormat(c *Config, v string) error {
	return setWord(&c.UplinkFormat, v, FormatAuto, FormatBinary, FormatText)
}

func setSpoolOverflowDir(c *Config, v string) error {
	c.SpoolOverflowDir = v
	return nil
}

func setSpoolOverflowSize(c *Config, v string) error {
	n, err := ParseBytes(v)
	if err == nil && n < minOverflowSize {
		err = fmt.Errorf("%q is less than 16M; write it like 256M", v)
	}
	c.SpoolOverflowSize = n
	return err
}

func setSpoolOverflowDaily(c *Config, v string) error {
	if strings.TrimSpace(v) == "0" {
		c.SpoolOverflowDaily = 0
		return nil
	}
	n, err := ParseBytes(v)
	if err == nil && n < minOverflowDaily {
		err = errors.New("less than 4M a day is less than one file; write it like 64M, or 0 for no bound")
	}
	c.SpoolOverflowDaily = n
	return err
}

func setSpoolOverflowAfter(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < minOverflowAfter || d > maxOverflowAfter {
		return fmt.Errorf("%q is no time from 1s to 168h; write it like 10m", v)
	}
	c.SpoolOverflowAfter = d
	return nil
}

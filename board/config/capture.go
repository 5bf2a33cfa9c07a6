package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The options that say how frames are captured.
var (
	SnapLength = Option{"snaplen", "BYTES", "256, 2560 where a name may be",
		"bytes to capture of each frame; what lies behind them is not looked at", setSnapLength}
	Sample = Option{"sample", "N", "1",
		"record one of N flows, or packets, and say so in the ledger; 1 records all", setSample}
	SampleBy = Option{"sample-by", "WHAT", SampleByFlow,
		"what --sample counts: flow keeps whole conversations, packet takes single packets at random", setSampleBy}
	Workers = Option{"workers", "N", "1",
		"goroutines that share the frames of one interface, flow by flow; each has a ring of its own", setWorkers}
	RingSize = Option{"ring-size", "BYTES", "by the machine's memory",
		"bytes of the ring that frames wait in; it is resident memory at once, for each interface and worker", setRingSize}
	RingBlock = Option{"ring-block", "BYTES", "by the machine's memory",
		"bytes of the blocks that a ring is made of, a power of two: larger ones cost less CPU", setRingBlock}
	RingTimeout = Option{"ring-timeout", "DURATION", DefaultRingTimeout.String(),
		"after what time a block that is not full is read: shorter shows frames sooner, longer costs less CPU", setRingTimeout}
	CaptureMode = Option{"capture-mode", "MODE", CaptureAuto,
		"ring; read: one system call a frame and no ring; auto: read where memory is under 64 MiB or a ring is refused", setCaptureMode}
	HardwareTimestamps = Option{"hardware-timestamps", "BOOL", "false",
		"take the time of receipt from the network card, where it stamps every frame", setHardwareTimestamps}
)

// Capture lists these options.
var Capture = []Option{SnapLength, Sample, SampleBy, Workers, RingSize, RingBlock, RingTimeout, CaptureMode, HardwareTimestamps}

// Values of the options, and their bounds.
const (
	SampleByFlow   = "flow"
	SampleByPacket = "packet"

	CaptureAuto = "auto"
	CaptureRing = "ring"
	CaptureRead = "read"

	DefaultRingTimeout = 20 * time.Millisecond

	// The shortest Ethernet frame, and the longest IP packet.
	minSnapLength, maxSnapLength = 60, 65535
	maxSample                    = 1_000_000
	maxWorkers                   = 16
	// The largest page that a kernel uses, and what is more than any board has to spare.
	minRingBlock, maxRingBlock     = 64 << 10, 64 << 20
	minRingSize, maxRingSize       = 2 * minRingBlock, 1 << 30
	minRingTimeout, maxRingTimeout = time.Millisecond, 10 * time.Second
)

func setSnapLength(c *Config, v string) error {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n < minSnapLength || n > maxSnapLength {
		return fmt.Errorf("%q is no number of bytes from %d to %d; 128 holds the headers of nearly every packet",
			v, minSnapLength, maxSnapLength)
	}
	c.SnapLength = uint32(n)
	return nil
}

func setSample(c *Config, v string) error {
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || n < 1 || n > maxSample {
		return fmt.Errorf("%q is no number from 1 to %d; write 10 to record one of ten", v, maxSample)
	}
	c.SampleRate = uint32(n)
	return nil
}

func setSampleBy(c *Config, v string) error {
	return setWord(&c.SampleBy, v, SampleByFlow, SampleByPacket)
}

func setCaptureMode(c *Config, v string) error {
	return setWord(&c.CaptureMode, v, CaptureAuto, CaptureRing, CaptureRead)
}

func setWord(to *string, v string, words ...string) error {
	if !slices.Contains(words, v) {
		return fmt.Errorf("%q is none of %s", v, strings.Join(words, ", "))
	}
	*to = v
	return nil
}

func setWorkers(c *Config, v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > maxWorkers {
		return fmt.Errorf("%q is no number from 1 to %d; more than one for each core that can be spared does not help",
			v, maxWorkers)
	}
	c.Workers = n
	return nil
}

func setRingSize(c *Config, v string) error {
	n, err := ParseBytes(v)
	if err == nil && (n < minRingSize || n > maxRingSize) {
		err = fmt.Errorf("%q is not from 128K to 1G; write it like 8M", v)
	}
	c.RingSize = n
	return err
}

func setRingBlock(c *Config, v string) error {
	n, err := ParseBytes(v)
	if err == nil && (n < minRingBlock || n > maxRingBlock || n&(n-1) != 0) {
		err = fmt.Errorf("%q is no power of two from 64K to 64M; write it like 1M", v)
	}
	c.RingBlock = n
	return err
}

func setRingTimeout(c *Config, v string) error {
	d, err := time.ParseDuration(v)
	if err != nil || d < minRingTimeout || d > maxRingTimeout {
		return fmt.Errorf("%q is no time from %v to %v; write it like 20ms", v, minRingTimeout, maxRingTimeout)
	}
	c.RingTimeout = d
	return nil
}

func setHardwareTimestamps(c *Config, v string) error {
	return setSwitch(&c.HardwareTime, "hardware-timestamps", v)
}

package capturebench

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/rawsock"
)

// options are what a run can vary. Every consumer takes as many of them as it has.
type options struct {
	interfaces   []string
	snap         uint32 // bytes; what the filter returns
	blockSize    int    // bytes
	blocks       int
	blockTimeout time.Duration
	expression   string        // pcap-filter(7); only sniffer has it
	refilter     time.Duration // how often sniffer compiles its filter anew and replaces it; 0: never
}

// defaults are the ring of rawsock and the snap length of the comparison with tcpdump.
func defaults() options {
	return options{interfaces: []string{"eth0"}, snap: 128, blockSize: 1 << 20, blocks: 8, blockTimeout: 50 * time.Millisecond}
}

// tally is what a consumer says at its end.
type tally struct {
	frames  uint64
	bytes   uint64 // of the frames on the wire, where the consumer knows
	ours    uint64 // frames that it decoded and found to be the sender's
	dropped uint64 // by the kernel, because the ring or the socket's buffer was full
}

const tallyFormat = "frames %d bytes %d ours %d dropped %d\n"

func (t tally) String() string {
	return fmt.Sprintf(tallyFormat, t.frames, t.bytes, t.ours, t.dropped)
}

// parseTally reads the last line that a consumer wrote.
func parseTally(output string) (tally, error) {
	var t tally
	at := strings.LastIndex(output, "frames ")
	if at < 0 {
		return t, fmt.Errorf("no tally in %q", output)
	}
	if _, err := fmt.Sscanf(output[at:], tallyFormat, &t.frames, &t.bytes, &t.ours, &t.dropped); err != nil {
		return t, fmt.Errorf("tally %q: %w", output[at:], err)
	}
	return t, nil
}

// What a consumer writes when it is bound, and the first argument of this binary when it is to be one.
const (
	ready          = "ready"
	consumeCommand = "consume"
)

// arguments makes this binary the consumer of that name.
func (o options) arguments(name string) []string {
	return []string{consumeCommand, "-name", name, "-interfaces", strings.Join(o.interfaces, ","),
		"-snap", strconv.Itoa(int(o.snap)), "-block-size", strconv.Itoa(o.blockSize), "-blocks", strconv.Itoa(o.blocks),
		"-block-timeout", o.blockTimeout.String(), "-expression", o.expression, "-refilter", o.refilter.String()}
}

// consume is one of the consumers until SIGINT; then it writes its tally.
func consume(arguments []string) error {
	var o options
	flags := flag.NewFlagSet(consumeCommand, flag.ContinueOnError)
	name := flags.String("name", "", "")
	interfaces := flags.String("interfaces", "", "")
	snap := flags.Uint("snap", 0, "")
	flags.IntVar(&o.blockSize, "block-size", 0, "")
	flags.IntVar(&o.blocks, "blocks", 0, "")
	flags.DurationVar(&o.blockTimeout, "block-timeout", 0, "")
	flags.StringVar(&o.expression, "expression", "", "")
	flags.DurationVar(&o.refilter, "refilter", 0, "")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	o.interfaces, o.snap = strings.Split(*interfaces, ","), uint32(*snap)

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGINT)
	var total tally
	var err error
	switch *name {
	case "sniffer":
		total, err = sniffer(o, rawsock.ModeRing, decodeEach, stop)
	case "sniffer-touch":
		total, err = sniffer(o, rawsock.ModeRing, touchEach, stop)
	case "sniffer-read":
		total, err = sniffer(o, rawsock.ModeRead, decodeEach, stop)
	case "gopacket-map":
		total, err = gopacketReader(o, newMapParser(), stop)
	case "gopacket-sparse":
		total, err = gopacketReader(o, newSparseParser(), stop)
	case "mdlayher":
		total, err = mdlayherReader(o, stop)
	default:
		err = errors.New("unknown consumer " + *name)
	}
	if err != nil {
		return err
	}
	fmt.Print(total)
	return nil
}

// acceptAll is the program that keeps so many bytes of every frame.
func acceptAll(snap uint32) ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{bpf.RetConstant{Val: snap}})
}

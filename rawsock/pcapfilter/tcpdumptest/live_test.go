//go:build linux

package tcpdumptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/bpf"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock/pcapfilter"
)

// shown is a frame as the kernel shows it to the two programs.
type shown struct {
	ours, theirs []byte
	metadata
}

// liveLink is a link of a namespace, and how the kernel shows frames there.
type liveLink struct {
	*link
	device string // of the namespace
	show   func(frame []byte, index uint32) []shown

	// without is what our program cannot know, so that its expressions are left out.
	without *regexp.Regexp
}

var liveLinks = []liveLink{
	{linkNamed("EN10MB"), tagDevice, showEthernet, nil},
	{linkNamed("LINUX_SLL2"), anyDevice, showCooked,
		regexp.MustCompile(`\b(len|length|less|greater|byte)\b|\b(ether|link|ppp|slip|fddi|tr|wlan|radio)\[`)},
}

// showEthernet has the frame with its tag in the bytes, as the host's own frames have it, and with the outer tag taken
// out, as those that arrive.
func showEthernet(frame []byte, index uint32) []shown {
	m := metadata{packetType: 4, ifindex: index}
	if len(frame) >= 14 {
		m.protocol = uint32(binary.BigEndian.Uint16(frame[12:]))
	}
	out := []shown{{frame, frame, m}}
	if len(frame) >= 18 && slices.Contains([]uint32{0x8100, 0x88a8}, m.protocol) {
		stripped := slices.Concat(frame[:12], frame[16:])
		out = append(out, shown{stripped, stripped, metadata{
			ifindex: index, tagged: true, tci: binary.BigEndian.Uint16(frame[14:]), protocol: uint32(binary.BigEndian.Uint16(frame[16:])),
		}})
	}
	return out
}

// showCooked has a datagram socket's view for ours, which is without a link layer, and the made-up header for libpcap.
func showCooked(frame []byte, _ uint32) []shown {
	if len(frame) < 20 {
		return nil
	}
	return []shown{{frame[20:], frame, metadata{
		packetType: uint32(frame[10]), ifindex: binary.BigEndian.Uint32(frame[4:]), protocol: uint32(binary.BigEndian.Uint16(frame)),
	}}}
}

// liveWords are those that mean something else while capturing; of the other expressions every tenth is compared.
var liveWords = regexp.MustCompile(`\b(vlan|inbound|outbound|ifindex)\b`)

// TestLiveSameAsTcpdump compares programs for sockets with those that tcpdump makes for an interface.
func TestLiveSameAsTcpdump(t *testing.T) {
	testbed.NeedRoot(t)
	lab := newLaboratory(t)
	ns := testbed.NewNamespace(t, "filter")
	testbed.Link(t, ns, tagDevice, ns, "v1", testbed.Quiet())
	var exprs []string
	for i, s := range slices.Concat(readList(t, "testdata/expressions.txt", false), readList(t, "testdata/refusals.txt", false)) {
		if s.link.name == "EN10MB" && (liveWords.MatchString(s.expr) || i%30 == 0) {
			exprs = append(exprs, s.expr)
		}
	}
	met := map[string]int{}
	for _, l := range liveLinks {
		t.Run(l.device, func(t *testing.T) { lab.compareAllLive(t, ns, &l, exprs, met) })
	}
	checkMet(t, met, true)
}

// atOnce is how many tcpdump run at a time: they wait for the kernel more than they compute.
const atOnce = 8

// compareAllLive compares the programs for one device and adds the rows that were needed to met.
func (lab *laboratory) compareAllLive(t *testing.T, ns *testbed.Namespace, l *liveLink, exprs []string, met map[string]int) {
	results := make([]*result, len(exprs))
	slots := make(chan struct{}, atOnce)
	var workers sync.WaitGroup
	for i, expr := range exprs {
		if l.without != nil && l.without.MatchString(expr) {
			continue
		}
		slots <- struct{}{}
		workers.Go(func() {
			results[i] = lab.compareLive(t, ns, l, expr)
			<-slots
		})
	}
	workers.Wait()
	var compared, told int
	for _, r := range results {
		if r == nil {
			continue
		}
		if r.problem != "" {
			t.Errorf("%s: %s", r.expr, r.problem)
		}
		for _, name := range r.met {
			met[name]++
		}
		if r.frames > 0 {
			compared++
		}
		if r.told() {
			told++
		}
	}
	t.Logf("%d programs compared, %d of them with both verdicts", compared, told)
	if compared < 100 || told < compared*3/4 {
		t.Errorf("%d of %d programs tell frames apart: the comparison proves too little", told, compared)
	}
}

// compareLive compiles an expression for a device of the namespace both ways and runs the programs over what the
// kernel shows of each frame.
func (lab *laboratory) compareLive(t *testing.T, ns *testbed.Namespace, l *liveLink, expr string) *result {
	r := &result{
		subject: subject{l.link, expr},
		rows:    slices.Concat(differencesOf(subject{l.link, expr}), differencesOf(subject{&link{name: l.device}, expr})),
	}
	out, err := ns.Command(lab.path, "-i", l.device, "-O", "-ddd", "--", expr).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		r.problem = err.Error()
		return r
	}
	o := lab.options
	o.LinkType, o.Live = l.number, true
	r.ours, r.refusal = pcapfilter.Compile(expr, o)
	switch {
	case r.refusal == nil && exit != nil && !r.excused(taken):
		r.problem = "ours: taken; " + lastLine(string(exit.Stderr))
	case r.refusal != nil && exit == nil && !r.excused(refused):
		r.problem = "tcpdump: taken; ours: " + r.refusal.Error()
	}
	if r.refusal != nil || exit != nil {
		return r
	}
	machineCode, err := bpf.Assemble(r.ours)
	if err != nil {
		r.problem = err.Error()
		return r
	}
	r.plain = parseDDD(t, string(out))
	for i, frame := range lab.frames[l.number] {
		for _, s := range l.show(frame, uint32(i%4)) {
			ours, theirs := &machine{program: machineCode, meta: s.metadata}, &machine{program: r.plain, meta: s.metadata}
			got, want := ours.run(s.ours), theirs.run(s.theirs)
			r.frames++
			if got != 0 {
				r.matched++
			}
			if got != want && !r.explained(theirs, s.theirs) && !r.rewritten() {
				r.problem = fmt.Sprintf("frame %d with %+v: ours says %d, tcpdump says %d\n%x\nours:\n%s",
					i, s.metadata, got, want, s.ours, pcapfilter.FormatD(r.ours))
				return r
			}
		}
	}
	return r
}

// rewritten says whether a row compares the expression with another one, which is done where programs are for files.
func (r *result) rewritten() bool {
	return slices.ContainsFunc(r.rows, func(d *difference) bool { return d.written != nil || d.like != nil })
}

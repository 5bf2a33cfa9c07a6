package tcpdumptest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"

	"golang.org/x/net/bpf"

	"network-sniffer/rawsock/pcapfilter"
)

// result is what comparing came to for one expression.
type result struct {
	subject

	ours    []bpf.Instruction
	refusal error // ours; nil: taken

	// tcpdump's programs and refusals: plain is without its optimizer.
	plain, optimized               []bpf.RawInstruction
	plainRefusal, optimizedRefusal string

	rows    []*difference             // of the table, that the expression meets
	convert func(frame []byte) []byte // into the framing that tcpdump's program is for; nil: the same

	frames, matched int      // how many were tried, how many our program takes
	lenient         int      // where only tcpdump's optimized program agrees with ours
	empty           bool     // ours: refused where a frame must be able to match (Options.MustMatch)
	met             []string // the rows that were needed
	problem         string   // the first that nobody meant; "" none
	kernel          int      // frames that the kernel judged
}

// told says whether both verdicts were seen, without which a comparison proves little.
func (r *result) told() bool { return 0 < r.matched && r.matched < r.frames }

// constant says whether libpcap's optimizer found that the program can say one thing alone.
func (r *result) constant() bool { return r.optimizedRefusal == rejects || len(r.optimized) == 1 }

// weak says whether one verdict was not seen although nothing says why.
func (r *result) weak() bool {
	return r.refusal == nil && r.plainRefusal == "" && r.problem == "" && !r.constant() && !r.told()
}

// laboratory has what all comparisons share.
type laboratory struct {
	tcpdump
	frames  map[pcapfilter.LinkType][][]byte
	options pcapfilter.Options
}

// compareAll compares the expressions, as many at a time as there are processors.
func (lab *laboratory) compareAll(t *testing.T, subjects []subject) []*result {
	results := make([]*result, len(subjects))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			k := newKernel(t)
			defer k.close()
			for i := range next {
				results[i] = lab.compare(t, k, subjects[i])
			}
		})
	}
	for i := range subjects {
		next <- i
	}
	close(next)
	workers.Wait()
	return results
}

// compare compiles one expression three ways and runs the programs over the frames.
func (lab *laboratory) compare(t *testing.T, k *kernel, s subject) *result {
	r := &result{subject: s, rows: differencesOf(s)}
	name, theirs := s.link.name, s.expr
	var reworded *difference
	for _, d := range r.rows {
		if d.written != nil {
			theirs, reworded = d.written(theirs), d
		}
		if d.like != nil {
			name, r.convert, reworded = d.like.link, d.like.convert, d
		}
	}
	r.plain, r.plainRefusal = lab.compile(t, name, theirs, true)
	if r.plainRefusal == "" {
		r.optimized, r.optimizedRefusal = lab.compile(t, name, theirs, false)
	}
	o := lab.options
	o.LinkType = s.link.number
	r.ours, r.refusal = pcapfilter.Compile(s.expr, o)

	switch {
	case r.refusal == nil && r.plainRefusal == "":
		lab.run(k, r)
		o.MustMatch = true
		_, err := pcapfilter.Compile(s.expr, o)
		r.empty = errors.Is(err, pcapfilter.ErrMatchesNothing)
		if reworded != nil && lab.differs(t, r) {
			r.meet(reworded)
		}
	case r.refusal == nil && !r.excused(taken):
		r.problem = "ours: taken; " + r.plainRefusal
	case r.plainRefusal == "" && !r.excused(refused):
		r.problem = "tcpdump: taken; ours: " + r.refusal.Error()
	}
	return r
}

// differs says whether the programs disagree on a frame when tcpdump gets the expression as it is.
func (lab *laboratory) differs(t *testing.T, r *result) bool {
	plain, refusal := lab.compile(t, r.link.name, r.expr, true)
	if refusal != "" {
		return true
	}
	machineCode, err := bpf.Assemble(r.ours)
	if err != nil {
		return false
	}
	runOurs, runPlain := fastest(machineCode), fastest(plain)
	return slices.ContainsFunc(lab.frames[r.link.number], func(frame []byte) bool { return runOurs(frame) != runPlain(frame) })
}

func (r *result) meet(d *difference) {
	if !slices.Contains(r.met, d.name) {
		r.met = append(r.met, d.name)
	}
}

// excused says whether a row has our verdict over the expression.
func (r *result) excused(v verdict) bool {
	for _, d := range r.rows {
		if d.ours == v {
			r.meet(d)
			return true
		}
	}
	return false
}

// run runs the programs of an expression that both take.
func (lab *laboratory) run(k *kernel, r *result) {
	machineCode, err := bpf.Assemble(r.ours)
	if err != nil {
		r.problem = fmt.Sprint("our program does not assemble: ", err)
		return
	}
	seeds := thinned(lab.frames[r.link.number], 40)
	ours, plain := &machine{program: machineCode}, &machine{program: r.plain}
	steered := steer(ours, seeds)
	if r.convert == nil {
		steered = append(steered, steer(plain, seeds)...)
	}
	if !lab.sameAsTcpdump(r, machineCode, plain, append(slices.Clip(lab.frames[r.link.number]), steered...)) {
		return
	}
	if r.problem = k.sameInKernel(r, ours, thinned(append(slices.Clip(steered), seeds...), kernelFrames)); r.problem != "" {
		r.problem += "\nours:\n" + pcapfilter.FormatD(r.ours)
	}
}

// sameAsTcpdump compares our program's verdict over each frame with tcpdump's and says whether that went to the end.
//
// The standard is the program that libpcap's optimizer has not seen: that one takes away loads which nobody needs, and
// with them the rejection of a frame that ends too early. What it does there is right too.
func (lab *laboratory) sameAsTcpdump(r *result, machineCode []bpf.RawInstruction, plain *machine, frames [][]byte) bool {
	runOurs, runPlain := fastest(machineCode), fastest(r.plain)
	runOptimized := runPlain
	if r.optimized != nil {
		runOptimized = fastest(r.optimized)
	}
	for i, frame := range frames {
		r.frames++
		got := runOurs(frame)
		if got != 0 {
			r.matched++
		}
		theirs := frame
		if r.convert != nil {
			if theirs = r.convert(frame); theirs == nil {
				continue
			}
		}
		want := runPlain(theirs)
		switch {
		case got == want:
		case got == runOptimized(theirs):
			r.lenient++
		case !r.explained(plain, theirs):
			r.problem = fmt.Sprintf("frame %d of %d: ours says %d, tcpdump says %d\n%x\nours:\n%s",
				i, len(frames), got, want, frame, pcapfilter.FormatD(r.ours))
			return false
		}
	}
	return true
}

// explained says whether a row has the frame on which the programs disagree.
func (r *result) explained(plain *machine, frame []byte) bool {
	looking := machine{program: plain.program, meta: plain.meta, watch: &watch{}}
	looking.run(frame)
	for _, d := range r.rows {
		if d.frame != nil && d.frame(looking.watch, frame) {
			r.meet(d)
			return true
		}
	}
	return false
}

// fastest runs a program in the virtual machine of golang.org/x/net/bpf, or in ours where that one lacks something.
func fastest(program []bpf.RawInstruction) func(frame []byte) uint32 {
	m := &machine{program: program}
	instructions, complete := bpf.Disassemble(program)
	negates := slices.ContainsFunc(instructions, func(i bpf.Instruction) bool { _, is := i.(bpf.NegateA); return is })
	vm, err := bpf.NewVM(instructions)
	if err != nil || !complete || negates {
		return m.run
	}
	return func(frame []byte) uint32 {
		n, err := vm.Run(frame)
		if err != nil {
			panic(err) // a program that NewVM took
		}
		return uint32(n)
	}
}

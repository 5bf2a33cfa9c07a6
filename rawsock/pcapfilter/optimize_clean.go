package pcapfilter

import (
	"slices"

	"golang.org/x/net/bpf"
)

// clean drops and replaces instructions. An instruction that may reject a frame stays unless that frame
// has been rejected before or is rejected later.
func (o *optimizer) clean() (changed bool) {
	for _, b := range o.blocks {
		changed = b.moveToX() || changed
	}
	asks, replaced := o.replace()
	return o.dropUnread(asks) || replaced || changed
}

// replace goes through the program from the entry down with what the registers and words hold, drops what
// computes a value that is in its place already and replaces what can be had cheaper. It returns, by
// block and instruction, the length of the frames that the instruction is the first to reject.
func (o *optimizer) replace() (asks [][]uint32, changed bool) {
	o.begin()
	o.arrive(o.entry, o.start())
	asks = make([][]uint32, len(o.blocks))
	for i := len(o.blocks) - 1; i >= 0; i-- {
		b := o.blocks[i]
		if b.ends() {
			continue
		}
		k := b.facts
		var code []bpf.Instruction
		for _, old := range b.code {
			better := o.cheaper(&k.machine, old)
			changed = changed || len(better) != 1 || better[0] != old
			for _, ins := range better {
				s := o.values.step(&k.machine, ins)
				first := uint32(0)
				if s.rejects && !k.safe(o.values, s.val) {
					first = o.values.asks(s.val)
					k.passed(o.values, s.val)
				}
				code = append(code, ins)
				asks[i] = append(asks[i], first)
			}
		}
		b.code = code
		o.arrive(b.yes, &k)
		o.arrive(b.no, &k)
	}
	return asks, changed
}

// dropUnread goes through the program from its ends up and drops what nobody reads.
func (o *optimizer) dropUnread(asks [][]uint32) (changed bool) {
	live, demand := make([]uint32, len(o.blocks)), o.demands()
	for i, b := range o.blocks {
		if b.ends() {
			continue
		}
		need := live[b.yes.number] | live[b.no.number] | b.reads()
		length := min(demand[b.yes.number], demand[b.no.number])
		kept := len(b.code)
		for n := len(b.code) - 1; n >= 0; n-- {
			ins := b.code[n]
			place := uint32(1) << writes(ins)
			if need&place == 0 && asks[i][n] <= length {
				changed = true
				continue
			}
			need = need&^place | reads(ins)
			length = max(length, demands(ins))
			kept--
			b.code[kept] = ins
		}
		b.code = b.code[kept:]
		live[i], demand[i] = need, length
	}
	return changed
}

// moveToX takes a value that waits in scratch memory until X reads it there at once, where nothing in
// between needs X: dropUnread then drops the store.
func (b *block) moveToX() (changed bool) {
	for i := 0; i < len(b.code); i++ {
		store, ok := b.code[i].(bpf.StoreScratch)
		if !ok || store.Src != bpf.RegA {
			continue
		}
		for n := i + 1; n < len(b.code); n++ {
			if b.code[n] == (bpf.LoadScratch{Dst: bpf.RegX, N: store.N}) {
				b.code = slices.Insert(slices.Delete(slices.Clone(b.code), n, n+1), i+1, bpf.Instruction(bpf.TAX{}))
				changed = true
			}
			if place := writes(b.code[n]); place == placeX || place == store.N || reads(b.code[n])&(1<<placeX) != 0 {
				break
			}
		}
	}
	return changed
}

// cheaper returns what does the same as an instruction in the state m.
func (o *optimizer) cheaper(m *machine, ins bpf.Instruction) []bpf.Instruction {
	s := o.values.effect(m, ins)
	if m[s.place] == s.val {
		return nil
	}
	if c, ok := o.values.isConstant(s.val); ok && !s.rejects && !stores(ins) {
		dst := bpf.RegA
		if s.place == placeX {
			dst = bpf.RegX
		}
		return []bpf.Instruction{bpf.LoadConstant{Dst: dst, Val: c}}
	}
	x, constantX := o.values.isConstant(m[placeX])
	switch ins := ins.(type) {
	case bpf.LoadScratch, bpf.LoadAbsolute, bpf.LoadIndirect, bpf.LoadMemShift:
		switch {
		case s.place == placeX && m[placeA] == s.val:
			return []bpf.Instruction{bpf.TAX{}}
		case s.place == placeA && m[placeX] == s.val:
			return []bpf.Instruction{bpf.TXA{}}
		}
		if load, ok := ins.(bpf.LoadIndirect); ok && constantX && uint64(x)+uint64(load.Off) <= maxOffset {
			return []bpf.Instruction{bpf.LoadAbsolute{Off: x + load.Off, Size: load.Size}}
		}
	case bpf.ALUOpX:
		if constantX && !(x == 0 && divides(ins.Op)) && !(x > 31 && shifts(ins.Op)) {
			return []bpf.Instruction{bpf.ALUOpConstant{Op: ins.Op, Val: x}}
		}
		if a, ok := o.values.isConstant(m[placeA]); ok && a == 0 && ins.Op == bpf.ALUOpSub {
			// Without the negation, which the virtual machine of golang.org/x/net/bpf lacks: -x is ^x + 1.
			return []bpf.Instruction{
				bpf.TXA{},
				bpf.ALUOpConstant{Op: bpf.ALUOpXor, Val: allBits},
				bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: 1},
			}
		}
	}
	return []bpf.Instruction{ins}
}

package pcapfilter

import (
	"fmt"
	"testing"

	"golang.org/x/net/bpf"
)

// check proves of a program what the kernel would (bpf_check_classic and check_load_and_stores in net/core/filter.c), and
// that no constant makes an instruction meaningless: jumps go forward and stay inside, every path ends in a
// return, no path reads a scratch word before it writes it, nothing is divided by a constant zero or shifted by more
// than 31 bits.
func check(prog []bpf.RawInstruction) error {
	if len(prog) == 0 || len(prog) > MaxInstructions {
		return fmt.Errorf("%d instructions", len(prog))
	}
	const unreached = ^uint32(0)
	written := make([]uint32, len(prog)+1) // the scratch words that every path to an instruction has written
	for i := range written {
		written[i] = unreached
	}
	written[0] = 0
	reach := func(from, to int, mask uint32) error {
		if to <= from || to >= len(prog) {
			return fmt.Errorf("instruction %d jumps to %d of %d", from, to, len(prog))
		}
		written[to] &= mask
		return nil
	}
	for i, ins := range prog {
		mask := written[i]
		if mask == unreached {
			continue // nothing leads here
		}
		var err error
		switch ins.Op {
		case 0x60, 0x61: // ld M[], ldx M[]
			if ins.K > 15 || mask&(1<<ins.K) == 0 {
				return fmt.Errorf("instruction %d reads M[%d] before it is written on every path", i, ins.K)
			}
		case 0x02, 0x03: // st, stx
			if ins.K > 15 {
				return fmt.Errorf("instruction %d writes M[%d]", i, ins.K)
			}
			mask |= 1 << ins.K
		case 0x34, 0x94: // div #, mod #
			if ins.K == 0 {
				return fmt.Errorf("instruction %d divides by zero", i)
			}
		case 0x64, 0x74: // lsh #, rsh #
			if ins.K > 31 {
				return fmt.Errorf("instruction %d shifts by %d", i, ins.K)
			}
		case 0x06, 0x16: // ret
			continue
		case 0x05: // ja
			// The sum cannot wrap: the kernel compares K without a sign.
			if uint64(i)+1+uint64(ins.K) >= uint64(len(prog)) {
				return fmt.Errorf("instruction %d jumps out", i)
			}
			if err = reach(i, i+1+int(ins.K), mask); err != nil {
				return err
			}
			continue
		case 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d: // jeq, jgt, jge, jset
			if err = reach(i, i+1+int(ins.Jt), mask); err == nil {
				err = reach(i, i+1+int(ins.Jf), mask)
			}
			if err != nil {
				return err
			}
			continue
		}
		if err = reach(i, i+1, mask); err != nil {
			return err
		}
	}
	return nil
}

// The checker is worth something only when it refuses.
func TestCheckerRefuses(t *testing.T) {
	accept := bpf.RetConstant{Val: 1}
	for name, prog := range map[string][]bpf.Instruction{
		"empty":          {},
		"no return":      {bpf.LoadConstant{}},
		"jump out":       {bpf.Jump{Skip: 1}, accept},
		"jump back":      {bpf.LoadConstant{}, bpf.Jump{Skip: 0xfffffffe}, accept},
		"branch out":     {bpf.JumpIf{SkipTrue: 3}, accept},
		"early read":     {bpf.LoadScratch{N: 3}, accept},
		"divided by 0":   {bpf.ALUOpConstant{Op: bpf.ALUOpDiv}, accept},
		"remainder of 0": {bpf.ALUOpConstant{Op: bpf.ALUOpMod}, accept},
		"shifted by 32":  {bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: 32}, accept},
		"read after one branch": {
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: 1},
			bpf.StoreScratch{N: 2}, bpf.LoadScratch{N: 2}, accept,
		},
	} {
		if check(raw(t, prog)) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if err := check(raw(t, []bpf.Instruction{
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: 1, SkipTrue: 2},
		bpf.StoreScratch{N: 2}, bpf.Jump{Skip: 1}, bpf.StoreScratch{N: 2}, bpf.LoadScratch{N: 2}, accept,
	})); err != nil {
		t.Errorf("both branches write: %v", err)
	}
}

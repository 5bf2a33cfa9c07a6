//go:build linux

package machine

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"network-sniffer/board/testbed"
)

// TestMachine: what each kind of instruction does, and above all what the VM of x/net/bpf does not know.
func TestMachine(t *testing.T) {
	frame := []byte{0x45, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
	beside := Metadata{Protocol: 0x0800, Hardware: 1, Kind: 4, Index: 7, TPID: 0x8100, TCI: 0x2064}
	const length = 1500
	extension := func(e bpf.Extension) []bpf.Instruction {
		return []bpf.Instruction{bpf.LoadExtension{Num: e}, bpf.RetA{}}
	}
	behindConstants := func(a, x uint32, more ...bpf.Instruction) []bpf.Instruction {
		p := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: a}, bpf.LoadConstant{Dst: bpf.RegX, Val: x}}
		return append(append(p, more...), bpf.RetA{})
	}
	for _, row := range []struct {
		name    string
		program []bpf.Instruction
		want    uint32
	}{
		{"word", []bpf.Instruction{bpf.LoadAbsolute{Off: 16, Size: 4}, bpf.RetA{}}, 0x10111213},
		{"word behind the end", []bpf.Instruction{bpf.LoadAbsolute{Off: 17, Size: 4}, bpf.RetConstant{Val: 1}}, 0},
		{"last byte", []bpf.Instruction{bpf.LoadAbsolute{Off: 19, Size: 1}, bpf.RetA{}}, 19},
		{"byte behind the end", []bpf.Instruction{bpf.LoadAbsolute{Off: 20, Size: 1}, bpf.RetConstant{Val: 1}}, 0},
		{"header length", []bpf.Instruction{bpf.LoadMemShift{Off: 0}, bpf.TXA{}, bpf.RetA{}}, 20},
		{"header length behind the end", []bpf.Instruction{bpf.LoadMemShift{Off: 1 << 30}, bpf.RetConstant{Val: 1}}, 0},
		{"indirect", behindConstants(0, 3, bpf.LoadIndirect{Off: 4, Size: 2}), 0x0708},
		{"indirect with a negative register", behindConstants(0, 1<<32-2, bpf.LoadIndirect{Off: 5, Size: 1}), 3},
		{"indirect behind the end", behindConstants(0, 1<<31-1, bpf.LoadIndirect{Off: 5, Size: 1}), 0},
		{"length", extension(bpf.ExtLen), length},
		{"protocol", extension(bpf.ExtProto), 0x0800},
		{"direction", extension(bpf.ExtType), 4},
		{"interface", extension(bpf.ExtInterfaceIndex), 7},
		{"hardware", extension(bpf.ExtLinkLayerType), 1},
		{"tag", extension(bpf.ExtVLANTag), 0x2064},
		{"tag is there", extension(bpf.ExtVLANTagPresent), 1},
		{"tag's type", extension(bpf.ExtVLANProto), 0x8100},
		{"negative", behindConstants(5, 0, bpf.NegateA{}), 1<<32 - 5},
		{"division by zero", behindConstants(5, 0, bpf.ALUOpX{Op: bpf.ALUOpDiv}, bpf.LoadConstant{Val: 9}), 0},
		{"remainder by zero", behindConstants(5, 0, bpf.ALUOpX{Op: bpf.ALUOpMod}, bpf.LoadConstant{Val: 9}), 0},
		{"remainder", behindConstants(17, 5, bpf.ALUOpX{Op: bpf.ALUOpMod}), 2},
		{"far jump", append([]bpf.Instruction{bpf.Jump{Skip: 300}}, append(make300(), bpf.RetConstant{Val: 3})...), 3},
		{"scratch", behindConstants(5, 6, bpf.StoreScratch{Src: bpf.RegX, N: 15}, bpf.LoadScratch{Dst: bpf.RegA, N: 15}), 6},
	} {
		raw, err := bpf.Assemble(row.program)
		if err != nil {
			t.Fatalf("%s: %v", row.name, err)
		}
		m, err := New(raw)
		if err != nil {
			t.Errorf("%s: %v", row.name, err)
			continue
		}
		if got := m.Run(frame, length, &beside); got != row.want {
			t.Errorf("%s: %d, want %d", row.name, got, row.want)
		}
		if n := testing.AllocsPerRun(100, func() { m.Run(frame, length, &beside) }); n != 0 {
			t.Errorf("%s: %v allocations", row.name, n)
		}
	}
}

func make300() []bpf.Instruction {
	p := make([]bpf.Instruction, 300)
	for i := range p {
		p[i] = bpf.RetConstant{Val: 1}
	}
	return p
}

func TestMachineRefuses(t *testing.T) {
	const word = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
	ret := bpf.RawInstruction{Op: unix.BPF_RET}
	for _, row := range []struct {
		name    string
		program []bpf.RawInstruction
	}{
		{"nothing", nil},
		{"no return", []bpf.RawInstruction{{Op: unix.BPF_LD | unix.BPF_IMM}}},
		{"unknown code", []bpf.RawInstruction{{Op: 0xffff}, ret}},
		{"code of an extension", []bpf.RawInstruction{{Op: loadRandom}, ret}},
		{"jump out", []bpf.RawInstruction{{Op: unix.BPF_JMP | unix.BPF_JA, K: 1}, ret}},
		{"jump back", []bpf.RawInstruction{{Op: unix.BPF_JMP | unix.BPF_JA, K: 1<<32 - 1}, ret}},
		{"conditional jump out", []bpf.RawInstruction{{Op: unix.BPF_JMP | unix.BPF_JEQ, Jt: 0, Jf: 1}, ret}},
		{"division by zero", []bpf.RawInstruction{{Op: unix.BPF_ALU | unix.BPF_DIV}, ret}},
		{"shift by 32", []bpf.RawInstruction{{Op: unix.BPF_ALU | unix.BPF_LSH, K: 32}, ret}},
		{"scratch cell 16", []bpf.RawInstruction{{Op: unix.BPF_ST, K: 16}, ret}},
		{"what only the kernel knows", []bpf.RawInstruction{{Op: word, K: ExtensionBase + uint32(bpf.ExtRXHash)}, ret}},
		{"an offset from the network header", []bpf.RawInstruction{{Op: word, K: 0xfff00000}, ret}},
	} {
		if _, err := New(row.program); err == nil {
			t.Errorf("%s: accepted", row.name)
		}
	}
	if _, err := New(make([]bpf.RawInstruction, MaxInstructions+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too many instructions: %v", err)
	}
}

// randomProgram makes a program that the kernel takes: scratch cells are written before they are read.
func randomProgram(r *rand.Rand) []bpf.RawInstruction {
	const cells = 3
	p := []bpf.RawInstruction{
		{Op: unix.BPF_LD | unix.BPF_IMM, K: r.Uint32()}, {Op: unix.BPF_LDX | unix.BPF_IMM, K: r.Uint32N(40)},
	}
	for i := range uint32(cells) {
		p = append(p, bpf.RawInstruction{Op: unix.BPF_ST, K: i})
	}
	arithmetic := []uint16{unix.BPF_ADD, unix.BPF_SUB, unix.BPF_MUL, unix.BPF_DIV, unix.BPF_MOD, unix.BPF_AND, unix.BPF_OR,
		unix.BPF_XOR, unix.BPF_LSH, unix.BPF_RSH}
	jumps := []uint16{unix.BPF_JEQ, unix.BPF_JGT, unix.BPF_JGE, unix.BPF_JSET}
	sizes := []uint16{unix.BPF_W, unix.BPF_H, unix.BPF_B}
	number := func() uint32 {
		switch r.IntN(4) {
		case 0:
			return r.Uint32()
		case 1:
			return r.Uint32N(256)
		case 2:
			return 1 << r.UintN(32)
		}
		return r.Uint32N(4)
	}
	body := 2 + r.IntN(40)
	for i := range body {
		in := bpf.RawInstruction{K: number()}
		switch r.IntN(12) {
		case 0, 1:
			in.Op, in.K = unix.BPF_LD|unix.BPF_ABS|sizes[r.IntN(3)], r.Uint32N(70)
		case 2:
			in.Op, in.K = unix.BPF_LD|unix.BPF_IND|sizes[r.IntN(3)], uint32(r.IntN(60)-10)
		case 3:
			in.Op, in.K = unix.BPF_LDX|unix.BPF_B|unix.BPF_MSH, r.Uint32N(64)
		case 4:
			in.Op = []uint16{unix.BPF_LD | unix.BPF_IMM, unix.BPF_LDX | unix.BPF_IMM, unix.BPF_LD | unix.BPF_LEN,
				unix.BPF_LDX | unix.BPF_LEN, unix.BPF_ALU | unix.BPF_NEG}[r.IntN(5)]
		case 5:
			in.Op = []uint16{unix.BPF_LD | unix.BPF_MEM, unix.BPF_LDX | unix.BPF_MEM, unix.BPF_ST, unix.BPF_STX}[r.IntN(4)]
			in.K = r.Uint32N(cells)
		case 6:
			in.Op = unix.BPF_MISC | []uint16{unix.BPF_TAX, unix.BPF_TXA}[r.IntN(2)]
		case 7, 8:
			in.Op = unix.BPF_ALU | arithmetic[r.IntN(len(arithmetic))] | uint16(r.IntN(2)*unix.BPF_X)
			switch in.Op {
			case unix.BPF_ALU | unix.BPF_LSH, unix.BPF_ALU | unix.BPF_RSH:
				in.K %= 32
			}
			in.K = max(in.K, 1)
		case 9, 10:
			in.Op = unix.BPF_JMP | jumps[r.IntN(len(jumps))] | uint16(r.IntN(2)*unix.BPF_X)
			in.Jt, in.Jf = uint8(r.IntN(body-i)), uint8(r.IntN(body-i))
		case 11:
			in.Op = unix.BPF_RET | []uint16{unix.BPF_K, unix.BPF_A}[r.IntN(2)]
		}
		p = append(p, in)
	}
	return append(p, bpf.RawInstruction{Op: unix.BPF_RET | unix.BPF_A})
}

// TestMachineAgreesWithTheKernel: random programs over random frames get the kernel's verdict, to the byte.
func TestMachineAgreesWithTheKernel(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2026))
	accepted := 0
	for n := range 3000 {
		raw := randomProgram(r)
		m, err := New(raw)
		if err != nil {
			t.Fatalf("program %d: %v", n, err)
		}
		kernel, stop := testbed.KernelFilter(t, raw)
		for range 8 {
			frame := make([]byte, 1+r.IntN(64))
			for i := range frame {
				frame[i] = byte(r.Uint32())
			}
			want := kernel(frame)
			got := int(min(uint64(m.Run(frame, uint32(len(frame)), &Metadata{})), uint64(len(frame))))
			if got != want {
				t.Fatalf("program %d over % x: %d bytes, the kernel accepts %d\n%v", n, frame, got, want, raw)
			}
			if want > 0 {
				accepted++
			}
		}
		stop()
	}
	if accepted < 3000 || accepted > 21000 {
		t.Errorf("%d of 24000 frames were accepted: these programs tell nothing", accepted)
	}
}

// TestMachineAgreesWithTheVM compares what x/net/bpf knows: all but negation, the length in X, registers that shift by
// more than 31 bits, and loads whose sum of offsets wraps around.
func TestMachineAgreesWithTheVM(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 2026))
	compared := 0
	for range 30_000 {
		raw := randomProgram(r)
		known := true
		for _, in := range raw {
			switch in.Op {
			case unix.BPF_ALU | unix.BPF_NEG, unix.BPF_LDX | unix.BPF_LEN,
				unix.BPF_ALU | unix.BPF_LSH | unix.BPF_X, unix.BPF_ALU | unix.BPF_RSH | unix.BPF_X,
				unix.BPF_LD | unix.BPF_IND | unix.BPF_W, unix.BPF_LD | unix.BPF_IND | unix.BPF_H,
				unix.BPF_LD | unix.BPF_IND | unix.BPF_B:
				known = false
			}
		}
		program, decoded := bpf.Disassemble(raw)
		if !known || !decoded {
			continue
		}
		vm, err := bpf.NewVM(program)
		if err != nil {
			t.Fatal(err)
		}
		m, err := New(raw)
		if err != nil {
			t.Fatal(err)
		}
		frame := make([]byte, r.IntN(64))
		for i := range frame {
			frame[i] = byte(r.Uint32())
		}
		want, err := vm.Run(frame)
		if err != nil {
			continue // its reasons are division by zero and the like, which the kernel answers with 0
		}
		if got := m.Run(frame, uint32(len(frame)), &Metadata{}); uint32(want) != got {
			t.Fatalf("%v\nover % x: %d, the VM says %d", program, frame, got, uint32(want))
		}
		compared++
	}
	if compared < 3000 {
		t.Errorf("only %d programs were compared", compared)
	}
}

// FuzzMachine: whatever passes the check ends, and reads nothing that is not there.
func FuzzMachine(f *testing.F) {
	f.Add([]byte{0x28, 0, 0, 0, 0, 0, 0, 12, 0x06, 0, 0, 0, 0, 0, 0, 1}, []byte("frame"))
	f.Add([]byte{0x87, 0, 0, 0, 0, 0, 0, 0, 0x16, 0, 0, 0, 0, 0, 0, 0}, []byte{})
	f.Fuzz(func(t *testing.T, code, frame []byte) {
		var raw []bpf.RawInstruction
		for ; len(code) >= 8; code = code[8:] {
			op, k := binary.LittleEndian.Uint16(code), binary.BigEndian.Uint32(code[4:])
			raw = append(raw, bpf.RawInstruction{Op: op, Jt: code[2], Jf: code[3], K: k})
		}
		if m, err := New(raw); err == nil {
			m.Run(frame, uint32(len(frame)), &Metadata{})
		}
	})
}

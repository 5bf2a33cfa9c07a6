package tcpdumptest

import (
	"encoding/binary"
	"slices"
)

// maxSteered bounds the frames that are looked at for one program, maxEdges those made around what its branches read,
// maxTurned how many of those that it takes are turned bit by bit, and maxFrame is their length in bytes.
const (
	maxSteered = 160
	maxEdges   = 1000
	maxTurned  = 4
	maxFrame   = 1600
)

// steer makes frames that take a program through each of its branches both ways, as far as it finds the way: it
// runs the program over a frame, turns one branch of that run around by writing into the frame what the branch
// asks for, and goes on with what that gave. Wherever a run reads, the frame is also cut in front of the
// last byte read and right behind it; and in some frames that the program takes each bit that it read is turned over, which
// tells masks and comparisons apart that differ in one bit.
func steer(program *machine, seeds [][]byte) [][]byte {
	s := steering{machine: *program, sides: map[side]bool{}, cuts: map[load]bool{}}
	for _, seed := range seeds {
		s.try(seed)
	}
	for len(s.open) > 0 && len(s.made) < maxSteered {
		next := s.open[0]
		s.open = s.open[1:]
		for _, b := range next.watch.branches {
			if b.value == nil || s.sides[side{b.pc, !b.taken}] {
				continue
			}
			if frame := turn(next.frame, b); frame != nil {
				s.try(frame)
			}
		}
	}
	for _, l := range s.taken {
		s.turnBits(l)
	}
	return append(s.made, s.edges...)
}

// side is one way out of a branch.
type side struct {
	pc    int
	taken bool
}

type steering struct {
	machine
	sides map[side]bool
	cuts  map[load]bool
	open  []looked // whose branches have yet to be turned
	taken []looked // some that the program takes
	made  [][]byte
	edges [][]byte // around the numbers that branches ask for, and with one bit turned
}

// looked is a frame and what its run looked at.
type looked struct {
	frame   []byte
	watch   *watch
	verdict uint32
}

// try runs a frame and keeps it when it got somewhere new.
func (s *steering) try(frame []byte) {
	seen := s.look(frame)
	fresh := false
	for _, b := range seen.watch.branches {
		if at := (side{b.pc, b.taken}); !s.sides[at] {
			s.sides[at], fresh = true, true
			s.nextTo(frame, b)
		}
	}
	for _, l := range seen.watch.loads {
		end := l.at + l.size
		if s.cuts[l] || end > maxFrame {
			continue
		}
		s.cuts[l], fresh = true, true
		if end > len(frame) { // it was too short already, and the run ended there
			longer := append(slices.Clone(frame), make([]byte, end-len(frame))...)
			s.made = append(s.made, longer)
			s.open = append(s.open, s.look(longer))
		} else {
			s.made = append(s.made, frame[:end-1], frame[:end])
		}
	}
	if fresh && seen.verdict != 0 && len(s.taken) < maxTurned {
		s.taken = append(s.taken, seen)
	}
	if fresh {
		s.made = append(s.made, frame)
		s.open = append(s.open, seen)
	}
}

// nextTo makes frames with the number that a branch asks for and its neighbours.
func (s *steering) nextTo(frame []byte, b branch) {
	if b.value == nil {
		return
	}
	for _, want := range []uint32{b.with - 1, b.with, b.with + 1} {
		if edge := write(frame, b.value, want); edge != nil {
			s.edges = append(s.edges, edge)
		}
	}
}

// turnBits makes frames with one bit of what a run read turned over.
func (s *steering) turnBits(l looked) {
	turned := map[int]bool{}
	for _, r := range l.watch.loads {
		for at := r.at; at < min(r.at+r.size, len(l.frame)); at++ {
			if turned[at] || len(s.edges) >= maxEdges {
				continue
			}
			turned[at] = true
			for bit := range 8 {
				edge := slices.Clone(l.frame)
				edge[at] ^= 1 << bit
				s.edges = append(s.edges, edge)
			}
		}
	}
}

// leaf is what an origin begins with.
func leaf(o *origin) *origin {
	for o.from != nil {
		o = o.from
	}
	return o
}

func (s *steering) look(frame []byte) looked {
	s.watch = &watch{}
	verdict := s.run(frame)
	return looked{frame, s.watch, verdict}
}

// turn returns the frame changed so that the branch goes the other way, or nil when that cannot be done by changing
// what its value is made of.
func turn(frame []byte, b branch) []byte {
	for _, want := range wanted(b) {
		if changed := write(frame, b.value, want); changed != nil {
			return changed
		}
	}
	first := leaf(b.value)
	for i := range 2 * (32 + 1) { // one bit after the other, of what it is and of nothing
		v := uint32(0)
		if i > 32 {
			v = first.n
		}
		v ^= 1 << (i % 33)
		if holds(b.test, recompute(b.value, v), b.with) == b.taken {
			continue
		}
		if changed := write(frame, first, v); changed != nil {
			return changed
		}
	}
	return nil
}

// recompute is the value with another number at its beginning.
func recompute(o *origin, n uint32) uint32 {
	if o.from == nil {
		return n
	}
	return compute(o.op, recompute(o.from, n), o.k)
}

// wanted are values that turn the branch, the nearest to its edge first.
func wanted(b branch) []uint32 {
	k := b.with
	var values []uint32
	switch b.test {
	case jumpEQ:
		values = []uint32{k, k + 1, k - 1, k ^ 0xff, 0, 1}
	case jumpGT, jumpGE:
		values = []uint32{k, k + 1, k - 1, 0, 0xff, 0xffff, 0xffffffff}
	case jumpOf:
		values = []uint32{k, k & -k, 0, ^k}
	}
	return slices.DeleteFunc(values, func(v uint32) bool { return holds(b.test, v, k) == b.taken })
}

// write changes what an origin is made of so that its value becomes want; nil when it has no such value.
func write(frame []byte, o *origin, want uint32) []byte {
	switch {
	case o.from != nil:
		for _, v := range undo(o, want) {
			if compute(o.op, v, o.k) != want {
				continue
			}
			if changed := write(frame, o.from, v); changed != nil {
				return changed
			}
		}
		return nil
	case o.size == 0: // the frame's length
		if want == 0 || want > maxFrame {
			return nil
		}
		longer := append(slices.Clone(frame), make([]byte, max(0, int(want)-len(frame)))...)
		return longer[:want]
	}
	changed := slices.Clone(frame)
	switch b := changed[o.at:]; o.size {
	case 1:
		b[0] = byte(want)
	case 2:
		binary.BigEndian.PutUint16(b, uint16(want))
	default:
		binary.BigEndian.PutUint32(b, want)
	}
	if read(changed[o.at:], o.size) != want {
		return nil
	}
	return changed
}

// undo guesses what an operation made want of; the caller checks.
func undo(o *origin, want uint32) []uint32 {
	before := o.from.n
	switch o.op {
	case opADD:
		return []uint32{want - o.k}
	case opSUB:
		return []uint32{want + o.k}
	case opMUL:
		if o.k == 0 {
			return nil
		}
		return []uint32{want / o.k}
	case opDIV:
		return []uint32{want * o.k}
	case opMOD:
		return []uint32{want, want + o.k}
	case opAND:
		return []uint32{before&^o.k | want&o.k}
	case opOR:
		return []uint32{want &^ o.k, want}
	case opXOR:
		return []uint32{want ^ o.k}
	case opLSH:
		return []uint32{want >> (o.k & 31)}
	case opRSH:
		return []uint32{want<<(o.k&31) | before&(1<<(o.k&31)-1)}
	}
	return []uint32{-want}
}

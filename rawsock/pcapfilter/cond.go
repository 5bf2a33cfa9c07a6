package pcapfilter

import "golang.org/x/net/bpf"

// cond is a condition on a frame, free of protocols: tests joined by and, or and not, evaluated
// left to right and no further than needed. The order is part of the meaning, because a load beyond
// the frame rejects it at once.
type cond interface{}

type (
	// constant is a condition known at compile time.
	constant bool

	// test runs code and then compares accumulator A with val, or with register X. The code carries values to a later test
	// in scratch memory alone: the registers hold nothing when it begins.
	test struct {
		code []bpf.Instruction
		jump bpf.JumpTest // JumpEqual, JumpGreaterThan, JumpGreaterOrEqual or JumpBitsSet
		val  uint32
		useX bool
	}

	junction struct {
		or          bool
		left, right cond
	}

	inversion struct{ operand cond }
)

// and joins conditions left to right. A constant operand is dropped only where no load goes with it.
func and(conds ...cond) cond { return join(false, conds) }

// or joins conditions left to right, as and does.
func or(conds ...cond) cond { return join(true, conds) }

func join(or bool, conds []cond) cond {
	joined := conds[0]
	for _, right := range conds[1:] {
		switch left := joined.(type) {
		case constant:
			if bool(left) != or {
				joined = right
			}
			continue
		}
		if c, ok := right.(constant); ok && bool(c) != or {
			continue
		}
		joined = &junction{or, joined, right}
	}
	return joined
}

func not(c cond) cond {
	if c, ok := c.(constant); ok {
		return !c
	}
	return &inversion{c}
}

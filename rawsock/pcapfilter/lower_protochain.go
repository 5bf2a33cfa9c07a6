package pcapfilter

import "golang.org/x/net/bpf"

// The headers of RFC 8200 section 4 that may stand in front of another; protoFrag6 is one too.
const (
	protoHopByHop = 0
	protoRouting  = 43
	protoDestOpts = 60
)

// Scratch slots of a chain. Arithmetic uses them before and after it.
const (
	chainOffset = 0 // of a header, counted from the start of the network header
	chainNext   = 1 // the number of that header
)

// protochain lowers "protochain": a header of a protocol stands somewhere in the chain. libpcap jumps
// back for every header, which the kernel refuses; here the loop is written out maxChain times.
func (low *lowering) protochain(n *addrNode) (cond, error) {
	switch n.proto {
	case "", "ip", "ip6":
	default:
		return nil, low.errorf(n.at(), nil, "ip, ip6 or nothing before protochain", "%q has no chain of headers", n.proto)
	}
	number, err := low.protocolNumber(n, protocolNames, 0xff)
	if err != nil {
		return nil, err
	}
	switch n.proto {
	case "ip":
		return low.chain4(number), nil
	case "ip6":
		return low.chain6(number), nil
	}
	return or(low.chain4(number), low.chain6(number)), nil
}

// chain4 looks for a protocol behind an IPv4 header. Only authentication headers are passed.
func (low *lowering) chain4(number uint32) cond {
	l := &low.link
	start := append(l.headerLength4(), bpf.StoreScratch{Src: bpf.RegX, N: chainOffset})
	start = append(start, l.loadShifted(l.network+protocol4, 1)...)
	return and(low.isIP(), l.chain(start, number, l.passAuthentication))
}

func (low *lowering) chain6(number uint32) cond {
	l := &low.link
	start := []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA, Val: header6}}
	if l.shifted {
		start = append(start, bpf.LoadScratch{Dst: bpf.RegX, N: shiftSlot}, bpf.ALUOpX{Op: bpf.ALUOpAdd})
	}
	start = append(start, bpf.StoreScratch{Src: bpf.RegA, N: chainOffset})
	start = append(start, l.loadShifted(l.network+nextHeader6, 1)...)
	// RFC 8200 section 4.3 to 4.6: the length counts units of 8 bytes without the first. That of a
	// fragment header is reserved, and 0.
	return and(low.isIP6(), l.chain(start, number, func() cond {
		extension := or(nextIs(protoHopByHop), nextIs(protoDestOpts), nextIs(protoRouting), nextIs(protoFrag6))
		return or(and(extension, l.passHeader(1, 3)), l.passAuthentication())
	}))
}

// passAuthentication is true and passes the header if it is an authentication header, whose length counts units of 4
// bytes without the first two (RFC 4302 section 2.2).
func (l *linkLayer) passAuthentication() cond {
	return and(nextIs(protoAH), l.passHeader(2, 2))
}

// chain looks for a number along the headers that pass steps over. start leaves the number of the
// first one in A.
func (l *linkLayer) chain(start []bpf.Instruction, number uint32, pass func() cond) cond {
	start = append(start, bpf.StoreScratch{Src: bpf.RegA, N: chainNext})
	rest := nextIs(number)
	for range maxChain - 1 {
		rest = or(nextIs(number), and(pass(), rest))
	}
	return or(&test{code: start, jump: bpf.JumpEqual, val: number}, and(pass(), rest))
}

func nextIs(number uint32) cond {
	return &test{code: []bpf.Instruction{bpf.LoadScratch{Dst: bpf.RegA, N: chainNext}}, jump: bpf.JumpEqual, val: number}
}

// passHeader steps over a header of (its second byte + more) << shift bytes. It is true always.
func (l *linkLayer) passHeader(more, shift uint32) cond {
	return &test{
		code: []bpf.Instruction{
			bpf.LoadScratch{Dst: bpf.RegX, N: chainOffset},
			bpf.LoadIndirect{Off: l.network, Size: 1},
			bpf.StoreScratch{Src: bpf.RegA, N: chainNext},
			bpf.LoadIndirect{Off: l.network + 1, Size: 1},
			bpf.ALUOpConstant{Op: bpf.ALUOpAdd, Val: more},
			bpf.ALUOpConstant{Op: bpf.ALUOpShiftLeft, Val: shift},
			bpf.ALUOpX{Op: bpf.ALUOpAdd},
			bpf.StoreScratch{Src: bpf.RegA, N: chainOffset},
		},
		jump: bpf.JumpGreaterOrEqual, val: 0,
	}
}

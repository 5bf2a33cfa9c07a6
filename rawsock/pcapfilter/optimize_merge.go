package pcapfilter

import "encoding/binary"

// merge makes one block of those that do the same and lead to the same blocks, and none of a block that does nothing. It
// begins at the ends, so that equal tails grow together.
func (g *graph) merge() (changed bool) {
	same := make(map[string]*block, len(g.blocks))
	kept := make([]*block, len(g.blocks)) // by number: the block that stands for it
	var key []byte
	for i, b := range g.blocks {
		if !b.ends() {
			b.yes, b.no = kept[b.yes.number], kept[b.no.number]
			b.orient()
			if b.straight() && len(b.code) == 0 {
				kept[i], changed = b.yes, true
				continue
			}
		}
		key = b.appendKey(key[:0])
		first, found := same[string(key)]
		if !found {
			same[string(key)] = b
			first = b
		}
		changed = changed || found
		kept[i] = first
	}
	g.entry = kept[g.entry.number]
	return changed
}

// orient turns a test round whose set contains 0, so that a test and its opposite become equal.
func (b *block) orient() {
	if b.straight() {
		b.branch = branch{}
	} else if !b.useX && len(b.in) > 0 && b.in[0].first == 0 {
		b.in = b.in.complement()
		b.yes, b.no = b.no, b.yes
	}
}

// appendKey appends bytes that are equal for equal blocks.
func (b *block) appendKey(key []byte) []byte {
	if b.ends() {
		return binary.BigEndian.AppendUint32(append(key, 0), b.result)
	}
	key = binary.BigEndian.AppendUint32(append(key, 1), uint32(len(b.code)))
	for _, ins := range assemble(b.code) {
		key = binary.BigEndian.AppendUint16(key, ins.Op)
		key = binary.BigEndian.AppendUint32(key, ins.K)
	}
	return b.appendBranch(key)
}

// appendBranch appends bytes that are equal for equal branches to the same targets.
func (b *block) appendBranch(key []byte) []byte {
	key = binary.BigEndian.AppendUint32(key, uint32(b.yes.number))
	key = binary.BigEndian.AppendUint32(key, uint32(b.no.number))
	if b.useX {
		return append(key, 0, byte(b.jump))
	}
	key = binary.BigEndian.AppendUint32(append(key, 1), b.mask)
	for _, r := range b.in {
		key = binary.BigEndian.AppendUint32(key, r.first)
		key = binary.BigEndian.AppendUint32(key, r.last)
	}
	return key
}

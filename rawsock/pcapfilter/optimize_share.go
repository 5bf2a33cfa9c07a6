package pcapfilter

// share cuts the long branches that several blocks have in common behind their first comparison. That
// one stays with the code in front of it, and the rest stands once in the program: the lists of
// ports of IPv4 and IPv6, for instance, differ in nothing but the load.
func (g *graph) share() (changed bool) {
	alike := map[string][]*block{}
	for _, b := range g.blocks {
		if !b.ends() && !b.straight() && !b.useX && b.mask == allBits && len(b.code) > 0 && b.in.cheapest() > 1 {
			key := string(b.appendBranch(nil))
			alike[key] = append(alike[key], b)
		}
	}
	tails := map[*block]*block{} // by the first block that leads to it
	for _, blocks := range alike {
		if len(blocks) < 2 {
			continue
		}
		first := blocks[0]
		tails[first] = first.cut()
		for _, b := range blocks[1:] {
			b.branch, b.yes, b.no = first.branch, first.yes, first.no
		}
	}
	if len(tails) == 0 {
		return false
	}
	blocks := g.blocks
	g.blocks = make([]*block, 0, len(blocks)+len(tails))
	for _, b := range blocks {
		if tail := tails[b]; tail != nil {
			g.add(tail)
		}
		g.add(b)
	}
	return true
}

// cut takes the first comparison out of the branch of b and returns the block that goes on behind it.
func (b *block) cut() (tail *block) {
	if others := b.in.complement(); others.cost() < b.in.cost() {
		b.in, b.yes, b.no = others, b.no, b.yes
	}
	first, rest := b.in[0], b.in[1:]
	tail = &block{branch: branch{mask: allBits, in: rest}, yes: b.yes, no: b.no}
	if first.first == 0 || first.first == first.last {
		b.in, b.no = intervals{first}, tail
		return tail
	}
	tail.in = append(intervals{{0, first.last}}, rest...)
	b.in, b.yes = intervals{{first.first, allBits}}, tail
	return tail
}

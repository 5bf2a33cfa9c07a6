package appliance

import (
	"sync/atomic"

	"network-sniffer/rawsock"
)

// maxIndexes bounds the interfaces that an origin tells apart. The packets of more count as those of "any" until
// links change the next time.
const maxIndexes = 256

// origin tells which interface a frame of a capture of all interfaces came over. It belongs to one goroutine. A
// frame costs a comparison, or a look through a short list; an interface that was not met before is looked up.
type origin struct {
	names   *names
	any     uint8                           // stands for what cannot be told
	met     func(number uint8, name string) // an interface got its number
	full    func(name string)               // an interface got none: MaxInterfaces have
	lookUp  func(index int) (string, error) // the name of an interface; replaced by tests
	changed *atomic.Uint64                  // counts the changes of links
	seen    uint64                          // of these
	last    port                            // of the frame before
	list    []port
}

// port is an interface that frames came over.
type port struct {
	index  int32
	number uint8
	stale  bool // links changed: it may have another name now
}

func newOrigin(n *names, any uint8, changed *atomic.Uint64, found func(uint8, string), full func(string)) *origin {
	return &origin{
		names: n, any: any, changed: changed, met: found, full: full,
		lookUp: rawsock.NameOf,
	}
}

// refresh is called before frames are walked: after links changed every name is looked up again when it is used.
func (o *origin) refresh() {
	now := o.changed.Load()
	if now == o.seen {
		return
	}
	o.seen, o.last = now, port{number: o.any}
	if len(o.list) == maxIndexes {
		o.list = o.list[:0]
	}
	for i := range o.list {
		o.list[i].stale = true
	}
}

// number is the number of the interface with this index.
func (o *origin) number(index int32) uint8 {
	if index != o.last.index {
		o.last = o.find(index)
	}
	return o.last.number
}

func (o *origin) find(index int32) port {
	for i := range o.list {
		if m := &o.list[i]; m.index == index {
			if m.stale {
				// One that is gone meanwhile keeps its name: these are its last frames.
				m.stale = false
				if number, ok := o.ask(index); ok {
					m.number = number
				}
			}
			return *m
		}
	}
	m := port{index: index, number: o.any}
	if len(o.list) < maxIndexes {
		if number, ok := o.ask(index); ok {
			m.number = number
		}
		o.list = append(o.list, m)
	}
	return m
}

func (o *origin) ask(index int32) (uint8, bool) {
	name, err := o.lookUp(int(index))
	if err != nil {
		return 0, false
	}
	number, ok := o.names.number(name)
	if !ok {
		o.full(name)
		return 0, false
	}
	o.met(number, name)
	return number, true
}

package appliance

import (
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
)

// kernel is what an origin asks.
type kernel struct {
	list  map[int]string // of the interfaces by index
	asked int
}

func (k *kernel) lookUp(index int) (string, error) {
	k.asked++
	if name, ok := k.list[index]; ok {
		return name, nil
	}
	return "", errors.New("gone")
}

// testOrigin is an origin that asks k, and what it told of new numbers and of names without one.
func testOrigin(k *kernel) (o *origin, links *atomic.Uint64, met map[uint8]string, full *[]string) {
	links, met, full = new(atomic.Uint64), map[uint8]string{}, new([]string)
	o = newOrigin(&names{list: []string{"any"}}, 0, links,
		func(number uint8, name string) { met[number] = name }, func(name string) { *full = append(*full, name) })
	o.lookUp = k.lookUp
	return o, links, met, full
}

// TestOrigin: each interface is asked for once, and again after links changed; a number is a name's for ever.
func TestOrigin(t *testing.T) {
	k := &kernel{list: map[int]string{1: "lo", 2: "eth0", 3: "eth1"}}
	o, links, met, full := testOrigin(k)
	type frame struct {
		index int32
		want  uint8
	}
	for _, step := range []struct {
		name   string
		change func()
		asked  int
		frames []frame
	}{
		{"the first", func() {}, 1, []frame{{2, 1}, {2, 1}}},
		{"others", func() {}, 2, []frame{{1, 2}, {3, 3}, {2, 1}, {1, 2}}},
		{"one that is gone already, and none", func() {}, 2, []frame{{9, 0}, {9, 0}, {0, 0}, {2, 1}, {9, 0}}},
		{"a change that nobody has noticed", func() { k.list[2] = "wan0" }, 0, []frame{{2, 1}}},
		{"one renamed, one to its old name, one gone: its last frames keep its name", func() {
			k.list[3] = "eth0"
			delete(k.list, 1)
			links.Add(1)
		}, 4, []frame{{1, 2}, {2, 4}, {3, 1}, {9, 0}, {1, 2}, {2, 4}}},
		{"made again under its name", func() { k.list[10] = "lo"; links.Add(1) }, 1, []frame{{10, 2}, {10, 2}}},
	} {
		step.change()
		o.refresh()
		before := k.asked
		for i, f := range step.frames {
			if got := o.number(f.index); got != f.want {
				t.Errorf("%s: frame %d, of index %d, has number %d, want %d", step.name, i, f.index, got, f.want)
			}
		}
		if n := k.asked - before; n != step.asked {
			t.Errorf("%s: asked %d times, want %d", step.name, n, step.asked)
		}
	}
	if want := map[uint8]string{1: "eth0", 2: "lo", 3: "eth1", 4: "wan0"}; !maps.Equal(met, want) || len(*full) != 0 {
		t.Errorf("told of %v, want %v; no number for %v", met, want, *full)
	}
}

// TestOriginBounds: interfaces without end take neither memory nor a question for each frame.
func TestOriginBounds(t *testing.T) {
	k := &kernel{list: map[int]string{}}
	for i := range 1000 {
		k.list[i+1] = fmt.Sprint("ppp", i)
	}
	o, links, met, full := testOrigin(k)
	for range 3 {
		for i := range int32(1000) {
			want := uint8(0)
			if i < MaxInterfaces-1 {
				want = uint8(i + 1)
			}
			if got := o.number(i + 1); got != want {
				t.Fatalf("interface %d has number %d, want %d", i, got, want)
			}
		}
	}
	if len(met) != MaxInterfaces-1 || len(*full) != maxIndexes-len(met) || k.asked != maxIndexes || len(o.list) != maxIndexes {
		t.Errorf("%d names, %d without a number, asked %d times, %d remembered", len(met), len(*full), k.asked, len(o.list))
	}
	// Most of them are gone; what came since is found.
	clear(k.list)
	k.list[5000] = "ppp3"
	links.Add(1)
	o.refresh()
	if got := o.number(5000); got != 4 {
		t.Errorf("number %d, want that of ppp3, 4", got)
	}
}

func TestOriginAllocations(t *testing.T) {
	k := &kernel{list: map[int]string{1: "lo", 2: "eth0"}}
	o, _, _, _ := testOrigin(k)
	var index int32
	if n := testing.AllocsPerRun(1000, func() {
		o.refresh()
		index = 3 - max(index, 1)
		o.number(index)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

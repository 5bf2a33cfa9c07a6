package appliance

import "sync"

// names numbers the interfaces of a run: first those that were asked for, then those that a capture of all
// interfaces meets. A number is a name's for the whole run, also when the interface comes back as another one.
type names struct {
	mu   sync.RWMutex
	list []string
}

// name is what a number stands for.
func (n *names) name(number uint8) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.list[number]
}

// number is what stands for a name. It is false when MaxInterfaces other names have numbers.
func (n *names) number(name string) (uint8, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, known := range n.list {
		if known == name {
			return uint8(i), true
		}
	}
	if len(n.list) >= MaxInterfaces {
		return 0, false
	}
	n.list = append(n.list, name)
	return uint8(len(n.list) - 1), true
}

// met lists the names that were not asked for.
func (n *names) met(asked int) []string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return append([]string(nil), n.list[asked:]...)
}

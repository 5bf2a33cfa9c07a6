package appliance

import (
	"slices"
	"sync"
)

// names numbers where the packets of a run come from: first the interfaces that were asked for, then those that a
// capture of all interfaces meets, and the clients of the console that push. A number is a name's for the whole run, also
// when the interface comes back as another one. Interfaces and clients never share a number, whatever their names are.
type names struct {
	mu      sync.RWMutex
	list    []string
	clients []uint8 // the numbers that are clients'
}

// name is what a number stands for.
func (n *names) name(number uint8) string {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.list[number]
}

// number is what stands for an interface. It is false when MaxInterfaces others have numbers.
func (n *names) number(name string) (uint8, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i, known := range n.list {
		if known == name && !n.isClient(i) {
			return uint8(i), true
		}
	}
	if len(n.list)-len(n.clients) >= MaxInterfaces {
		return 0, false
	}
	n.list = append(n.list, name)
	return uint8(len(n.list) - 1), true
}

// client gives the next number to a client, or to all that have none of their own. It is false when MaxPushers have.
func (n *names) client(name string) (uint8, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.clients) >= MaxPushers {
		return 0, false
	}
	number := uint8(len(n.list))
	n.list, n.clients = append(n.list, name), append(n.clients, number)
	return number, true
}

// isClient is for who holds mu.
func (n *names) isClient(i int) bool { return slices.Contains(n.clients, uint8(i)) }

// met lists the interfaces that were not asked for.
func (n *names) met(asked int) (met []string) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	for i, name := range n.list {
		if i >= asked && !n.isClient(i) {
			met = append(met, name)
		}
	}
	return met
}

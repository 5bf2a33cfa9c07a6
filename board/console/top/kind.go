package top

// Kind is what a table has its rows of.
type Kind uint8

// The kinds.
const (
	Hosts         Kind = iota // an IP address; a packet counts for its source and for its destination
	Ports                     // a service: transport protocol and the port of the side that offers it
	Protocols                 // what Packet tells of the innermost protocol
	Conversations             // two addresses, their ports and protocol; both directions are one row
	Names                     // a name that packets carry in clear, with what it was read from
)

var kindNames = [...]string{
	Hosts: "hosts", Ports: "ports", Protocols: "protocols", Conversations: "conversations", Names: "names",
}

// ParseKind returns the kind that a word of the command top names.
func ParseKind(word string) (Kind, bool) {
	for k, name := range kindNames {
		if name == word {
			return Kind(k), true
		}
	}
	return 0, false
}

// String returns the word.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown"
}

// lanes are the titles of the two ways that a row's bytes may go, as columns and in JSON; empty where they are not told
// apart.
var lanes = [...]struct{ titles, fields [2]string }{
	Hosts:         {[2]string{"OUT", "IN"}, [2]string{"bytes_out", "bytes_in"}},
	Ports:         {[2]string{"TO", "FROM"}, [2]string{"bytes_to", "bytes_from"}},
	Protocols:     {},
	Conversations: {[2]string{"→", "←"}, [2]string{"bytes_forward", "bytes_back"}},
	Names:         {},
}

// without says what the packets lack that have no row.
var without = [...]string{
	Hosts: "have no IP address", Ports: "have no ports", Conversations: "have no IP address", Names: "carry no name",
}

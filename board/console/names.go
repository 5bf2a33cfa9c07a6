package console

import "strconv"

// numberedInterface names an interface that nobody named.
func numberedInterface(i uint8) string { return "if" + strconv.Itoa(int(i)) }

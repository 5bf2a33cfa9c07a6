package capturebench

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// pairs is how often each consumer runs; they take turns, so that what else the machine does hits all of them.
var pairs = flag.Int("pairs", 5, "runs of each consumer")

// TestMain is also the program of the consumers that are written in Go: this binary starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == consumeCommand {
		if err := consume(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "capturebench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

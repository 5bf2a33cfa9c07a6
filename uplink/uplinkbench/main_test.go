package uplinkbench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"testing"
)

var (
	rowsFlag = flag.Int("rows", 1_000_000, "rows that each client stores; those with a round trip a row store a twentieth")
	runsFlag = flag.Int("runs", 3, "runs of each client; they take turns, so that what else the machine does hits all of them")
	// A profile is that of the last run, the preparation of a client included as one of its own.
	profileFlag = flag.String("profile", "", "directory for a CPU profile and an allocation profile of each client")
)

// TestMain is also the program of the clients that are written in Go: this binary starts itself, so that each has a
// heap, a collector and a CPU clock of its own.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == clientCommand {
		used, err := serve(os.Args[2])
		if err == nil {
			err = json.NewEncoder(os.Stdout).Encode(used)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "uplinkbench:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

package appliance

import (
	"os"
	"testing"

	"network-sniffer/board/testbed"
)

func TestMain(m *testing.M) { os.Exit(testbed.Main(m)) }

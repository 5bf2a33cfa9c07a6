package capturebench

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/mdlayher/packet"
	"golang.org/x/sys/unix"
)

// mdlayherReader is the loop that mdlayher/packet's documentation shows. It decodes nothing.
func mdlayherReader(o options, stop <-chan os.Signal) (tally, error) {
	filter, err := acceptAll(o.snap)
	if err != nil {
		return tally{}, err
	}
	ifi, err := net.InterfaceByName(o.interfaces[0])
	if err != nil {
		return tally{}, err
	}
	conn, err := packet.Listen(ifi, packet.Raw, unix.ETH_P_ALL, &packet.Config{Filter: filter})
	if err != nil {
		return tally{}, err
	}
	defer conn.Close()
	fmt.Println(ready)
	failed := make(chan error, 1)
	go func() {
		<-stop
		failed <- conn.SetReadDeadline(time.Unix(1, 0))
	}()

	var t tally
	buffer := make([]byte, 65536)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err != nil {
			return t, err
		}
		t.frames++
		t.bytes += uint64(n)
	}
	if err := <-failed; err != nil {
		return t, err
	}
	s, err := conn.Stats()
	if err != nil {
		return t, err
	}
	t.dropped = uint64(s.Drops)
	return t, nil
}

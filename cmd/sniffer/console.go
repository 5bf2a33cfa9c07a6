package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"network-sniffer/board/config"
)

const consoleNotes = `
HOST alone means its port 8000, a number alone that port of this machine, nothing at all 127.0.0.1:8000. An IPv6 address with
a port is written [ADDRESS]:PORT.

At a terminal it is the telnet client that the console likes best: line editing, history, completion, the window's size. Ctrl-]
leaves. When its input or output is no terminal it copies bytes, as nc does, and at the end of the input it waits for the rest
of the answer.

Examples:
  sniffer console
  sniffer console 192.168.1.1
  echo stats | sniffer console router:8000
  echo 'json tcp port 443' | sniffer console | jq .
`

// Where the console is unless the command line says otherwise: board/config's default on the machine itself.
const (
	consoleHost = "127.0.0.1"
	consolePort = "8000"
)

// dialTimeout bounds the look-up of a name and all attempts to connect together.
const dialTimeout = 10 * time.Second

func consoleCommand(args []string, out, errs io.Writer) error {
	flags, _, err := parse("console", args, out, errs, nil)
	if err != nil {
		return err
	}
	if err := arguments(flags, 0, 1); err != nil {
		return err
	}
	address, err := consoleAddress(flags.Arg(0))
	if err != nil {
		return err
	}
	// A peer that is gone is noticed by the keep-alive that net.Dialer turns on (15 s, 9 probes): a console that only watches may
	// be silent for hours.
	conn, err := (&net.Dialer{Timeout: dialTimeout}).Dial("tcp", address)
	if err != nil {
		return withAdvice(address, err)
	}
	defer conn.Close()
	if terminal(os.Stdin) && terminal(out) {
		return newVisit(conn, address, os.Stdin, out.(*os.File), errs).run()
	}
	return pipe(conn, address, os.Stdin, out)
}

// consoleAddress completes what a person types to HOST:PORT. Its error is a config.ErrUsage.
func consoleAddress(text string) (string, error) {
	host, port := text, consolePort
	switch {
	case text == "":
		host = consoleHost
	case strings.Trim(text, "0123456789") == "":
		host, port = consoleHost, text
	case strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]"):
		host = text[1 : len(text)-1]
	case strings.HasPrefix(text, "[") || strings.Count(text, ":") == 1:
		var err error
		if host, port, err = net.SplitHostPort(text); err != nil {
			return "", fmt.Errorf("%w: %w: write HOST:PORT, or [ADDRESS]:PORT for IPv6", config.ErrUsage, err)
		}
		if host == "" {
			host = consoleHost
		}
		if port == "" {
			port = consolePort
		}
	}
	if strings.Contains(host, ":") || strings.HasPrefix(text, "[") {
		if a, err := netip.ParseAddr(host); err != nil || !a.Is6() {
			return "", fmt.Errorf("%w: %q is no IPv6 address: write HOST:PORT, or [ADDRESS]:PORT for IPv6", config.ErrUsage, host)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%w: %q is no port: write a number from 1 to 65535", config.ErrUsage, port)
	}
	return net.JoinHostPort(host, port), nil
}

// withAdvice adds to the error of a connection what to look at.
func withAdvice(address string, err error) error {
	var lookup *net.DNSError
	var timeout interface{ Timeout() bool }
	switch {
	case errors.As(err, &lookup) && lookup.IsNotFound:
		return fmt.Errorf("%w: check the name, or write the address", err)
	case errors.As(err, &lookup):
		return fmt.Errorf("%w: the name servers do not answer: write the address", err)
	case errors.Is(err, unix.ECONNREFUSED):
		return fmt.Errorf("%w: does `sniffer run` work there, and does its --console-listen hold %s?", err, address)
	case errors.Is(err, unix.ENETUNREACH), errors.Is(err, unix.EHOSTUNREACH):
		return fmt.Errorf("%w: check the address and the network between here and there", err)
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Errorf("%w: no answer within %v: is the machine on, and does a firewall let the port through?", err, dialTimeout)
	}
	return err
}

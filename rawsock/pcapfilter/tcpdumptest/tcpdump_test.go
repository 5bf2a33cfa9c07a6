package tcpdumptest

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/bpf"

	"network-sniffer/board/testbed"
	"network-sniffer/rawsock/pcapfilter"
)

// askTime bounds one run of tcpdump, which takes some milliseconds.
const askTime = 30 * time.Second

// rejects is what tcpdump says of a program that libpcap's optimizer has brought down to "ret #0"; without the
// optimizer it takes the expression.
const rejects = "tcpdump: expression rejects all packets"

// tcpdump compiles expressions. It reads an empty file of the link type, because some words mean something else to it when
// it is told the link type alone.
type tcpdump struct{ path, folder string }

func newTcpdump(t *testing.T) tcpdump {
	d := tcpdump{testbed.NeedTool(t, "tcpdump"), t.TempDir()}
	for _, l := range links {
		header := binary.NativeEndian.AppendUint32(nil, 0xa1b2c3d4)
		header = binary.NativeEndian.AppendUint16(header, 2) // version 2.4
		header = binary.NativeEndian.AppendUint16(header, 4)
		header = append(header, make([]byte, 8)...)
		header = binary.NativeEndian.AppendUint32(header, pcapfilter.DefaultSnapLength)
		header = binary.NativeEndian.AppendUint32(header, uint32(l.number))
		if err := os.WriteFile(d.file(l.name), header, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// file is the path of an empty capture file of a link type.
func (d tcpdump) file(link string) string { return filepath.Join(d.folder, link+".pcap") }

// compile returns the program, or why there is none. With plain set the optimizer is off.
func (d tcpdump) compile(t testing.TB, link, expr string, plain bool) (program []bpf.RawInstruction, refusal string) {
	args := []string{"-r", d.file(link), "-ddd", "--", expr}
	if plain {
		args = append([]string{"-O"}, args...)
	}
	out, refusal := d.run(t, args...)
	if refusal != "" {
		return nil, refusal
	}
	return parseDDD(t, out), ""
}

// run returns what tcpdump prints, or its complaint when it ends with a failure.
func (d tcpdump) run(t testing.TB, args ...string) (out, complaint string) {
	ctx, stop := context.WithTimeout(t.Context(), askTime)
	defer stop()
	command := exec.CommandContext(ctx, d.path, args...)
	command.Env = append(os.Environ(), "LC_ALL=C", "RES_OPTIONS=attempts:1 timeout:1")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	err := command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return stdout.String(), ""
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return "", lastLine(stderr.String())
	}
	t.Errorf("%s %q: %v", d.path, args, err) // killed, or it could not be started
	return "", err.Error()
}

// lastLine is what tcpdump complains about; the lines before it tell of the file or the interface.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// parseDDD reads a program as tcpdump -ddd prints it: the number of instructions, then one a line.
func parseDDD(t testing.TB, text string) []bpf.RawInstruction {
	t.Helper()
	in := strings.NewReader(text)
	var n int
	if _, err := fmt.Fscan(in, &n); err != nil {
		t.Errorf("tcpdump -ddd: %q: %v", text, err)
		return nil
	}
	program := make([]bpf.RawInstruction, n)
	for i := range program {
		ins := &program[i]
		if _, err := fmt.Fscan(in, &ins.Op, &ins.Jt, &ins.Jf, &ins.K); err != nil {
			t.Errorf("tcpdump -ddd, instruction %d of %d: %v", i, n, err)
			return nil
		}
	}
	return program
}

package tsharktest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"html"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sharkTime bounds one run of tshark.
const sharkTime = 5 * time.Minute

// settings make tshark as stateless as decode is, whatever its user prefers: nothing is put together from several
// packets, numbers are as they stand in the header, and names are not looked up (-n).
var settings = []string{
	"ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE", "tcp.analyze_sequence_numbers:FALSE",
	"tcp.relative_sequence_numbers:FALSE", "tls.desegment_ssl_records:FALSE", "tls.desegment_ssl_application_data:FALSE",
	"http.desegment_headers:FALSE", "http.desegment_body:FALSE", "dns.desegment_dns_messages:FALSE", "l2tp.cookie_size:None",
}

// dissection is what tshark says of one frame.
type dissection struct {
	layers []layer // in the order of the frame, those inside others behind them
}

// layer is a header, a message or a part of one.
type layer struct {
	name   string
	pos    int // its first byte in the frame
	size   int // its bytes
	fields []field
}

// field has what tshark shows, and the bytes of the frame that it was read from, in hexadecimal.
type field struct {
	name, show, value string
}

// shark runs tshark on a file and hands over the dissection of each frame in turn, with the fields that are wanted.
func shark(t testing.TB, program, path string, wanted map[string]bool, each func(*dissection)) error {
	ctx, stop := context.WithTimeout(t.Context(), sharkTime)
	defer stop()
	args := []string{"-n", "-r", path, "-T", "pdml"}
	for _, s := range settings {
		args = append(args, "-o", s)
	}
	command := exec.CommandContext(ctx, program, args...)
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir(), "TZ=UTC", "LC_ALL=C.UTF-8")
	var complaint strings.Builder
	command.Stderr = &complaint
	out, err := command.StdoutPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	readErr := readPDML(out, wanted, each)
	if readErr != nil {
		stop()
	}
	if err := command.Wait(); err != nil && readErr == nil {
		return fmt.Errorf("tshark %s: %w: %s", path, err, complaint.String())
	}
	return readErr
}

// glossary is everything that tshark knows of a kind, one a line with tabs between what it says of it.
func glossary(t testing.TB, program, kind string) string {
	ctx, stop := context.WithTimeout(t.Context(), sharkTime)
	defer stop()
	command := exec.CommandContext(ctx, program, "-G", kind)
	command.Env = append(os.Environ(), "HOME="+t.TempDir(), "XDG_CONFIG_HOME="+t.TempDir())
	out, err := command.Output()
	if err != nil {
		t.Fatalf("tshark -G %s: %v", kind, err)
	}
	return string(out)
}

// readPDML reads tshark's packet details: an element a line, indented by two spaces for each element around it.
func readPDML(r io.Reader, wanted map[string]bool, each func(*dissection)) error {
	in := bufio.NewReaderSize(r, 1<<20)
	var d dissection
	var open, around []int // the layers around the line: their indentation, their index
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case err == io.EOF:
			return nil
		case err == bufio.ErrBufferFull:
			continue
		case err != nil:
			return err
		case !bytes.HasSuffix(line, []byte(">\n")): // text with a line end in it, where '>' would be escaped
			continue
		}
		line = bytes.TrimLeft(line, "\n") // there are empty lines between packets
		element := bytes.TrimLeft(line, " ")
		indent := len(line) - len(element)
		line = line[:0]
		switch {
		case bytes.HasPrefix(element, []byte("<packet>")):
			d, open, around = dissection{}, open[:0], around[:0]
		case bytes.HasPrefix(element, []byte("</packet>")):
			each(&d)
		case bytes.HasPrefix(element, []byte(`<proto name="`)):
			for len(open) > 0 && open[len(open)-1] >= indent {
				open, around = open[:len(open)-1], around[:len(around)-1]
			}
			pos, _ := strconv.Atoi(attribute(element, "pos"))
			size, _ := strconv.Atoi(attribute(element, "size"))
			d.layers = append(d.layers, layer{name: attribute(element, "name"), pos: pos, size: size})
			open, around = append(open, indent), append(around, len(d.layers)-1)
		case bytes.HasPrefix(element, []byte(`<field name="`)):
			name := element[len(`<field name="`):]
			name = name[:max(0, bytes.IndexByte(name, '"'))]
			if !wanted[string(name)] {
				continue
			}
			n := len(open) - 1
			for n >= 0 && open[n] >= indent {
				n--
			}
			if n >= 0 {
				l := &d.layers[around[n]]
				l.fields = append(l.fields, field{string(name), attribute(element, "show"), attribute(element, "value")})
			}
		}
	}
}

// attribute is the text of an element's attribute, "" when it has none.
func attribute(element []byte, name string) string {
	_, text, found := bytes.Cut(element, []byte(" "+name+`="`))
	if !found {
		return ""
	}
	text, _, _ = bytes.Cut(text, []byte{'"'})
	if bytes.IndexByte(text, '&') < 0 {
		return string(text)
	}
	return html.UnescapeString(string(text))
}

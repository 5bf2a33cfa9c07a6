package board

import (
	"bufio"
	"os"
	"strconv"
	"strings"
)

// queue is one section of OpenWrt's SQM configuration.
type queue struct {
	enabled bool
	iface   string
	upload  string // kbit/s; 0: not shaped
}

// WANUpload is what the machine's owner told OpenWrt's SQM (package sqm-scripts) about the line: the upload rate in bytes
// a second and the interface that it is of. Of several queues that are enabled it is the slowest. False: nothing tells it.
func (b Board) WANUpload() (bytesPerSecond int64, iface string, ok bool) {
	for _, q := range b.queues() {
		kbit, err := strconv.ParseInt(q.upload, 10, 64)
		if !q.enabled || err != nil || kbit <= 0 || kbit > maxKbit {
			continue
		}
		if rate := kbit * 1000 / 8; !ok || rate < bytesPerSecond {
			bytesPerSecond, iface, ok = rate, q.iface, true
		}
	}
	return bytesPerSecond, iface, ok
}

// maxKbit is more than any line has; beyond it the number is a mistake.
const maxKbit = 1_000_000_000

// queues reads etc/config/sqm. An option outside of a section and what does not read as UCI are left out: the file is the
// owner's, and a guess about the line is not worth refusing to record.
func (b Board) queues() (all []queue) {
	f, err := os.Open(b.path("etc", "config", "sqm"))
	if err != nil {
		return nil // no SQM, nothing is known
	}
	defer f.Close()
	inQueue := false
	for s := bufio.NewScanner(f); s.Scan(); {
		words, ok := uciWords(s.Text())
		switch {
		case !ok || len(words) < 2:
		case words[0] == "config":
			if inQueue = words[1] == "queue"; inQueue {
				all = append(all, queue{})
			}
		case words[0] == "option" && len(words) == 3 && inQueue:
			q := &all[len(all)-1]
			switch words[1] {
			case "enabled":
				q.enabled = words[2] == "1"
			case "interface":
				q.iface = words[2]
			case "upload":
				q.upload = words[2]
			}
		}
	}
	return all
}

// uciWords splits a line of a UCI file: words between blanks, of which parts may stand in single quotes, or in double
// quotes where a backslash takes the next byte as it is; # begins a comment. False: a quote is not closed.
func uciWords(line string) (words []string, ok bool) {
	var word strings.Builder
	inWord := false
	end := func() {
		if inWord {
			words = append(words, word.String())
		}
		word.Reset()
		inWord = false
	}
	quote := byte(0)
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0 && c == quote:
			quote = 0
		case c == '\\' && quote != '\'' && i+1 < len(line):
			i++
			word.WriteByte(line[i])
			inWord = true
		case quote != 0:
			word.WriteByte(c)
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == ' ' || c == '\t' || c == '\r':
			end()
		case c == '#' && !inWord:
			return words, true
		default:
			word.WriteByte(c)
			inWord = true
		}
	}
	end()
	return words, quote == 0
}

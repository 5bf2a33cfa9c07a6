package lineedit

import (
	"bytes"
	"testing"
)

// BenchmarkKey is a key and its echo, in a line of 60 bytes in a row of 80 columns.
func BenchmarkKey(b *testing.B) {
	for _, row := range []struct{ name, before, key string }{
		{"letter at the end", "", "x\x7f"},
		{"letter in the middle", "\x02\x02\x02\x02\x02\x02\x02\x02", "x\x7f"},
		{"wide letter", "", "漢\x7f"},
		{"cursor", "", "\x1b[D\x1b[C"},
		{"whole line", "", "\x01\x05"},
		{"history", "", "\x1b[A\x1b[B"},
		{"Enter", "", "x\r"},
	} {
		b.Run(row.name, func(b *testing.B) {
			var e Editor
			var dst [EchoBytes]byte
			e.SetPrompt(testPrompt)
			typed := func(keys string) {
				for i := range len(keys) {
					if e.Step(keys[i]) == Line {
						e.AppendShow(e.AppendEcho(dst[:0])[:0])
					} else {
						e.AppendEcho(dst[:0])
					}
				}
			}
			e.AppendShow(dst[:0])
			typed("an older line\rwatch tcp port 443 and host 192.168.1.20 and not port 22 orr" + row.before)
			b.ReportAllocs()
			for b.Loop() {
				typed(row.key)
			}
		})
	}
}

// BenchmarkPaste is 100 KB that come in reads of 4 KiB, in lines of 100 bytes.
func BenchmarkPaste(b *testing.B) {
	line := append(bytes.Repeat([]byte("0123456789"), 10), '\n')
	paste := bytes.Repeat(line, 1000)
	var e Editor
	var dst [EchoBytes]byte
	e.SetPrompt(testPrompt)
	b.SetBytes(int64(len(paste)))
	b.ReportAllocs()
	for b.Loop() {
		e.AppendShow(dst[:0])
		for i, c := range paste {
			if event := e.Step(c); event != None {
				e.AppendShow(e.AppendEcho(dst[:0])[:0])
			} else if i%4096 == 0 {
				e.AppendEcho(dst[:0])
			}
		}
	}
}

// BenchmarkOutput is a line of others above a line that is being typed.
func BenchmarkOutput(b *testing.B) {
	var e Editor
	var dst [2 * EchoBytes]byte
	e.SetPrompt(testPrompt)
	e.AppendShow(dst[:0])
	for _, c := range []byte("watch tcp port 443 and host 192.168.1.20") {
		e.Step(c)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.AppendShow(append(e.AppendHide(dst[:0]), "a line\r\n"...))
	}
}

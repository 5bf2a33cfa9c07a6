package decode

import (
	"math/rand/v2"
	"slices"
)

var hostileText = slices.Concat(textPatterns("http", 80, true, "GET / HTTP/1.1\r\n", "Host"),
	textPatterns("ssdp", 1900, false, "M-SEARCH * HTTP/1.1\r\n", "ST"))

// textPatterns is requests with header lines, for HTTP and for SSDP.
func textPatterns(name string, port uint16, tcp bool, first, field string) []pattern {
	on := func(what string, data func(r *rand.Rand, size int) []byte) pattern {
		return pattern{name: name + ": " + what, port: port, tcp: tcp, data: data}
	}
	return []pattern{
		on("no line end", func(r *rand.Rand, size int) []byte { return append([]byte(first[:4]), printable(r, size-4)...) }),
		on("spaces and no line end", func(r *rand.Rand, size int) []byte {
			return append([]byte(first[:4]), random(r, size-4, ' ', ' ')...)
		}),
		on("lines of a byte", func(r *rand.Rand, size int) []byte { return lines(first, size, func() string { return "x\n" }) }),
		on("lines that are nearly it", func(r *rand.Rand, size int) []byte {
			return lines(first, size, func() string { return field[:len(field)-1] + "x: y\r\n" })
		}),
		on("long lines", func(r *rand.Rand, size int) []byte {
			each := max(3, (size-len(first))/maxHTTPLines-1)
			return lines(first, size, func() string { return string(printable(r, each-2)) + "\r\n" })
		}),
		on("one long line", func(r *rand.Rand, size int) []byte {
			return append([]byte(first), printable(r, size-len(first))...)
		}),
		on("white space in front", func(r *rand.Rand, size int) []byte {
			return append(append([]byte(first+field+":"), random(r, size-len(first+field)-6, ' ', ' ')...), "a\r\n"...)
		}),
		on("white space behind", func(r *rand.Rand, size int) []byte {
			return append(append([]byte(first+field+":a"), random(r, size-len(first+field)-5, ' ', ' ')...), "\r\n"...)
		}),
		on("a value to escape behind lines", func(r *rand.Rand, size int) []byte {
			each := max(1, (min(size, 4000)-len(first)-350)/(maxHTTPLines-1)-1)
			b := []byte(first)
			for range maxHTTPLines - 1 {
				b = append(append(b, printable(r, each)...), '\n')
			}
			if len(b) > size/2 && each == 1 {
				b = []byte(first)
			}
			b = append(b, field+":"...)
			return append(append(b, mixed(r, min(300, size-len(b)-2))...), "\r\n"...)
		}),
	}
}

// lines repeats what each returns.
func lines(first string, size int, each func() string) []byte {
	return append([]byte(first), fill(size-len(first), func(b []byte) []byte { return append(b, each()...) })...)
}

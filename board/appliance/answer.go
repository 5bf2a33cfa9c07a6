package appliance

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"network-sniffer/board/console"
)

// answer is what the console's commands tell of the recorder, from one moment and in both forms.
type answer interface {
	// appendText appends lines for people, which end in "\n". They may hold what others wrote: the console escapes them.
	appendText(b []byte, width int) []byte
}

// Report answers a command.
func (s source) Report(b []byte, topic console.Topic, form console.Form) []byte {
	a := s.answer(topic)
	if form.JSON {
		return appendJSON(b, a)
	}
	return a.appendText(b, form.Width)
}

func (s source) answer(topic console.Topic) answer {
	switch topic {
	case console.TopicBooks:
		return s.a.books()
	case console.TopicUplink:
		return s.a.uplinkAnswer()
	case console.TopicSpool:
		return s.a.spoolAnswer()
	case console.TopicInterfaces:
		return s.a.interfaces()
	}
	return s.a.stats()
}

// appendJSON appends a value as one line of JSON of printable characters, whatever its strings hold: the console writes it
// to terminals as it is.
func appendJSON(b []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // a number that JSON has no form for
		text, _ = json.Marshal(map[string]string{"error": err.Error()})
	}
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if strconv.IsPrint(r) {
			b = append(b, text[:size]...)
		} else { // only strings have such, and encoding/json has replaced what is not UTF-8
			b = appendEscaped(b, r)
		}
		text = text[size:]
	}
	return append(b, '\n')
}

// appendEscaped appends a character as UTF-16 has it (RFC 8259 §7).
func appendEscaped(b []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	unit := func(u rune) {
		b = append(b, '\\', 'u', hex[u>>12&15], hex[u>>8&15], hex[u>>4&15], hex[u&15])
	}
	if r < 1<<16 {
		unit(r)
		return b
	}
	r -= 1 << 16
	unit(0xd800 | r>>10)
	unit(0xdc00 | r&0x3ff)
	return b
}

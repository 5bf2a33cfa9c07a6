package pcapfilter

import (
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEnd     tokenKind = iota
	tokSymbol            // operator or punctuation; text is its canonical spelling
	tokKeyword           // word of the language
	tokWord              // any other word, or one behind a backslash; text is without the backslash
	tokNumber            // num is the value
	tokDotted            // two to four numbers with dots between
	tokAddr6             // IPv6 address
	tokMAC               // link-layer address
)

type token struct {
	kind    tokenKind
	text    string
	written string // in the source, where keywords and operators have several spellings
	num     uint32
	pos     int // byte offset in the source
}

// shown is how an error message names a token.
func (t token) shown() string {
	switch t.kind {
	case tokEnd:
		return "the end"
	case tokWord:
		return strconv.Quote(t.text)
	}
	return strconv.Quote(t.written)
}

// symbols holds the longer spellings first. The second column is what the parser sees.
var symbols = [...]struct{ text, canonical string }{
	{">=", ">="}, {"<=", "<="}, {"!=", "!="}, {"==", "="}, {"<<", "<<"}, {">>", ">>"}, {"&&", "and"}, {"||", "or"},
	{"+", "+"}, {"-", "-"}, {"*", "*"}, {"/", "/"}, {"%", "%"}, {"&", "&"}, {"|", "|"}, {"^", "^"}, {"=", "="},
	{"!", "not"}, {"<", "<"}, {">", ">"}, {"(", "("}, {")", ")"}, {"[", "["}, {"]", "]"}, {":", ":"},
}

// lex cuts the source into tokens, tokEnd last. At each place the longest form wins and, among
// forms of equal length, the first of: link-layer address, number, dotted number, IPv6 address,
// word. So "20-25" and "len-4" are single words, as in libpcap.
func lex(s source) ([]token, error) {
	if len(s) > MaxExpression {
		return nil, s.errorf(0, ErrTooLong, "", "the expression has %d bytes, the limit is %d", len(s), MaxExpression)
	}
	var tokens []token
	for pos := 0; pos < len(s); {
		if strings.IndexByte(" \t\r\n", s[pos]) >= 0 {
			pos++
			continue
		}
		t, n, err := next(s, pos)
		if err != nil {
			return nil, err
		}
		t.written = string(s[pos : pos+n])
		tokens = append(tokens, t)
		pos += n
	}
	return append(tokens, token{kind: tokEnd, pos: len(s)}), nil
}

// next returns the token at pos and its length in bytes.
func next(s source, pos int) (token, int, error) {
	rest := string(s[pos:])
	if rest[0] == '\\' {
		n := strings.IndexAny(rest, " !()\n\t")
		if n < 0 {
			n = len(rest)
		}
		if n == 1 {
			return token{}, 0, s.errorf(pos, nil, `a name, such as \tcp`, "nothing stands behind the backslash")
		}
		return token{kind: tokWord, text: rest[1:n], pos: pos}, n, nil
	}
	best, kind := 0, tokEnd
	for _, form := range [...]struct {
		kind   tokenKind
		length func(string) int
	}{
		{tokMAC, macLength}, {tokNumber, numberLength}, {tokDotted, dottedLength}, {tokAddr6, addr6Length}, {tokWord, wordLength},
	} {
		if n := form.length(rest); n > best {
			best, kind = n, form.kind
		}
	}
	t := token{kind: kind, text: rest[:best], pos: pos}
	switch kind {
	case tokEnd:
		for _, sym := range symbols {
			if strings.HasPrefix(rest, sym.text) {
				return token{kind: tokSymbol, text: sym.canonical, pos: pos}, len(sym.text), nil
			}
		}
		r, _ := utf8.DecodeRuneInString(rest)
		expected := ""
		if r == ',' {
			expected = `"or" between alternatives`
		}
		return t, 0, s.errorf(pos, nil, expected, "the character %q has no meaning here", r)
	case tokNumber:
		v, err := number(t.text)
		if err != nil {
			return t, 0, s.errorf(pos, nil, "a number up to 4294967295; a leading 0 makes it octal, 0x hexadecimal", "%q is no 32-bit number", t.text)
		}
		t.num = v
	case tokWord:
		if canonical, ok := keywords[t.text]; ok {
			t.kind, t.text = tokKeyword, canonical
			if canonical == "and" || canonical == "or" || canonical == "not" {
				t.kind = tokSymbol
			}
		} else if v, ok := constants[t.text]; ok {
			t.kind, t.num = tokNumber, v
		}
	}
	return t, best, nil
}

func number(text string) (uint32, error) {
	// ParseUint knows more prefixes than the language: the lexer lets digits and 0x through alone.
	v, err := strconv.ParseUint(text, 0, 64)
	if err == nil && v > math.MaxUint32 {
		err = strconv.ErrRange
	}
	return uint32(v), err
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func isAlnum(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// run counts the leading bytes of s, at most limit, that satisfy ok.
func run(s string, limit int, ok func(byte) bool) int {
	n := 0
	for n < len(s) && n < limit && ok(s[n]) {
		n++
	}
	return n
}

func numberLength(s string) int {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') {
		if n := run(s[2:], len(s), isHex); n > 0 {
			return 2 + n
		}
	}
	return run(s, len(s), isDigit)
}

func dottedLength(s string) int {
	total := numberLength(s)
	for parts := 1; total > 0; parts++ {
		if parts == 4 || total >= len(s) || s[total] != '.' {
			if parts == 1 {
				return 0
			}
			return total
		}
		n := numberLength(s[total+1:])
		if n == 0 {
			if parts == 1 {
				return 0
			}
			return total
		}
		total += 1 + n
	}
	return 0
}

// macLength knows six bytes with one of ":-." between, three groups of four digits with dots
// between, and twelve digits.
func macLength(s string) int {
	best := 0
	if n := groupsLength(s, 6, 1, 2, ":-."); n > best {
		best = n
	}
	if n := groupsLength(s, 3, 4, 4, "."); n > best {
		best = n
	}
	if n := run(s, 12, isHex); n == 12 && n > best {
		best = n
	}
	return best
}

// groupsLength measures count groups of least to most hexadecimal digits, the same separator between all.
func groupsLength(s string, count, least, most int, separators string) int {
	total := 0
	var sep byte
	for i := range count {
		if i > 0 {
			if total >= len(s) || strings.IndexByte(separators, s[total]) < 0 || sep != 0 && s[total] != sep {
				return 0
			}
			sep = s[total]
			total++
		}
		n := run(s[total:], most, isHex)
		if n < least {
			return 0
		}
		total += n
	}
	return total
}

// longestAddr6 is the length of the longest spelling of an IPv6 address.
const longestAddr6 = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")

func addr6Length(s string) int {
	n := run(s, longestAddr6, func(c byte) bool { return isHex(c) || c == ':' || c == '.' })
	if strings.IndexByte(s[:n], ':') < 0 {
		return 0
	}
	for ; n >= 2; n-- {
		if _, err := netip.ParseAddr(s[:n]); err == nil && strings.IndexByte(s[:n], ':') >= 0 {
			return n
		}
	}
	return 0
}

// wordLength measures letters, digits, "-", "_" and "."; a word begins with a letter or digit and
// does not end in "-" or "_".
func wordLength(s string) int {
	if !isAlnum(s[0]) {
		return 0
	}
	n := run(s, len(s), func(c byte) bool { return isAlnum(c) || c == '-' || c == '_' || c == '.' })
	for s[n-1] == '-' || s[n-1] == '_' {
		n--
	}
	return n
}

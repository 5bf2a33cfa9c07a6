package console

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"network-sniffer/board/console/frame"
	"network-sniffer/board/console/text"
	"network-sniffer/board/console/top"
)

// topics are what top makes tables of.
var topics = []string{top.Hosts.String(), top.Ports.String(), top.Protocols.String(), top.Conversations.String(), top.Names.String()}

// The bounds of top's numbers.
const (
	defaultRows, maxRows       = 10, 100
	defaultSeconds, maxSeconds = 2, 3600
)

// top shows a table, drawn anew until a key is pressed.
func (s *session) top(arguments string) {
	words := strings.Fields(arguments)
	asJSON := len(words) > 0 && words[len(words)-1] == "--json"
	if asJSON {
		words = words[:len(words)-1]
	}
	kind, rows, seconds := top.Hosts, defaultRows, defaultSeconds
	if len(words) > 0 {
		if k, ok := top.ParseKind(words[0]); ok {
			kind, words = k, words[1:]
		}
	}
	var err error
	if len(words) > 0 {
		if rows, err = strconv.Atoi(words[0]); err != nil || rows < 1 || rows > maxRows {
			s.reply(fmt.Appendf(nil, "%q is neither one of %s nor a number of rows from 1 to %d.\n", words[0], strings.Join(topics, ", "), maxRows))
			s.failed()
			return
		}
	}
	if len(words) > 1 {
		if seconds, err = strconv.Atoi(words[1]); err != nil || seconds < 1 || seconds > maxSeconds {
			s.reply(fmt.Appendf(nil, "%q is no number of seconds from 1 to %d.\n", words[1], maxSeconds))
			s.failed()
			return
		}
	}
	if s.server.tables.Add(1) > MaxTables {
		s.server.tables.Add(-1)
		s.reply(fmt.Appendf(nil, "All %d tables are taken. Try again later.\n", MaxTables))
		s.failed()
		return
	}
	s.mu.Lock()
	filter := s.filter
	s.prompted = false
	s.mu.Unlock()
	v := newView(s, viewTop, filter)
	v.table, v.rows, v.every, v.asJSON = top.New(kind), rows, time.Duration(seconds)*time.Second, asJSON
	if !asJSON {
		s.reply(fmt.Appendf(nil, "Looking for %d s …\n", seconds))
	}
	s.stream(v)
}

// followConversation shows the packets between two ends, both ways.
func (s *session) followConversation(arguments string) {
	words := strings.Fields(arguments)
	var ends [2]netip.AddrPort
	if len(words) != len(ends) {
		s.say([]byte("Which two ends? follow 192.168.1.20:51544 142.250.74.36:443\r\n"))
		s.failed()
		return
	}
	for i, w := range words {
		end, err := netip.ParseAddrPort(w)
		if err != nil {
			s.reply(fmt.Appendf(nil, "%q is no address and port: write 192.168.1.20:443 or [2001:db8::1]:443.\n", w))
			s.failed()
			return
		}
		ends[i] = netip.AddrPortFrom(end.Addr().Unmap().WithZone(""), end.Port())
	}
	f, ok := s.compile(frame.Conversation(ends[0], ends[1]))
	if !ok {
		return
	}
	v := newView(s, viewFollow, f)
	v.follow = conversation{a: ends[0], b: ends[1]}
	s.reply(fmt.Appendf(nil, "→ is from %s, ← from %s. watch ends this.\n", ends[0], ends[1]))
	s.stream(v)
}

// last shows the newest packets of the ring that match the session's filter.
func (s *session) last(arguments string) {
	n := 20
	if arguments != "" {
		var err error
		if n, err = strconv.Atoi(arguments); err != nil || n < 1 || n > MaxLast {
			s.reply(fmt.Appendf(nil, "%q is no number of packets from 1 to %d.\n", arguments, MaxLast))
			return
		}
	}
	s.mu.Lock()
	filter := s.filter
	s.mu.Unlock()
	s.answering(true)
	defer s.answering(false)
	shown, missed := s.showLast(n, filter)
	if shown == 0 {
		s.put([]byte("None is in memory.\r\n"))
	}
	if missed > 0 {
		s.put(appendReply(nil, fmt.Appendf(nil, "… %s between them are not in memory\n", text.Count(missed, "packet"))))
	}
}

// showLast shows the last n packets that match and are in the ring now, and returns how many they are, and how many of
// the packets between them are not in memory.
func (s *session) showLast(n int, filter *frame.Filter) (shown int, missed uint64) {
	s.server.hub.catchUp()
	r := &s.server.hub.ring
	end := r.newest().at
	var first, ahead cursor // ahead is up to n matches further
	for matches := 0; r.pass(&ahead, end, filter); matches++ {
		if matches >= n {
			r.pass(&first, end, filter)
		}
	}
	var (
		out    []byte
		f      frame.Frame
		format = view{kind: viewWatch}
	)
	for more := true; more; {
		p := piece{bytes: out[:0]}
		s.mu.Lock()
		r.mu.RLock()
		for i := 0; i < looks && len(p.bytes) < outputBytes; i++ {
			gap, ok := r.next(&first, &f)
			if more = ok && first.at <= end; !more {
				break
			}
			if shown > 0 {
				missed += gap
			}
			if filter.Match(&f) {
				format.show(s, &p, &f)
				shown++
			}
		}
		r.mu.RUnlock()
		s.mu.Unlock()
		if out = p.bytes; !s.put(out) {
			break
		}
	}
	return shown, missed
}

// who lists the sessions.
func (s *session) who(arguments string) {
	form, ok := s.form(arguments)
	if !ok {
		return
	}
	type line struct {
		Client   string `json:"client"`
		Since    string `json:"since"`
		Stream   string `json:"stream"`
		Filter   string `json:"filter,omitempty"`
		Shown    uint64 `json:"shown"`
		NotShown uint64 `json:"not_shown"`
		You      bool   `json:"you,omitempty"`
	}
	open := s.server.open()
	slices.SortFunc(open, func(a, b *session) int { return a.since.Compare(b.since) })
	all := make([]line, 0, len(open))
	for _, o := range open {
		o.mu.Lock()
		l := line{Client: o.remote.String(), Since: o.since.UTC().Format(time.RFC3339), Stream: "none", Shown: o.shown, NotShown: o.hidden, You: o == s}
		if o.view != nil {
			l.Stream = viewNames[o.view.kind]
			if o.hold&holdPaused != 0 {
				l.Stream += ", paused"
			}
			if o.view.filter != nil {
				l.Filter = o.view.filter.String()
			}
		}
		o.mu.Unlock()
		all = append(all, l)
	}
	if form.JSON {
		b, err := json.Marshal(map[string]any{"sessions": all})
		if err != nil {
			b = []byte("{}") // cannot be: there is nothing in it that JSON does not have
		}
		if b = append(b, '\n'); s.isPerson() {
			s.reply(b)
		} else {
			s.say(b)
		}
		return
	}
	var b []byte
	for _, l := range all {
		you := ""
		if l.You {
			you = " (you)"
		}
		b = fmt.Appendf(b, "%-24s since %s  %s %s  %d shown, %d not shown%s\n", l.Client, l.Since, l.Stream, l.Filter, l.Shown, l.NotShown, you)
	}
	s.reply(b)
}

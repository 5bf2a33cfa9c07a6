//go:build linux

package console_test

import (
	_ "embed"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/board/console"
	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

// browserPatience is for a browser to start and to try everything, which takes seconds on an idle machine.
const browserPatience = 2 * time.Minute

// browserPage tries to reach the console in every way that a page has, and reports what it got.
//
//go:embed testdata/browser.html
var browserPage string

// browserAttempts are the names that the page gives its attempts and puts into the paths it asks the console for, with
// what it reports of each. A form shows what it gets to the person, not to the page: its frame loads, whatever that is.
var browserAttempts = map[string]string{
	"fetch-get":        "nothing",
	"fetch-post":       "nothing",
	"fetch-no-cors":    "nothing",
	"fetch-put":        "nothing",
	"fetch-method":     "nothing",
	"xhr":              "nothing",
	"websocket":        "nothing",
	"eventsource":      "nothing",
	"image":            "nothing",
	"script":           "nothing",
	"frame":            "loaded",
	"form-plain":       "loaded",
	"form-parts":       "loaded",
	"form-get":         "loaded",
	"tls":              "nothing",
	"turn":             "sent",
	"beacon":           "sent",
	"fetch-keep-alive": "nothing",
}

// TestBrowser: whatever a web page makes a browser send to the console, nothing is executed and nothing is answered.
func TestBrowser(t *testing.T) {
	dir := t.TempDir() // before the namespace: it is removed when no process of the browser is left
	chromium := testbed.NeedTool(t, "chromium")
	ns := testbed.NewNamespace(t, "browser") // without a way out: a browser has errands of its own

	acts := &acts{}
	server := console.New(console.Config{
		Source: acts, Push: acts,
		OnMessage: func(netip.AddrPort, string) { acts.n.Add(1) },
	})
	server.Start()
	t.Cleanup(server.Close)
	inner, err := ns.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener := &recorder{Listener: inner, ended: make(chan string, 1024)}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener, console.PortConsole) }()

	reports := make(chan map[string]string, 1)
	site := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write([]byte(strings.ReplaceAll(browserPage, "CONSOLE", inner.Addr().String())))
		case "/report":
			var report map[string]string
			if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
				t.Errorf("the report: %v", err)
			}
			select {
			case reports <- report:
			default:
				t.Error("a second report")
			}
		default:
			http.NotFound(w, r)
		}
	}))
	site.Listener.Close()
	if site.Listener, err = ns.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	site.Start()
	t.Cleanup(site.Close)

	command := ns.Command(chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-breakpad",
		"--allow-loopback-in-peer-connection", // of WebRTC, which leaves the loopback out
		"--user-data-dir="+dir, site.URL+"/")
	command.Env = append(os.Environ(), "HOME="+dir, "XDG_CONFIG_HOME="+dir, "XDG_CACHE_HOME="+dir)
	browser := testbed.StartProcess(t, command)

	report := awaitReport(t, reports, browser)
	for name, want := range browserAttempts {
		if got := report[name]; got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	for name := range report {
		if _, known := browserAttempts[name]; !known {
			t.Errorf("the page reports of %q, which nobody expects", name)
		}
	}
	// Every attempt reached the console and was over before anybody closed the server; a page does not hear of all of them.
	missing := make(map[string]bool)
	for name := range browserAttempts {
		missing[name] = true
	}
	for len(missing) > 0 {
		delete(missing, attempt(testbed.Await(t, listener.ended, browserPatience, "the end of "+names(missing))))
	}

	server.Close()
	if err := testbed.Await(t, served, browserPatience, "the end of Serve"); err != nil {
		t.Error(err)
	}
	c := server.Counters()
	if c.Commands != 0 || c.Messages != 0 || c.Marks != 0 || c.Pushed != 0 || c.PushRefused != 0 || acts.n.Load() != 0 {
		t.Errorf("executed: %+v, %d acts", c, acts.n.Load())
	}
	if c.ClosedForeign < uint64(len(browserAttempts)) {
		t.Errorf("%d connections closed as foreign, of %d attempts", c.ClosedForeign, len(browserAttempts))
	}
	listener.check(t)
}

func awaitReport(t *testing.T, reports <-chan map[string]string, browser *testbed.Process) map[string]string {
	t.Helper()
	deadline := time.NewTimer(browserPatience)
	defer deadline.Stop()
	select {
	case report := <-reports:
		return report
	case <-browser.Done():
		t.Fatalf("the browser ended: %v", browser.Err())
	case <-deadline.C:
		t.Fatalf("no report within %v", browserPatience)
	}
	panic("unreachable")
}

// attempt is the name of what begins with these bytes.
func attempt(begin string) string {
	switch {
	case strings.HasPrefix(begin, "\x16\x03"):
		return "tls"
	case strings.HasPrefix(begin, "\x00\x03"): // RFC 8656, section 17: Allocate
		return "turn"
	}
	_, path, _ := strings.Cut(begin, " /")
	name, _, _ := strings.Cut(path, " ")
	name, _, _ = strings.Cut(name, "?")
	return name
}

func names(set map[string]bool) string {
	var all []string
	for name := range set {
		all = append(all, name)
	}
	return strings.Join(all, ", ")
}

// acts counts what a client can bring about.
type acts struct{ n atomic.Int64 }

func (a *acts) Info() console.Info { return console.Info{Device: "porch"} }
func (a *acts) Report(dst []byte, _ console.Topic, _ console.Form) []byte {
	a.n.Add(1)
	return append(dst, "secret\n"...)
}
func (a *acts) Mark(netip.AddrPort, string) error     { a.n.Add(1); return nil }
func (a *acts) Push(netip.Addr, *decode.Packet) error { a.n.Add(1); return nil }
func (a *acts) Refuse(_ netip.Addr, packets uint64)   { a.n.Add(1) }

// recorder looks at what goes through the connections that it accepts.
type recorder struct {
	net.Listener
	ended chan string // what each client that was closed had begun with; roomy enough for all

	mu    sync.Mutex
	conns []*recorded
}

func (r *recorder) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &recorded{TCPConn: conn.(*net.TCPConn), ended: r.ended}
	r.mu.Lock()
	r.conns = append(r.conns, c)
	r.mu.Unlock()
	return c, nil
}

// check: who sent something was not answered, unless it had been silent for so long that it was greeted before.
func (r *recorder) check(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		c.mu.Lock()
		if !c.greeted && c.answer != "" {
			t.Errorf("%.60q was answered %q", c.begin, c.answer)
		}
		c.mu.Unlock()
	}
}

// recorded is a connection that remembers how it began.
type recorded struct {
	*net.TCPConn
	ended  chan<- string
	closed sync.Once

	mu      sync.Mutex
	greeted bool   // something was written before anything was read
	begin   string // the first bytes that were read
	answer  string // what was written after them
}

func (c *recorded) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.begin == "" {
		c.begin = string(b[:n])
	}
	return n, err
}

func (c *recorded) Write(b []byte) (int, error) {
	c.mu.Lock()
	if c.begin == "" {
		c.greeted = true
	} else {
		c.answer += string(b)
	}
	c.mu.Unlock()
	return c.TCPConn.Write(b)
}

func (c *recorded) Close() error {
	c.closed.Do(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ended <- c.begin
	})
	return c.TCPConn.Close()
}

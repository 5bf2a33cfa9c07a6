package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"network-sniffer/board/config"
	"network-sniffer/board/console/push"
	"network-sniffer/board/testbed"
	"network-sniffer/decode"
	"network-sniffer/rawsock/savefile"
	"network-sniffer/uplink"
	"network-sniffer/uplink/spool"
)

// testPusher is the one of a test appliance, as Run has it.
func testPusher(t *testing.T, c config.Config) (*Appliance, *pusher) {
	t.Helper()
	a := testAppliance(t, c)
	a.push = newPusher(&a.names, a.log)
	a.push.open(a.sealer)
	var running sync.WaitGroup
	running.Go(a.push.run)
	t.Cleanup(running.Wait)
	t.Cleanup(func() {
		if !a.push.closed {
			a.push.close()
		}
	})
	return a, a.push
}

// pushedBooks ends the run and returns the books by interface, each of which has to balance.
func pushedBooks(t *testing.T, a *Appliance) map[string]spool.Coverage {
	t.Helper()
	a.push.close()
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	books := map[string]spool.Coverage{}
	for _, c := range a.sealer.Books() {
		if d := Balance(&c); d != 0 {
			t.Errorf("the books do not balance by %d: %+v", d, c)
		}
		books[c.Interface] = c
	}
	return books
}

var (
	pushClient = netip.MustParseAddr("192.168.1.5")
	pushLine   = []byte(`{"src_ip":"192.0.2.1","dst_ip":"192.0.2.2","src_port":1,"dst_port":2}`)
)

func pushedPacket(t *testing.T) (p decode.Packet) {
	t.Helper()
	if err := push.Parse(pushLine, &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestPushNames: clients and interfaces share no number, neither takes the room of the other, and clients are no
// interfaces that the greeting names.
func TestPushNames(t *testing.T) {
	n := &names{list: []string{"any", "push"}}
	all, ok := n.client("push")
	eth0, _ := n.number("eth0")
	if again, _ := n.number("push"); !ok || all != 2 || eth0 != 3 || again != 1 {
		t.Errorf("push has number %d, eth0 %d, the interface push %d", all, eth0, again)
	}
	for i := range 2 * MaxPushers {
		if _, ok := n.client(fmt.Sprint("push ", i)); ok != (i < MaxPushers-1) {
			t.Fatalf("client %d: %v", i, ok)
		}
	}
	for i := range 2 * MaxInterfaces {
		number, ok := n.number(fmt.Sprint("wlan", i))
		if ok != (i < MaxInterfaces-3) {
			t.Fatalf("interface %d: %v", i, ok)
		}
		if ok && n.name(number) != fmt.Sprint("wlan", i) {
			t.Fatalf("interface %d is %s", i, n.name(number))
		}
	}
	if met := n.met(1); len(met) != MaxInterfaces-1 || met[0] != "push" || met[1] != "eth0" || met[2] != "wlan0" {
		t.Errorf("met %q", met)
	}
	if n.name(all) != "push" {
		t.Errorf("number %d is %q", all, n.name(all))
	}
}

// TestPushIntervals: the first packet after a silence is handed over without another one, and silence is no interval.
func TestPushIntervals(t *testing.T) {
	a, p := testPusher(t, config.Config{})
	sealed := func() uint64 { return a.spool.Stats().Sealed }
	for round := uint64(1); round <= 2; round++ {
		packet := pushedPacket(t)
		if err := p.Push(pushClient, &packet); err != nil {
			t.Fatal(err)
		}
		testbed.Eventually(t, patience, "the segment", func() (bool, string) { return sealed() == round, fmt.Sprint(sealed()) })
	}
	books := pushedBooks(t, a)
	if c := books["push 192.168.1.5"]; c.Rows != 2 || c.Received != 2 || c.Mode != uplink.ModePush {
		t.Errorf("%+v", c)
	}
	if n := sealed(); n != 3 { // the last one ends the run
		t.Errorf("%d segments", n)
	}
}

// TestPushTimes: a packet without a time gets the one of now, which has to be known, and none is of the future.
func TestPushTimes(t *testing.T) {
	a, p := testPusher(t, config.Config{})
	before := time.Now().UnixNano()
	for _, row := range []struct {
		name  string
		at    int64
		clock spool.ClockState
		want  error
	}{
		{"none", 0, spool.ClockFree, nil},
		{"none, and no clock", 0, spool.ClockUnset, errNoTime},
		{"its own, and no clock", before, spool.ClockUnset, nil},
		{"long ago", 1, spool.ClockSynced, nil},
		{"before 1970", -1, spool.ClockSynced, errTooOld},
		{"a little ahead", before + int64(maxAhead/2), spool.ClockSynced, nil},
		{"in the future", before + int64(2*maxAhead), spool.ClockSynced, errTooNew},
	} {
		p.clock = func() spool.Clock { return spool.Clock{State: row.clock} }
		packet := pushedPacket(t)
		packet.Time = row.at
		err := p.Push(pushClient, &packet)
		if !errors.Is(err, row.want) || err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %v", row.name, err, row.want)
		}
		switch now := time.Now().UnixNano(); {
		case row.want == nil && row.at == 0 && (packet.Time < before || packet.Time > now):
			t.Errorf("%s: its time is %d, now it is %d", row.name, packet.Time, now)
		case row.at != 0 && packet.Time != row.at:
			t.Errorf("%s: its time became %d", row.name, packet.Time)
		}
	}
	books := pushedBooks(t, a)
	if c := books["push"]; c.Received != 3 || c.Rows != 0 || len(c.Losses) != 1 || c.Losses[0] != (spool.Loss{Reason: uplink.LossRefused, Packets: 3}) {
		t.Errorf("push: %+v", c)
	}
	if c := books["push 192.168.1.5"]; c.Received != 4 || c.Rows != 4 {
		t.Errorf("the client: %+v", c)
	}
}

// TestPushClients: every form of an address is one client, and clients beyond the bound are one together.
func TestPushClients(t *testing.T) {
	a, p := testPusher(t, config.Config{})
	send := func(from netip.Addr) {
		packet := pushedPacket(t)
		if err := p.Push(from, &packet); err != nil {
			t.Fatal(err)
		}
	}
	send(pushClient)
	send(netip.AddrFrom16(pushClient.As16()))
	send(netip.MustParseAddr("fe80::1%eth0"))
	send(netip.MustParseAddr("fe80::1%br-lan"))
	for i := range byte(MaxPushers) {
		send(netip.AddrFrom4([4]byte{10, 0, 0, i}))
	}
	p.Refuse(pushClient, 3)
	books := pushedBooks(t, a)
	if len(books) != MaxPushers {
		t.Errorf("%d interfaces in the books, want %d", len(books), MaxPushers)
	}
	rows := map[string]uint64{"push 192.168.1.5": 2, "push fe80::1": 2, "push 10.0.0.0": 1, "push": 3}
	for name, want := range rows {
		if c := books[name]; c.Rows != want {
			t.Errorf("%s: %+v, want %d rows", name, c, want)
		}
	}
	if c := books["push"]; c.Received != 6 {
		t.Errorf("push received %d", c.Received)
	}
	packet := pushedPacket(t)
	if err := p.Push(pushClient, &packet); !errors.Is(err, errStopping) {
		t.Errorf("after the end: %v", err)
	}
	p.Refuse(pushClient, 1)
}

// hangingDisk does not answer while it hangs, until it is told to go on.
type hangingDisk struct {
	spool.Disk
	hangs          atomic.Bool
	asked, release chan struct{}
}

func (d *hangingDisk) WriteSynced(path string, head []byte, parts ...[]byte) error {
	if d.hangs.Load() {
		d.asked <- struct{}{}
		<-d.release
	}
	return d.Disk.WriteSynced(path, head, parts...)
}

// TestPushToADiskThatHangs: a client is told of every packet that is lost, and each is counted; one that is held back until the
// disk goes on loses nothing.
func TestPushToADiskThatHangs(t *testing.T) {
	disk := &hangingDisk{asked: make(chan struct{}, 1000), release: make(chan struct{})}
	sp, err := spool.Open(disk, t.TempDir(), spool.MinLimit)
	if err != nil {
		t.Fatal(err)
	}
	defer sp.Close()
	disk.hangs.Store(true)
	a := testAppliance(t, config.Config{})
	a.sealer = uplink.NewSealer(uplink.SealerConfig{Spool: sp, Batches: 1, Recorders: 1, BatchSize: 2 << 10, Share: 1})
	p := newPusher(&a.names, a.log)
	p.patience = 0
	a.push = p
	p.open(a.sealer)
	var lost, stored uint64
	send := func() error {
		packet := pushedPacket(t)
		err := p.Push(pushClient, &packet)
		if errors.Is(err, errBusy) {
			lost++
		} else if err == nil {
			stored++
		} else {
			t.Fatal(err)
		}
		return err
	}
	for send() == nil && stored < 10_000 {
	}
	for range 10 {
		_ = send()
	}
	testbed.Await(t, disk.asked, patience, "the disk being asked")
	p.patience, p.hangs = patience, false
	held := make(chan error, 1)
	go func() {
		packet := pushedPacket(t)
		held <- p.Push(pushClient, &packet)
	}()
	disk.hangs.Store(false)
	close(disk.release)
	if err := testbed.Await(t, held, patience, "the client that was held back"); err != nil {
		t.Errorf("a disk that goes on in time: %v", err)
	} else {
		stored++
	}
	testbed.Eventually(t, patience, "a batch to be free again", func() (bool, string) { return send() == nil, "" })
	books := pushedBooks(t, a)
	if c := books["push 192.168.1.5"]; c.Rows != stored || c.Received != stored {
		t.Errorf("%d were stored: %+v", stored, c)
	}
	if c := books["push"]; lost < 10 || c.Received != lost || len(c.Losses) != 1 || c.Losses[0] != (spool.Loss{Reason: uplink.LossRecorder, Packets: lost}) {
		t.Errorf("%d were lost: %+v", lost, c)
	}
}

// TestPushIntoTheDatabase: 1,000 lines, of which some are wrong, and a capture file become rows that say who sent them;
// what was refused is in the ledger, and its books balance. Several clients send at once.
func TestPushIntoTheDatabase(t *testing.T) {
	testbed.NeedPostgres(t)
	url := testbed.SharedPostgres(t).NewDatabase(t)
	a, p := testPusher(t, config.Config{DatabaseURL: url, DeviceName: "router"})
	if err := a.openUplink(); err != nil {
		t.Fatal(err)
	}
	defer a.uploader.Close()

	const clients, lines = 4, 250
	base := time.Now().UTC().Add(-time.Minute).Truncate(time.Second)
	var sending sync.WaitGroup
	for client := range clients {
		sending.Go(func() {
			from := netip.AddrFrom4([4]byte{192, 168, 1, byte(client + 1)})
			for i := range lines {
				line := fmt.Appendf(nil, `{"src_ip":"10.0.0.%d","dst_ip":"10.0.1.1","src_port":%d,"dst_port":443,`+
					`"seq_number":%[2]d,"ack_number":2,"flags":"SYN,ACK","window_size":3,"ts":"%[3]s.%06[2]dZ"}`,
					client, i, base.Format("2006-01-02T15:04:05"))
				if i%10 == 9 {
					line = line[:len(line)-1]
				}
				var packet decode.Packet
				if push.Parse(line, &packet) != nil {
					p.Refuse(from, 1)
				} else if err := p.Push(from, &packet); err != nil {
					t.Error(err)
				}
			}
		})
	}
	captured := pushSavefile(t, p, netip.MustParseAddr("2001:db8::5"), "../../decode/tsharktest/testdata/dns.pcapng")
	sending.Wait()
	p.close()
	if err := a.sealer.Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := a.uploader.Drain(ctx, func(uplink.State) {}); err != nil {
		t.Fatal(err)
	}
	db := testbed.DB(t, url)
	for client := range clients {
		if n := testbed.QueryInt(t, db, `SELECT count(*) FROM sniffer.packets WHERE interface = $1 AND src_ip = $2::inet AND src_port = seq_number
			AND ts = $3::timestamptz + src_port * '1 microsecond'::interval AND ack_number = 2 AND flags = 18 AND window_size = 3
			AND protocol = 6 AND dst_ip = '10.0.1.1' AND dst_port = 443 AND ttl IS NULL AND src_mac IS NULL`,
			fmt.Sprint("push 192.168.1.", client+1), fmt.Sprint("10.0.0.", client), base); n != lines*9/10 {
			t.Errorf("client %d has %d rows", client, n)
		}
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.packets WHERE interface = 'push 2001:db8::5'"); n != captured {
		t.Errorf("%d rows of the capture file, want %d", n, captured)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.packets"); n != captured+clients*lines*9/10 {
		t.Errorf("%d rows in all", n)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.books WHERE balance <> 0 OR missing_segments <> 0"); n != 0 {
		t.Errorf("%d books do not balance", n)
	}
	if n := testbed.QueryInt(t, db, "SELECT sum(packets) FROM sniffer.losses WHERE interface = 'push' AND reason = 'push_refused'"); n != clients*lines/10 {
		t.Errorf("%d were refused", n)
	}
	if n := testbed.QueryInt(t, db, "SELECT count(*) FROM sniffer.coverage WHERE capture_mode IS DISTINCT FROM 'push'"); n != 0 {
		t.Errorf("%d intervals do not say that their packets were pushed", n)
	}
}

// pushSavefile sends the frames of a file as if they had been seen now, and returns how many they are.
func pushSavefile(t *testing.T, p *pusher, from netip.Addr, path string) (frames int64) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r, err := savefile.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var f savefile.Frame
	var packet decode.Packet
	for {
		if err := r.Next(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		decode.Decode(&packet, &decode.Meta{WireLength: f.WireLength, LinkType: decode.LinkType(f.LinkType)}, f.Data)
		if err := p.Push(from, &packet); err != nil {
			t.Fatal(err)
		}
		frames++
	}
	if frames == 0 {
		t.Fatalf("%s is empty", path)
	}
	return frames
}

// TestPushIsTold: whoever looks at the recorder learns that clients may send.
func TestPushIsTold(t *testing.T) {
	a := testAppliance(t, config.Config{})
	told := func() string { return strings.Join(source{a}.Info().Notes, "\n") }
	if strings.Contains(told(), "push") {
		t.Errorf("push is off, and the greeting says %q", told())
	}
	a.push = newPusher(&a.names, a.log)
	if !strings.Contains(told(), pushNote) {
		t.Errorf("the greeting says %q", told())
	}
	if n := len((source{a}).Info().Interfaces); n != 0 {
		t.Errorf("%d interfaces", n)
	}
	var all findings
	all.checkPush(config.Config{})
	all.checkPush(config.Config{ConsolePush: true})
	if len(all) != 1 || !all[0].OK || !strings.Contains(all[0].Text, pushNote) {
		t.Errorf("check says %+v", all)
	}
}

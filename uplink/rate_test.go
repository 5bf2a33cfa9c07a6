package uplink

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
	"time"

	"network-sniffer/board/testbed"
	"network-sniffer/uplink/spool"
)

// fakeTime is a clock that only pauses move.
type fakeTime struct{ now time.Time }

func (f *fakeTime) pause(d time.Duration, _ <-chan struct{}) error {
	f.now = f.now.Add(d)
	return nil
}

// TestThrottle: whatever is asked for and however the time passes, no span of time sees more than what the rate
// sends in it and one burst; who always has something to send gets the whole rate.
func TestThrottle(t *testing.T) {
	for _, rate := range []int64{MinRate, 100_000, 50_000_000} {
		r := rand.New(rand.NewPCG(1, uint64(rate)))
		clock := &fakeTime{now: time.Unix(1e9, 0)}
		th := newThrottle(rate)
		th.now, th.pause, th.at = func() time.Time { return clock.now }, clock.pause, clock.now
		began, total, idle := clock.now, 0, time.Duration(0)
		type taken struct {
			at    time.Duration
			bytes int
		}
		all := []taken{{}}
		for range 2000 {
			n := 1 + r.IntN(th.burst)
			if err := th.take(n, nil); err != nil {
				t.Fatal(err)
			}
			total += n
			all = append(all, taken{clock.now.Sub(began), total})
			if r.IntN(10) == 0 {
				pause := time.Duration(r.Int64N(int64(time.Second)))
				clock.now, idle = clock.now.Add(pause), idle+pause
			}
		}
		const rounding = 2 // bytes
		for i := range all {
			for j := i + 1; j < min(i+50, len(all)); j++ {
				most := float64(rate)*(all[j].at-all[i].at).Seconds() + float64(th.burst) + rounding
				if sent := all[j].bytes - all[i].bytes; float64(sent) > most {
					t.Fatalf("rate %d: %d bytes in %v, at most %.0f are allowed", rate, sent, all[j].at-all[i].at, most)
				}
			}
		}
		busy := (clock.now.Sub(began) - idle).Seconds()
		if float64(total) < float64(rate)*busy-rounding {
			t.Errorf("rate %d: %d bytes in %.1f s of sending", rate, total, busy)
		}
		if held := th.held(); held <= 0 || held.Seconds() > busy+1e-6 {
			t.Errorf("rate %d: held %v of %.1f s", rate, held, busy)
		}
	}
	if newThrottle(0) != nil || newThrottle(0).held() != 0 {
		t.Error("a rate of 0 is unlimited")
	}
}

// TestThrottledWait: giving a connection up, or closing it, ends the wait for the rate.
func TestThrottledWait(t *testing.T) {
	for name, end := range map[string]func(*dialer, net.Conn){
		"given up": func(d *dialer, _ net.Conn) { d.abort() },
		"closed":   func(_ *dialer, c net.Conn) { c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			d := &dialer{timeout: patience, rate: newThrottle(MinRate)}
			slow := &slowConn{Conn: closer{}}
			c := d.keep(slow, Connection{})
			waiting := make(chan struct{})
			real := d.rate.pause
			d.rate.pause = func(wait time.Duration, gone <-chan struct{}) error {
				close(waiting)
				return real(time.Hour, gone)
			}
			done := make(chan error, 1)
			go func() {
				_, err := c.Write(make([]byte, 2*minBurst))
				done <- err
			}()
			testbed.Await(t, waiting, patience, "the wait")
			end(d, c)
			if err := testbed.Await(t, done, patience, "the end of the write"); !errors.Is(err, errAborted) {
				t.Errorf("error %v", err)
			}
			if slow.sent.Len() != minBurst {
				t.Errorf("%d bytes were sent, the burst is %d", slow.sent.Len(), minBurst)
			}
		})
	}
}

type closer struct{ net.Conn }

func (closer) Close() error { return nil }

// TestRate uploads at a rate, and not a moment too fast.
func TestRate(t *testing.T) {
	r := newRig(t)
	// The schema and what makes a connection are not what this measures.
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	const rate = 400_000
	r.record(t, 1, 3000)
	r.uploader.config.Rate = rate
	r.uploader.dialer.rate = newThrottle(rate)
	before, began := r.uploader.dialer.written.Load(), time.Now()
	if err := r.drain(); err != nil {
		t.Fatal(err)
	}
	took, sent := time.Since(began), float64(r.uploader.dialer.written.Load()-before)
	r.expect(t, 3000, 0)
	if most := rate*took.Seconds() + rate/rateShare; sent > most {
		t.Errorf("%.0f bytes in %v, at most %.0f are allowed", sent, took, most)
	}
	s := r.uploader.State()
	if s.Rate != rate || s.Waited <= 0 || s.Waited > took {
		t.Errorf("rate %d, waited %v of %v", s.Rate, s.Waited, took)
	}
	t.Logf("%.0f bytes in %v at %d bytes/s, %v of them held back, %d transactions", sent, took, rate, s.Waited, s.Transactions)
	for rate, want := range map[int64]int64{0: transactionBytes, MinRate: MinRate * 20 / wireFactor, 1 << 40: transactionBytes} {
		if got := transactionLimit(rate); got != want {
			t.Errorf("at %d bytes/s a transaction takes %d bytes of the spool, want %d", rate, got, want)
		}
	}
	// Every segment passes at every rate, however many bytes its rows become.
	for rate, want := range map[int64]string{0: "600000", MinRate: strconv.Itoa((600 + spool.MaxBody*wireFactor/MinRate) * 1000)} {
		if got := statementTimeout(rate); got != want {
			t.Errorf("at %d bytes/s a statement may take %s ms, want %s", rate, got, want)
		}
	}
	if _, err := NewUploader(UploaderConfig{Target: r.uploader.config.Target, Rate: MinRate - 1}); err == nil {
		t.Error("a rate that no segment gets through at")
	}
}

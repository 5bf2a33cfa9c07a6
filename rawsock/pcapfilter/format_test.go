package pcapfilter

import (
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/bpf"
)

func TestFormatAsTcpdump(t *testing.T) {
	path := oracle(t)
	for _, expr := range []string{
		"", "ip", "tcp port 80 and not host 10.1.2.3", "tcp[tcpflags] & (tcp-syn|tcp-ack) = tcp-syn", "- len = 4294967291",
		"len + ip[0] - 4 * ip[1] / (ip[2] | 3) > 100", "(ip[0] % (ip[1] ^ 7)) << 2 >> 1 != 0", "net 10.0.0.0/8 or net 2001:db8::/33",
		"ip[len - 300:4] >= 4294967295", "inbound", "vlan 5 and icmp6[0] = 128", "less 60 or greater 1000", "portrange 1-65535",
	} {
		for _, flag := range []string{"", "-O"} {
			flags := func(form string) []string {
				if flag == "" {
					return []string{form}
				}
				return []string{flag, form}
			}
			text, ok := ask(path, "EN10MB", expr, flags("-ddd")...)
			if !ok {
				t.Fatalf("tcpdump refuses %q", expr)
			}
			// Raw instructions, because disassembling loses the width of extension loads.
			var prog []bpf.Instruction
			for _, ins := range parseDDD(t, text) {
				prog = append(prog, ins)
			}
			if got := FormatDDD(prog); got != text {
				t.Errorf("%q -ddd: got\n%swant\n%s", expr, got, text)
			}
			for form, format := range map[string]func([]bpf.Instruction) string{"-d": FormatD, "-dd": FormatDD} {
				want, _ := ask(path, "EN10MB", expr, flags(form)...)
				if got := format(prog); got != want {
					t.Errorf("%q %s: got\n%swant\n%s", expr, form, got, want)
				}
			}
		}
	}
}

// Every program of the list of everyday expressions, in one of tcpdump's forms each.
func TestFormatsOfEverydayPrograms(t *testing.T) {
	path := oracle(t)
	forms := []struct {
		flag   string
		format func([]bpf.Instruction) string
	}{{"-d", FormatD}, {"-dd", FormatDD}, {"-d", FormatD}}
	texts := make([]string, len(everyday))
	var asking sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, expr := range everyday {
		asking.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			texts[i], _ = ask(path, "EN10MB", expr, "-O", forms[i%len(forms)].flag)
		})
	}
	asking.Wait()
	for i, b := range compileBoth(t, Ethernet, everyday, "-O") {
		var prog []bpf.Instruction
		for _, ins := range b.theirs {
			prog = append(prog, ins)
		}
		if form := forms[i%len(forms)]; form.format(prog) != texts[i] {
			t.Errorf("%s %s: got\n%swant\n%s", form.flag, b.expr, form.format(prog), texts[i])
		}
	}
}

// The shapes tcpdump never prints, and one line of every other.
func TestFormatD(t *testing.T) {
	for _, row := range []struct {
		ins  bpf.Instruction
		want string
	}{
		{bpf.RetConstant{Val: 262144}, "(000) ret      #262144"},
		{bpf.RetA{}, "(000) ret      "},
		{bpf.TAX{}, "(000) tax      "},
		{bpf.NegateA{}, "(000) neg      "},
		{bpf.LoadConstant{Dst: bpf.RegX, Val: 255}, "(000) ldx      #0xff"},
		{bpf.LoadExtension{Num: bpf.ExtLen}, "(000) ld       #pktlen"},
		{bpf.LoadExtension{Num: bpf.ExtVLANTagPresent}, "(000) ld       [vlanp]"},
		{bpf.LoadExtension{Num: bpf.ExtVLANTag}, "(000) ld       [vlan_tci]"},
		{bpf.LoadExtension{Num: bpf.ExtType}, "(000) ld       [type]"},
		{bpf.LoadMemShift{Off: 14}, "(000) ldxb     4*([14]&0xf)"},
		{bpf.StoreScratch{Src: bpf.RegX, N: 3}, "(000) stx      M[3]"},
		{bpf.ALUOpX{Op: bpf.ALUOpXor}, "(000) xor      x"},
		{bpf.ALUOpConstant{Op: bpf.ALUOpMod, Val: 7}, "(000) mod      #7"},
		{bpf.Jump{Skip: 300}, "(000) ja       301"},
		{bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 2048, SkipTrue: 4}, "(000) jeq      #0x800           jt 1\tjf 5"},
		{bpf.JumpIfX{Cond: bpf.JumpBitsSet, SkipTrue: 1, SkipFalse: 2}, "(000) jset     x                jt 2\tjf 3"},
		{bpf.RawInstruction{Op: 0xff}, "(000) unimp    0xff"},
		{bpf.LoadAbsolute{Size: 3}, "(000) unimp    0xffff"},
	} {
		if got := strings.TrimSuffix(FormatD([]bpf.Instruction{row.ins}), "\n"); got != row.want {
			t.Errorf("%#v: got %q, want %q", row.ins, got, row.want)
		}
	}
}

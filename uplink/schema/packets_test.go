package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"network-sniffer/board/testbed"
	"network-sniffer/decode"
)

// columnName is the column of sniffer.packets for a field of the record. Rows carry the device's number where the record
// has its name; every other name is the same.
func columnName(field string) string {
	if field == "device" {
		return "device_id"
	}
	return field
}

func columnsOf(t *testing.T, relation string) []string {
	t.Helper()
	testbed.NeedPostgres(t)
	db, _ := applied(t)
	return queryStrings(t, db, `SELECT attname FROM pg_attribute WHERE attrelid = 'sniffer.`+relation+`'::regclass AND attnum > 0 ORDER BY attnum`)
}

func TestPacketColumnsAreTheFieldsOfTheRecord(t *testing.T) {
	var want []string
	for _, c := range decode.Columns {
		want = append(want, columnName(c.Name))
	}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(columnsOf(t, "packets"))); !slices.Equal(got, want) {
		t.Errorf("columns\n%v, want\n%v", got, want)
	}
}

// A version that adds columns can only add them behind those of the view before it.
func TestReadableColumnsAreInTheOrderOfTheRecord(t *testing.T) {
	got := columnsOf(t, "packets_readable")
	own := slices.Index(got, "device_id")
	if own < 0 {
		t.Fatalf("no device_id in %v", got)
	}
	first, added := got[:own], got[own+1:]
	var wantFirst, wantAdded []string
	for _, c := range decode.Columns {
		if slices.Contains(first, c.Name) {
			wantFirst = append(wantFirst, c.Name)
		} else {
			wantAdded = append(wantAdded, c.Name)
		}
	}
	if !slices.Equal(first, wantFirst) || !slices.Equal(added, wantAdded) {
		t.Errorf("columns\n%v, want\n%v, device_id,\n%v", got, wantFirst, wantAdded)
	}
}

func TestSnifferHasTheEightFields(t *testing.T) {
	want := strings.Fields("src_ip dst_ip src_port dst_port seq_number ack_number flags window_size")
	if got := columnsOf(t, "sniffer"); !slices.Equal(got, want) {
		t.Errorf("columns\n%v, want\n%v", got, want)
	}
}

// A column that is too narrow would make a segment that the database refuses for ever.
func TestColumnsHoldTheLargestValues(t *testing.T) {
	largest := map[decode.Kind]uint64{decode.KindUint8: 1<<8 - 1, decode.KindUint16: 1<<16 - 1, decode.KindUint32: 1<<32 - 1}
	narrower := map[string]uint64{
		"vlan_id":         1<<12 - 1, // 12 bits of the tag
		"inner_vlan_id":   1<<12 - 1,
		"wire_length":     1<<31 - 1, // no frame is longer; whoever reads savefiles has to clip a lie
		"captured_length": 1<<31 - 1,
		"payload_length":  1<<31 - 1, // decode bounds a jumbogram's claim below this
	}
	db, _ := applied(t)
	for _, c := range decode.Columns {
		value, number := largest[c.Kind]
		if !number {
			continue
		}
		if n, ok := narrower[c.Name]; ok {
			value = n
		}
		got := testbed.QueryInt(t, db, fmt.Sprintf(
			"INSERT INTO sniffer.packets (ts, device_id, interface, %s) VALUES (now(), 1, 'eth0', %d) RETURNING %[1]s", c.Name, value))
		if got != int64(value) {
			t.Errorf("%s: stored %d, got %d", c.Name, value, got)
		}
	}
}

// row is columns with their values as SQL literals, or as JSON has them.
type row map[string]string

func (r row) insert() string {
	names := slices.Sorted(maps.Keys(r))
	values := make([]string, len(names))
	for i, n := range names {
		values[i] = r[n]
	}
	return fmt.Sprintf("INSERT INTO sniffer.packets (%s) VALUES (%s)", strings.Join(names, ", "), strings.Join(values, ", "))
}

// and returns the columns of both.
func (r row) and(more row) row {
	all := maps.Clone(r)
	maps.Copy(all, more)
	return all
}

func TestReadable(t *testing.T) {
	stored := row{
		"ts": "'2026-11-22 12:00:00.123456Z'", "device_id": "1", "interface": "'wan'", "direction": "4",
		"wire_length": "74", "captured_length": "64",
	}
	shown := row{
		"ts": `"2026-11-22T12:00:00.123456+00:00"`, "device": `"cellar"`, "device_id": "1", "interface": `"wan"`, "direction": `"out"`,
		"wire_length": "74", "captured_length": "64",
	}
	macs := row{"src_mac": "'02:00:00:00:00:01'", "dst_mac": "'02:00:00:00:00:02'", "ether_type": "2048"}
	macsShown := row{"src_mac": `"02:00:00:00:00:01"`, "dst_mac": `"02:00:00:00:00:02"`, "ether_type": "2048"}
	v4 := row{"ip_version": "4", "src_ip": "'192.0.2.1'", "dst_ip": "'198.51.100.2'", "ttl": "64", "traffic_class": "184", "ip_id": "4660"}
	v4Shown := row{"ip_version": "4", "src_ip": `"192.0.2.1"`, "dst_ip": `"198.51.100.2"`, "ttl": "64", "traffic_class": "184", "ip_id": "4660"}
	v6 := row{"ip_version": "6", "src_ip": "'2001:db8::1'", "dst_ip": "'ff02::1'", "ttl": "255", "traffic_class": "0"}
	v6Shown := row{"ip_version": "6", "src_ip": `"2001:db8::1"`, "dst_ip": `"ff02::1"`, "ttl": "255", "traffic_class": "0"}

	rows := []struct {
		name        string
		store, want row
	}{
		{"TCP with every option", stored.and(macs).and(v4).and(row{
			"protocol": "6", "src_port": "51544", "dst_port": "443", "seq_number": "4294967295", "ack_number": "2147483648", "flags": "18",
			"window_size": "65535", "mss": "1460", "window_scale": "7", "ts_value": "4000000000", "ts_echo": "0", "payload_length": "0",
		}), shown.and(macsShown).and(v4Shown).and(row{
			"protocol": `"TCP"`, "src_port": "51544", "dst_port": "443", "seq_number": "4294967295", "ack_number": "2147483648", "flags": `"SYN,ACK"`,
			"window_size": "65535", "mss": "1460", "window_scale": "7", "ts_value": "4000000000", "ts_echo": "0", "payload_length": "0",
		})},
		{"TCP without a flag, merged by the host", stored.and(v4).and(row{"protocol": "6", "flags": "0", "wire_segments": "45"}),
			shown.and(v4Shown).and(row{"protocol": `"TCP"`, "flags": `""`, "wire_segments": "45"})},
		{"UDP over IPv6", stored.and(v6).and(row{"protocol": "17", "src_port": "5353", "dst_port": "5353", "payload_length": "40"}),
			shown.and(v6Shown).and(row{"protocol": `"UDP"`, "src_port": "5353", "dst_port": "5353", "payload_length": "40"})},
		{"ICMP", stored.and(v4).and(row{"protocol": "1", "icmp_type": "8", "icmp_code": "0"}),
			shown.and(v4Shown).and(row{"protocol": `"ICMP"`, "icmp_type": "8", "icmp_code": "0"})},
		{"ICMPv6", stored.and(v6).and(row{"protocol": "58", "icmp_type": "135", "icmp_code": "0"}),
			shown.and(v6Shown).and(row{"protocol": `"ICMPv6"`, "icmp_type": "135", "icmp_code": "0"})},
		{"later fragment of a rare protocol", stored.and(v4).and(row{"protocol": "253", "fragment_offset": "1480"}),
			shown.and(v4Shown).and(row{"protocol": `"253"`, "fragment_offset": "1480"})},
		{"ARP", stored.and(row{"ether_type": "2054", "arp_operation": "1", "src_ip": "'192.0.2.1'", "dst_ip": "'192.0.2.9'"}),
			shown.and(row{"ether_type": "2054", "arp_operation": "1", "src_ip": `"192.0.2.1"`, "dst_ip": `"192.0.2.9"`})},
		{"tags and PPPoE", stored.and(row{"vlan_id": "100", "inner_vlan_id": "0", "pppoe_session": "65535", "ether_type": "34916"}),
			shown.and(row{"vlan_id": "100", "inner_vlan_id": "0", "pppoe_session": "65535", "ether_type": "34916"})},
		{"frame that is cut short", stored.and(row{"decode_error": "'truncated_link'", "captured_length": "3"}),
			shown.and(row{"decode_error": `"truncated_link"`, "captured_length": "3"})},
		{"DNS response", stored.and(v6).and(row{"protocol": "17", "name": `'a\.b\000 c.example'`, "name_kind": "1", "dns_type": "28",
			"dns_rcode": "0", "dns_answers": "2", "dns_addresses": "'{192.0.2.7,2001:db8::7}'"}),
			shown.and(v6Shown).and(row{"protocol": `"UDP"`, "name": `"a\\.b\\000 c.example"`, "name_kind": `"dns"`, "dns_type": "28",
				"dns_rcode": "0", "dns_answers": "2", "dns_addresses": `["192.0.2.7","2001:db8::7"]`})},
		{"ClientHello", stored.and(v4).and(row{"protocol": "6", "tcp_options": "0", "name": "'www.example'", "name_kind": "4", "tls_version": "772",
			"alpn": "'h2,http/1.1'"}),
			shown.and(v4Shown).and(row{"protocol": `"TCP"`, "tcp_options": `""`, "name": `"www.example"`, "name_kind": `"tls"`,
				"tls_version": "772", "alpn": `"h2,http/1.1"`})},
		{"tunnel", stored.and(v4).and(row{"protocol": "47", "tunnel": "5", "tunnel_key": "4294967295", "inner_src_ip": "'10.0.0.1'",
			"inner_dst_ip": "'2001:db8::7'", "inner_protocol": "17", "inner_src_port": "65535", "inner_dst_port": "53"}),
			shown.and(v4Shown).and(row{"protocol": `"GRE"`, "tunnel": `"gre"`, "tunnel_key": "4294967295", "inner_src_ip": `"10.0.0.1"`,
				"inner_dst_ip": `"2001:db8::7"`, "inner_protocol": `"UDP"`, "inner_src_port": "65535", "inner_dst_port": "53"})},
		{"DHCP", stored.and(v4).and(row{"protocol": "17", "dhcp_type": "5", "assigned_ip": "'192.0.2.9'"}),
			shown.and(v4Shown).and(row{"protocol": `"UDP"`, "dhcp_type": "5", "assigned_ip": `"192.0.2.9"`})},
		{"device that is not known", stored.and(row{"device_id": "2"}), func() row {
			r := shown.and(row{"device_id": "2"})
			delete(r, "device")
			return r
		}()},
	}
	db, _ := applied(t)
	run(t, db, "INSERT INTO sniffer.devices (device_id, device_uuid, name) VALUES (1, '00000000-0000-0001-8000-000000000000', 'cellar')")
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			run(t, db, "TRUNCATE sniffer.packets", r.store.insert())
			list := queryStrings(t, db, "SET timezone = 'UTC'; SELECT json_strip_nulls(row_to_json(r)) FROM sniffer.packets_readable r")
			if len(list) != 1 {
				t.Fatalf("%d rows", len(list))
			}
			var fields map[string]json.RawMessage
			if err := json.Unmarshal([]byte(list[0]), &fields); err != nil {
				t.Fatal(err)
			}
			got := row{}
			for name, value := range fields {
				got[name] = string(value)
			}
			if !maps.Equal(got, r.want) {
				t.Errorf("got\n%v, want\n%v", got, r.want)
			}
		})
	}
}

func TestReadableUsesTheWordsOfTheRecord(t *testing.T) {
	db, _ := applied(t)
	run(t, db,
		"INSERT INTO sniffer.packets (ts, device_id, interface, src_port, flags) SELECT now(), 1, 'flags', n, n FROM generate_series(0, 255) n",
		"INSERT INTO sniffer.packets (ts, device_id, interface, src_port, direction) SELECT now(), 1, 'direction', n, n FROM generate_series(0, 5) n",
		"INSERT INTO sniffer.packets (ts, device_id, interface, src_port, tunnel, name_kind, http_method) SELECT now(), 1, 'codes', n, n, n, n FROM generate_series(1, 255) n")
	var want []string
	for n := range 256 {
		want = append(want, string(decode.FlagNames(nil, uint8(n))))
	}
	got := queryStrings(t, db, "SELECT flags FROM sniffer.packets_readable WHERE interface = 'flags' ORDER BY src_port")
	if !slices.Equal(got, want) {
		t.Errorf("flags\n%q, want\n%q", got, want)
	}
	want = nil
	for d := decode.In; d <= decode.Unknown; d++ {
		want = append(want, d.String())
	}
	got = queryStrings(t, db, "SELECT direction FROM sniffer.packets_readable WHERE interface = 'direction' ORDER BY src_port")
	if !slices.Equal(got, want) {
		t.Errorf("directions %q, want %q", got, want)
	}
	for _, c := range []struct {
		column string
		name   func(n uint8) string
	}{
		{"tunnel", func(n uint8) string { return decode.Tunnel(n).String() }},
		{"name_kind", func(n uint8) string { return decode.NameKind(n).String() }},
		{"http_method", func(n uint8) string { return decode.Method(n).String() }},
	} {
		want = nil
		for n := 1; n <= 255; n++ {
			if name := c.name(uint8(n)); name != "unknown" {
				want = append(want, name)
			} else {
				want = append(want, strconv.Itoa(n)) // a code of the future shows as its number
			}
		}
		got = queryStrings(t, db, "SELECT "+c.column+" FROM sniffer.packets_readable WHERE interface = 'codes' ORDER BY src_port")
		if !slices.Equal(got, want) {
			t.Errorf("%s %q, want %q", c.column, got, want)
		}
	}
}

func TestSnifferShowsTCPAlone(t *testing.T) {
	db, _ := applied(t)
	for _, protocol := range []string{"6", "17", "NULL"} {
		run(t, db, row{
			"ts": "now()", "device_id": "1", "interface": "'wan'", "protocol": protocol, "src_ip": "'192.0.2.1'", "dst_ip": "'2001:db8::1'",
			"src_port": "1", "dst_port": "2", "seq_number": "3", "ack_number": "4", "flags": "16", "window_size": "5",
		}.insert())
	}
	want := []string{"(192.0.2.1,2001:db8::1,1,2,3,4,16,5)"}
	if got := queryStrings(t, db, "SELECT s::text FROM sniffer.sniffer s"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// What a packet costs on the server's disk, heap and index; the numbers are for the log, the bound is for whoever adds a column.
//
// A TCP packet without time stamps is a tuple of 145 bytes: 32 of header and null bitmap, 40 of bigint, 28 of int, 14 of MAC addresses
// with 2 of padding, 12 of smallint, 19 of the name eth0 and two IPv4 addresses. Rounded up to 152, with its line pointer 156: 52 a page.
func TestBytesPerRow(t *testing.T) {
	const count = 20000
	udp := row{
		"ts": "'2026-11-22 12:00Z'::timestamptz + n * interval '1 ms'", "device_id": "6148914691236517205", "interface": "'eth0'", "direction": "0",
		"wire_length": "66", "captured_length": "66", "src_mac": "'02:00:00:00:00:01'", "dst_mac": "'02:00:00:00:00:02'", "ether_type": "2048",
		"ip_version": "4", "src_ip": "'192.0.2.1'", "dst_ip": "'198.51.100.2'", "protocol": "17", "ttl": "64", "traffic_class": "0", "ip_id": "n",
		"src_port": "51544", "dst_port": "443", "payload_length": "24",
	}
	tcp := udp.and(row{"protocol": "6", "seq_number": "4000000000", "ack_number": "n", "flags": "16", "window_size": "501", "payload_length": "0"})
	stamped := tcp.and(row{"ts_value": "n", "ts_echo": "n"})
	v6 := row{"src_ip": "'2001:db8::1'", "dst_ip": "'2001:db8::2'", "ip_version": "6", "ether_type": "34525"}
	dns := udp.and(row{"dst_port": "53", "name": "'www.example.org'", "name_kind": "1", "dns_type": "1"})
	db, _ := applied(t)
	ensureDay(t, db, noon)
	for _, kind := range []struct {
		name  string
		rows  []row // in turn
		bound float64
	}{
		{"TCP over IPv4", []row{tcp}, 160},
		{"TCP over IPv4 with timestamps", []row{stamped}, 176},
		{"TCP over IPv6 with timestamps", []row{stamped.and(v6)}, 201},
		{"UDP over IPv4", []row{udp}, 136},
		{"mixed", []row{stamped, stamped, stamped.and(v6), tcp, udp, udp.and(v6), dns}, 170},
	} {
		run(t, db, "TRUNCATE sniffer.packets")
		for i, r := range kind.rows {
			text := strings.TrimSuffix(strings.Replace(r.insert(), "VALUES (", "SELECT ", 1), ")")
			run(t, db, fmt.Sprintf("%s FROM generate_series(%d, %d, %d) n", text, i+1, count, len(kind.rows)))
		}
		heap := testbed.QueryInt(t, db, "SELECT pg_relation_size('sniffer.packets_20261122')")
		index := testbed.QueryInt(t, db, "SELECT pg_indexes_size('sniffer.packets_20261122')")
		t.Logf("%s: %.1f bytes a row in the heap; the index has %d KiB for %d rows", kind.name, float64(heap)/count, index/1024, count)
		if per := float64(heap) / count; per > kind.bound || index > 64<<10 {
			t.Errorf("%s: %.1f bytes a row, want at most %.0f; %d of the index, want at most 64 KiB", kind.name, per, kind.bound, index)
		}
	}
}

package uplinkbench

import (
	"strings"
	"time"

	"network-sniffer/decode"
	"network-sniffer/uplink"
)

// columns are those of sniffer.packets in the order in which the other clients send them.
var columns = strings.Fields(`device_id interface ts direction wire_length captured_length src_mac dst_mac ether_type
	vlan_id inner_vlan_id pppoe_session ip_version src_ip dst_ip protocol ttl traffic_class ip_id fragment_offset src_port dst_port
	seq_number ack_number flags window_size mss window_scale ts_value ts_echo tcp_options sack_blocks payload_length
	icmp_type icmp_code igmp_type vrrp_id vrrp_priority spi arp_operation tunnel tunnel_key inner_src_ip inner_dst_ip
	inner_protocol inner_src_port inner_dst_port name name_kind dns_type dns_rcode dns_answers dns_addresses tls_version alpn
	http_method dhcp_type assigned_ip ntp_mode wire_segments decode_error`)

// into follows COPY or INSERT INTO.
var into = "sniffer.packets (" + strings.Join(columns, ", ") + ")"

// textOptions: nothing at all stands for an absent value.
const textOptions = "WITH (NULL '')"

var deviceID = uplink.DeviceID(device)

// timeOf cuts the time to what the column keeps: drivers and server would round, sniffer does not.
func timeOf(p *decode.Packet) time.Time { return time.Unix(0, p.Time).UTC().Truncate(time.Microsecond) }

package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// LinkInfo is what a person wants to know of an interface before trusting a capture of it.
type LinkInfo struct {
	Link
	Hardware     uint16 // ARPHRD_ number of linux/if_arp.h
	HardwareName string // the same in words
	Driver       string // of the kernel; empty when the driver does not tell
	Promiscuous  bool   // somebody, we or another program, has it receive frames for other hosts
	Offloads     Offloads
	// HardwareTime: the interface can stamp frames itself (ETHTOOL_GET_TS_INFO). HardwareTimeAll: it is set to stamp
	// all that it receives (SIOCGHWTSTAMP), as Config.HardwareTime needs.
	HardwareTime    bool
	HardwareTimeAll bool
}

// Offloads are the ways in which frames differ between wire and capture (ethtool -k). What a driver does not tell is
// false.
type Offloads struct {
	GRO             bool // received TCP segments are merged before anybody sees them
	LRO             bool // the same, by the network card
	GSO             bool // sent segments are seen before they are cut
	TSO             bool // the same, cut by the network card
	ReceiveChecksum bool // wrong checksums are found by the network card
	SendChecksum    bool // sent frames are seen with unfinished checksums (Frame.Partial)
	ReceiveVLAN     bool // the network card takes the tag out; the kernel does otherwise: Frame.VLANTPID either way
}

// Inspect asks the kernel about an interface (netdevice(7), ethtool ioctls, rtnetlink(7)). It needs no privilege.
func Inspect(name string) (LinkInfo, error) {
	link, err := Lookup(name)
	info := LinkInfo{Link: link}
	if err != nil || name == Any {
		return info, err
	}
	if info.Hardware, err = hardwareType(name); err != nil {
		return info, opError("inspect", name, err, "")
	}
	info.HardwareName = hardwareName(info.Hardware)
	if info.Promiscuous, err = promiscuous(link.Index); err != nil {
		return info, opError("inspect", name, err, "")
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return info, opError("inspect", name, os.NewSyscallError("socket", err), "")
	}
	defer unix.Close(fd)
	if driver, err := unix.IoctlGetEthtoolDrvinfo(fd, name); err == nil {
		info.Driver = unix.ByteSliceToString(driver.Driver[:])
	}
	on := func(command uint32, bits uint32) bool {
		value, err := ethtoolValue(fd, name, command)
		return err == nil && value&bits != 0
	}
	const lro, receiveVLAN = 1 << 15, 1 << 8 // ETH_FLAG_LRO, ETH_FLAG_RXVLAN of linux/ethtool.h
	info.Offloads = Offloads{
		GRO:             on(unix.ETHTOOL_GGRO, 1),
		LRO:             on(unix.ETHTOOL_GFLAGS, lro),
		GSO:             on(unix.ETHTOOL_GGSO, 1),
		TSO:             on(unix.ETHTOOL_GTSO, 1),
		ReceiveChecksum: on(unix.ETHTOOL_GRXCSUM, 1),
		SendChecksum:    on(unix.ETHTOOL_GTXCSUM, 1),
		ReceiveVLAN:     on(unix.ETHTOOL_GFLAGS, receiveVLAN),
	}
	info.HardwareTime, info.HardwareTimeAll, _ = hardwareTime(fd, name)
	return info, nil
}

// hardwareTime asks whether an interface can stamp frames, whether it is set to stamp all that it receives, and
// which clock it does that with (-1: it does not tell). Whoever cannot answer cannot stamp.
func hardwareTime(fd int, name string) (can, all bool, clock int32) {
	const receive = unix.SOF_TIMESTAMPING_RX_HARDWARE | unix.SOF_TIMESTAMPING_RAW_HARDWARE
	offered, err := unix.IoctlGetEthtoolTsInfo(fd, name)
	if err != nil || offered.So_timestamping&receive != receive {
		return false, false, -1
	}
	set, err := unix.IoctlGetHwTstamp(fd, name)
	return true, err == nil && set.Rx_filter == unix.HWTSTAMP_FILTER_ALL, offered.Phc_index
}

// ethtoolValue is SIOCETHTOOL with a struct ethtool_value, for the commands that read one number.
func ethtoolValue(fd int, name string, command uint32) (uint32, error) {
	value := struct{ command, data uint32 }{command: command}
	var request struct { // struct ifreq with ifr_data
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [24 - unsafe.Sizeof(uintptr(0))]byte
	}
	copy(request.name[:unix.IFNAMSIZ-1], name)
	request.data = unsafe.Pointer(&value)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(&value)
	if errno != 0 {
		return 0, os.NewSyscallError("SIOCETHTOOL", errno)
	}
	return value.data, nil
}

// promiscuous asks for IFLA_PROMISCUITY: the flag of SIOCGIFFLAGS leaves out what packet sockets asked for.
func promiscuous(index int) (bool, error) {
	var request [unix.SizeofIfInfomsg]byte
	binary.NativeEndian.PutUint32(request[4:], uint32(index))
	answer, err := askNetlink(unix.RTM_GETLINK, request[:])
	if errors.Is(err, unix.ENODEV) {
		return false, ErrNoInterface
	}
	if err != nil {
		return false, fmt.Errorf("RTM_GETLINK: %w", err)
	}
	if len(answer) < len(request) {
		return false, errNoAnswer
	}
	count := attribute(answer[len(request):], unix.IFLA_PROMISCUITY)
	return len(count) >= 4 && binary.NativeEndian.Uint32(count) > 0, nil
}

// hardwareName tells an ARPHRD_ number in words.
func hardwareName(hardware uint16) string {
	if name, ok := hardwareNames[hardware]; ok {
		return name
	}
	return fmt.Sprintf("hardware type %d", hardware)
}

var hardwareNames = map[uint16]string{
	unix.ARPHRD_ETHER:              "Ethernet",
	unix.ARPHRD_LOOPBACK:           "loopback",
	unix.ARPHRD_PPP:                "PPP",
	unix.ARPHRD_NONE:               "tunnel without a link header",
	unix.ARPHRD_RAWIP:              "raw IP",
	unix.ARPHRD_TUNNEL:             "IP in IP tunnel",
	unix.ARPHRD_TUNNEL6:            "tunnel in IPv6",
	unix.ARPHRD_SIT:                "IPv6 in IPv4 tunnel",
	unix.ARPHRD_IPGRE:              "GRE tunnel",
	unix.ARPHRD_IP6GRE:             "GRE tunnel in IPv6",
	unix.ARPHRD_SLIP:               "SLIP",
	unix.ARPHRD_CSLIP:              "SLIP with compressed headers",
	unix.ARPHRD_SLIP6:              "SLIP",
	unix.ARPHRD_CSLIP6:             "SLIP with compressed headers",
	unix.ARPHRD_IEEE80211:          "IEEE 802.11",
	unix.ARPHRD_IEEE80211_PRISM:    "IEEE 802.11 with a Prism header",
	unix.ARPHRD_IEEE80211_RADIOTAP: "IEEE 802.11 with a radiotap header",
	unix.ARPHRD_IEEE802154:         "IEEE 802.15.4",
	unix.ARPHRD_INFINIBAND:         "InfiniBand",
	unix.ARPHRD_CAN:                "CAN",
	unix.ARPHRD_NETLINK:            "netlink monitor",
	unix.ARPHRD_VSOCKMON:           "vsock monitor",
}

// String is one line for `sniffer check`.
func (o Offloads) String() string {
	var on []string
	for _, offload := range []struct {
		on   bool
		name string
	}{
		{o.GRO, "gro"}, {o.LRO, "lro"}, {o.GSO, "gso"}, {o.TSO, "tso"},
		{o.ReceiveChecksum, "rx-checksum"}, {o.SendChecksum, "tx-checksum"}, {o.ReceiveVLAN, "rx-vlan"},
	} {
		if offload.on {
			on = append(on, offload.name)
		}
	}
	if len(on) == 0 {
		return "none"
	}
	return strings.Join(on, ", ")
}

package rawsock

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring is a TPACKET_V3 receive ring (packet_mmap.rst of the kernel's documentation) and the place in it.
type ring struct {
	memory    []byte // the mapped ring
	blockSize int

	block  []byte // the block that is being walked, nil when none is held
	number int    // index of the next block, or of the one that is held
	left   uint32 // frames of the held block that were not walked yet
	offset uint32 // of the next frame in the held block
}

// Offsets in a block, linux/if_packet.h: struct tpacket_block_desc with struct tpacket_hdr_v1.
const (
	blockStatus = 8
	blockFrames = 12
	blockFirst  = 16
)

// A frame begins with struct tpacket3_hdr, which a struct sockaddr_ll follows.
const (
	frameAddress = (unix.SizeofTpacket3Hdr + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)
	frameHeaders = frameAddress + unix.SizeofSockaddrLinklayer
)

// errNoRing: the kernel refuses a ring; frames can still be read.
var errNoRing = errors.New("the kernel grants no ring")

// mapTo sets up the ring on a socket that is not bound yet.
func (r *ring) mapTo(fd int, c *Config) error {
	refused := func(call string, err error) error {
		return fmt.Errorf("%w of %d KiB: %w", errNoRing, c.BlockSize*c.Blocks>>10, os.NewSyscallError(call, err))
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return refused("PACKET_VERSION", err)
	}
	if c.Link.Type == LinkCooked {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_RESERVE, headRoom); err != nil {
			return refused("PACKET_RESERVE", err)
		}
	}
	// TPACKET_V3 packs frames by their real size; the frame size only has to divide the block.
	const frameSize = 2048
	request := unix.TpacketReq3{
		Block_size:     uint32(c.BlockSize),
		Block_nr:       uint32(c.Blocks),
		Frame_size:     frameSize,
		Frame_nr:       uint32(c.BlockSize / frameSize * c.Blocks),
		Retire_blk_tov: uint32(c.BlockTimeout.Milliseconds()),
	}
	if err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return refused("PACKET_RX_RING", err)
	}
	memory, err := unix.Mmap(fd, 0, c.BlockSize*c.Blocks, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return refused("mmap", err)
	}
	r.memory, r.blockSize = memory, c.BlockSize
	return nil
}

func (r *ring) unmap() {
	if r.memory != nil {
		// Nothing is left to do when the kernel refuses: the mapping ends with the process.
		_ = unix.Munmap(r.memory)
		r.memory, r.block, r.left = nil, nil, 0
	}
}

// blockReady reports whether the kernel has given up the next block.
func (r *ring) blockReady() bool {
	return atomic.LoadUint32(statusOf(r.memory[r.number*r.blockSize:]))&unix.TP_STATUS_USER != 0
}

func statusOf(block []byte) *uint32 { return (*uint32)(unsafe.Pointer(&block[blockStatus])) }

// turn gives the held block back to the kernel, or takes the next one when none is held. It reports whether one is
// held then.
func (r *ring) turn() bool {
	if r.block != nil {
		atomic.StoreUint32(statusOf(r.block), unix.TP_STATUS_KERNEL)
		r.block = nil
		r.number++
		if r.number*r.blockSize == len(r.memory) {
			r.number = 0
		}
		return false
	}
	if !r.blockReady() {
		return false
	}
	start := r.number * r.blockSize
	r.block = r.memory[start : start+r.blockSize]
	r.left = binary.NativeEndian.Uint32(r.block[blockFrames:])
	r.offset = binary.NativeEndian.Uint32(r.block[blockFirst:])
	return true
}

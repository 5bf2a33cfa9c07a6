/*
 * The least that a reader of a TPACKET_V3 ring can do: walk the frames of each block and touch their headers.
 *
 *   consumer INTERFACE SNAP_LENGTH BLOCK_SIZE BLOCKS TIMEOUT_MS ring|packet
 *
 * ring: only the header that the kernel puts in front of each frame. packet: also the EtherType, the IP protocol and
 * the destination port, which lie in the next cache lines. It prints "ready" once it is bound, and on SIGINT what
 * it saw. packet(7); Documentation/networking/packet_mmap.rst of the kernel.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

enum { TCP = 6, PORT = 7000 };

static volatile sig_atomic_t stop;

static void interrupted(int signal)
{
	(void)signal;
	stop = 1;
}

static void check(int failed, const char *what)
{
	if (!failed)
		return;
	fprintf(stderr, "consumer: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int is_ours(const uint8_t *frame)
{
	uint16_t type, port;

	memcpy(&type, frame + 12, sizeof type);
	memcpy(&port, frame + 36, sizeof port);
	return type == htons(ETH_P_IP) && frame[23] == TCP && port == htons(PORT);
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		fprintf(stderr, "usage: consumer INTERFACE SNAP_LENGTH BLOCK_SIZE BLOCKS TIMEOUT_MS ring|packet\n");
		return 2;
	}
	unsigned index = if_nametoindex(argv[1]);
	check(index == 0, argv[1]);
	size_t size = strtoul(argv[3], NULL, 10), blocks = strtoul(argv[4], NULL, 10);
	int packets = strcmp(argv[6], "packet") == 0;

	int fd = socket(AF_PACKET, SOCK_RAW, 0);
	check(fd < 0, "socket");
	struct sock_filter accept = BPF_STMT(BPF_RET | BPF_K, (uint32_t)strtoul(argv[2], NULL, 10));
	struct sock_fprog program = { .len = 1, .filter = &accept };
	check(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "SO_ATTACH_FILTER");
	int version = TPACKET_V3;
	check(setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof version), "PACKET_VERSION");
	struct tpacket_req3 ring = {
		.tp_block_size = size,
		.tp_block_nr = blocks,
		.tp_frame_size = 2048,
		.tp_frame_nr = size / 2048 * blocks,
		.tp_retire_blk_tov = atoi(argv[5]),
	};
	check(setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &ring, sizeof ring), "PACKET_RX_RING");
	uint8_t *memory = mmap(NULL, size * blocks, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	check(memory == MAP_FAILED, "mmap");
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)index,
	};
	check(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");

	/* The signal is let in while ppoll waits and at no other time, so that none is missed. */
	sigset_t blocked, waiting;
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGINT);
	sigprocmask(SIG_BLOCK, &blocked, &waiting);
	sigdelset(&waiting, SIGINT);
	struct sigaction action = { .sa_handler = interrupted };
	sigaction(SIGINT, &action, NULL);
	printf("ready\n");
	fflush(stdout);

	uint64_t frames = 0, bytes = 0, ours = 0;
	size_t number = 0;
	while (!stop) {
		struct tpacket_block_desc *block = (void *)(memory + number * size);
		if (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER)) {
			struct pollfd readable = { .fd = fd, .events = POLLIN };
			ppoll(&readable, 1, NULL, &waiting);
			continue;
		}
		uint8_t *at = (uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;
		for (uint32_t left = block->hdr.bh1.num_pkts; left > 0; left--) {
			struct tpacket3_hdr *frame = (void *)at;
			frames++;
			bytes += frame->tp_len;
			if (packets)
				ours += is_ours(at + frame->tp_mac);
			at += frame->tp_next_offset;
		}
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		number = (number + 1) % blocks;
	}

	struct tpacket_stats_v3 statistics;
	socklen_t length = sizeof statistics;
	check(getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &length), "PACKET_STATISTICS");
	printf("frames %llu bytes %llu ours %llu dropped %u\n", (unsigned long long)frames, (unsigned long long)bytes,
	       (unsigned long long)ours, statistics.tp_drops);
	return 0;
}

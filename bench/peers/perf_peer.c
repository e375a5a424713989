/*
 * The kernel's side of the perf rows: a program that calls bpf_perf_event_output once a run is fired by
 * BPF_PROG_TEST_RUN on one CPU while a consumer on another reads the ring by mmap.
 *
 * Numbers in the request: pages (of the ring's data), wakeup (wakeup_events), seconds, repeat (runs a call),
 * producer and consumer (CPU numbers), spin (1: the consumer never sleeps).
 * Map 0 is the perf_event_array. Prints one JSON line.
 */
#include "peer.h"
#include <stdatomic.h>
#include <sys/epoll.h>

struct shared {
	struct request request;
	int program;
	double seconds;
	uint32_t repeat;
	int producer_cpu;
	_Atomic int start;
	_Atomic int stopped;
	uint64_t produced;
	double took;
};

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	uint8_t *data;
	uint64_t mask;
};

struct tally {
	uint64_t received;
	uint64_t lost;
	uint64_t wakeups;
	uint64_t checksum;
};

static void open_ring(struct ring *ring, uint32_t pages, uint32_t wakeup, int cpu)
{
	struct perf_event_attr attr;
	size_t page_bytes = sysconf(_SC_PAGESIZE);

	memset(&attr, 0, sizeof(attr));
	attr.size = sizeof(attr);
	attr.type = PERF_TYPE_SOFTWARE;
	attr.config = PERF_COUNT_SW_BPF_OUTPUT;
	attr.sample_type = PERF_SAMPLE_RAW;
	attr.sample_period = 1;
	attr.wakeup_events = wakeup;
	ring->fd = syscall(__NR_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		fail("perf_event_open");
	ring->page = mmap(NULL, (pages + 1) * page_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->page == MAP_FAILED)
		fail("mmap");
	ring->data = (uint8_t *)ring->page + page_bytes;
	ring->mask = pages * page_bytes - 1;
	if (ioctl(ring->fd, PERF_EVENT_IOC_ENABLE, 0))
		fail("PERF_EVENT_IOC_ENABLE");
}

/*
 * Reads whatever the ring holds and frees it with one store of the tail. Records are multiples of 8 bytes, so neither
 * a header nor a sample's first word is ever split; only what is longer can be, and a consumer copies only then.
 */
static uint64_t drain(struct ring *ring, struct tally *tally)
{
	static uint8_t joined[65536];
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	uint64_t from = tail;
	uint64_t room = ring->mask + 1;

	while (tail != head) {
		uint64_t at = tail & ring->mask;
		struct perf_event_header *header = (struct perf_event_header *)(ring->data + at);
		uint8_t *record = ring->data + at;
		uint32_t size = header->size;

		if (at + size > room) {
			uint64_t first = room - at;

			memcpy(joined, record, first);
			memcpy(joined + first, ring->data, size - first);
			record = joined;
		}
		if (header->type == PERF_RECORD_SAMPLE) {
			tally->received++;
			tally->checksum += record[12];
		} else if (header->type == PERF_RECORD_LOST) {
			tally->lost += *(uint64_t *)(record + 16);
		}
		tail += size;
	}
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
	return tail - from;
}

/*
 * Calls BPF_PROG_TEST_RUN until the time is over. A call has a cost of its own (milliseconds for xdp, whose dispatcher
 * is set up anew), which is not the ring's: the time that counts is the kernel's own figure for the repetitions.
 */
static void *produce(void *argument)
{
	struct shared *shared = argument;
	int single = runs_once(shared->request.type);
	union bpf_attr attr;

	pin(shared->producer_cpu);
	while (!atomic_load(&shared->start))
		;
	double begun = now_seconds(), ended;
	do {
		/* A raw_tracepoint program is run once a call: look at the clock every thousandth call only. */
		for (int call = 0; call < (single ? 1000 : 1); call++) {
			prepare_run(&shared->request, &attr, shared->program, shared->repeat);
			if (sys_bpf(BPF_PROG_TEST_RUN, &attr))
				fail("BPF_PROG_TEST_RUN");
			shared->produced += single ? 1 : shared->repeat;
			shared->took += attr.test.duration * 1e-9 * shared->repeat;
		}
		ended = now_seconds();
	} while (ended - begun < shared->seconds);
	if (single)
		shared->took = ended - begun;
	atomic_store(&shared->stopped, 1);
	return NULL;
}

static void consume(struct shared *shared, struct ring *ring, struct tally *tally, int spin)
{
	struct epoll_event event = {.events = EPOLLIN};
	int poll = epoll_create1(EPOLL_CLOEXEC);

	if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, ring->fd, &event))
		fail("epoll");
	atomic_store(&shared->start, 1);
	for (;;) {
		int stopped = atomic_load(&shared->stopped);

		if (!spin && !stopped && epoll_wait(poll, &event, 1, 10) > 0)
			tally->wakeups++;
		if (!drain(ring, tally) && stopped)
			return;
	}
}

int main(void)
{
	static struct shared shared;
	struct tally tally = {0};
	struct ring ring;
	pthread_t producer;

	read_request(&shared.request);
	if (!shared.request.map_count) {
		errno = EINVAL;
		fail("map 0");
	}
	shared.seconds = number(&shared.request, "seconds", 1);
	shared.repeat = number(&shared.request, "repeat", 100000);
	shared.producer_cpu = number(&shared.request, "producer", 0);
	uint32_t pages = number(&shared.request, "pages", 8);
	uint32_t wakeup = number(&shared.request, "wakeup", 1);
	uint32_t index = shared.producer_cpu;

	open_ring(&ring, pages, wakeup, shared.producer_cpu);
	if (update_map(shared.request.maps[0], &index, &ring.fd, BPF_ANY))
		fail("BPF_MAP_UPDATE_ELEM");
	shared.program = load_program(&shared.request);
	if (pthread_create(&producer, NULL, produce, &shared))
		fail("pthread_create");
	pin(number(&shared.request, "consumer", 1));
	consume(&shared, &ring, &tally, number(&shared.request, "spin", 0));
	pthread_join(producer, NULL);

	double seconds = shared.took;
	printf("{\"produced\": %lu, \"received\": %lu, \"lost\": %lu, \"wakeups\": %lu, \"seconds\": %.6f, "
	       "\"events_per_second\": %.0f, \"checksum\": %lu}\n",
	       shared.produced, tally.received, shared.produced - tally.received, tally.wakeups, seconds,
	       tally.received / seconds, tally.checksum);
	return 0;
}

/** Numbers of linux/perf_event.h. */
export const PERF_TYPE_HARDWARE = 0
export const PERF_TYPE_SOFTWARE = 1
export const PERF_TYPE_TRACEPOINT = 2
export const PERF_COUNT_SW_BPF_OUTPUT = 10
export const PERF_SAMPLE_RAW = 1 << 10
export const PERF_RECORD_LOST = 2
export const PERF_RECORD_SAMPLE = 9
/** struct perf_event_header: type u32, misc u16, size u16. */
export const PERF_EVENT_HEADER_BYTES = 8
/** A PERF_RECORD_LOST record: header, id u64, lost u64. */
export const PERF_RECORD_LOST_BYTES = 24
export const PERF_EVENT_IOC_ENABLE = 0x2400
export const PERF_EVENT_IOC_DISABLE = 0x2401
export const PERF_EVENT_IOC_SET_BPF = 0x40042408
export const PERF_FLAG_FD_CLOEXEC = 8

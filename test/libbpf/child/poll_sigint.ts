/** Polls a perf buffer for ever; after each SIGINT prints what poll returned and how often the listener had run. */
import * as api from '#lib/index.js'
import { shutdown } from '#lib/machine/index.js'

const ROUNDS = 3
const fd = api.bpf_map_create(api.BPF_MAP_TYPE_PERF_EVENT_ARRAY, 'events', 4, 4, 2)
const pb = api.perf_buffer__new(fd, 8, () => {})!
let signals = 0
process.on('SIGINT', () => signals++)
// The first blocking call that finds a listener takes SIGINT over; from here on none is lost.
api.perf_buffer__poll(pb, 1)
for (let round = 0; round < ROUNDS; round++) {
  process.stdout.write('polling\n')
  const result = api.perf_buffer__poll(pb, -1)
  process.stdout.write(`${result} ${api.errno} ${signals}\n`)
}
api.perf_buffer__free(pb)
await shutdown()

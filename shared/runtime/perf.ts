/** bpf_perf_event_output in its three forms: by program context. */
import { SK_BUFF, XDP_MD } from '../layout.js'
import { emitPerfOutput } from '../rings/perf.js'
import type { RuntimeEnvironment } from './environment.js'

export function emitPerf(env: RuntimeEnvironment): void {
  const { plain, packet } = emitPerfOutput(env.module, env, [
    { name: 'bpf_perf_event_output_xdp', context: XDP_MD },
    { name: 'bpf_perf_event_output_skb', context: SK_BUFF },
  ])
  for (const f of [plain, ...packet]) env.module.export(f.name, f)
}

/** Calls of BPF_PROG_TEST_RUN over types, sizes, contexts and flags; the kernel's answers lie in answers.jsonl.gz. */
import { FLOW_KEYS, NF_CONTEXT, NF_HOOK_STATE, SK_BUFF, SK_LOOKUP, XDP_MD } from '#shared/layout.js'
import * as bpf from '#shared/uapi/bpf.js'
import { insn, program } from '#test/jit/assembler.js'
import { randomSource } from '#test/stress/run.js'

/** As kernel.py takes it: buffers in hex or, for those to be filled, their sizes; absent is NULL. */
export interface TestRunCase {
  readonly type: number
  readonly insns: string
  readonly attach?: number
  readonly load_flags?: number
  readonly opts: {
    readonly data_in?: string
    readonly data_out?: number
    readonly ctx_in?: string
    readonly ctx_out?: number
    readonly repeat?: number
    readonly flags?: number
    readonly cpu?: number
    readonly batch_size?: number
    readonly duration?: number
  }
}

type Opts = TestRunCase['opts']
type Program = Pick<TestRunCase, 'type' | 'insns' | 'attach' | 'load_flags'>

const SEED = 20251
const SLEEPABLE = 16
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const EXIT = insn('exit')
const LOADS: Record<number, string> = { 1: 'ldxb', 2: 'ldxh', 4: 'ldxw', 8: 'ldxdw' }
const STORES: Record<number, string> = { 1: 'stb', 2: 'sth', 4: 'stw', 8: 'stdw' }

const returns = (value: number) => hex(program(insn('mov64.imm', { imm: value }), EXIT))
const reads = (off: number, bytes: number) => hex(program(insn(LOADS[bytes], { dst: 0, src: 1, off }), EXIT))
const writes = (off: number, bytes: number, imm: number) =>
  hex(program(insn(STORES[bytes], { dst: 1, off, imm }), insn('mov64.imm'), EXIT))
/** r0 = the difference of two 32-bit fields that are pointers. */
const distance = (from: number, to: number) =>
  hex(
    program(
      insn('ldxw', { dst: 0, src: 1, off: to }),
      insn('ldxw', { dst: 2, src: 1, off: from }),
      insn('sub64.reg', { dst: 0, src: 2 }),
      EXIT,
    ),
  )
/** Stores to (or loads from) the packet at `at`, if it is that long. */
function packet(fields: { data: number; dataEnd: number }, at: number, access: Uint8Array): string {
  return hex(
    program(
      insn('mov64.imm'),
      insn('ldxw', { dst: 2, src: 1, off: fields.data }),
      insn('ldxw', { dst: 3, src: 1, off: fields.dataEnd }),
      insn('add64.imm', { dst: 2, imm: at + 1 }),
      insn('jgt64.reg', { dst: 2, src: 3, off: 1 }),
      access,
      EXIT,
    ),
  )
}
const storeByte = insn('stb', { dst: 2, off: -1, imm: 0x5a })
const loadByte = insn('ldxb', { dst: 0, src: 2, off: -1 })
/** r0 = 32 bits behind a pointer of the context. */
const through = (pointer: number, off: number, bytes = 4) =>
  hex(program(insn('ldxdw', { dst: 2, src: 1, off: pointer }), insn(LOADS[bytes], { dst: 0, src: 2, off }), EXIT))
const throughStore = (pointer: number, off: number, imm: number) =>
  hex(
    program(
      insn('ldxdw', { dst: 2, src: 1, off: pointer }),
      insn('sth', { dst: 2, off, imm }),
      insn('mov64.imm'),
      EXIT,
    ),
  )

/** A packet of `bytes` with the given EtherType and destination. */
function ethernet(bytes: number, type: number, destination = 0): string {
  const made = Uint8Array.from({ length: bytes }, (_, n) => (n * 7 + 1) & 0xff)
  made.fill(destination, 0, 6)
  if (bytes > 13) made.set([type >> 8, type & 0xff], 12)
  return hex(made)
}

/** A context with some 32-bit words set: [offset, value]. */
function context(bytes: number, ...words: readonly (readonly [number, number])[]): string {
  const made = new DataView(new ArrayBuffer(bytes))
  for (const [offset, value] of words) made.setUint32(offset, value, true)
  return hex(new Uint8Array(made.buffer))
}

const IP = ethernet(64, 0x800)
const skbTypes = [
  bpf.BPF_PROG_TYPE_SOCKET_FILTER,
  bpf.BPF_PROG_TYPE_SCHED_CLS,
  bpf.BPF_PROG_TYPE_SCHED_ACT,
  bpf.BPF_PROG_TYPE_CGROUP_SKB,
  bpf.BPF_PROG_TYPE_LWT_IN,
  bpf.BPF_PROG_TYPE_LWT_OUT,
  bpf.BPF_PROG_TYPE_LWT_XMIT,
  bpf.BPF_PROG_TYPE_LWT_SEG6LOCAL,
]
const packetTypes = [...skbTypes, bpf.BPF_PROG_TYPE_XDP]
const others: readonly Program[] = [
  { type: bpf.BPF_PROG_TYPE_RAW_TRACEPOINT, insns: returns(3) },
  { type: bpf.BPF_PROG_TYPE_SYSCALL, insns: returns(3), load_flags: SLEEPABLE },
  { type: bpf.BPF_PROG_TYPE_FLOW_DISSECTOR, insns: returns(0) },
  { type: bpf.BPF_PROG_TYPE_SK_LOOKUP, insns: returns(1), attach: bpf.BPF_SK_LOOKUP },
  { type: bpf.BPF_PROG_TYPE_NETFILTER, insns: returns(1), attach: bpf.BPF_NETFILTER },
]
const untestable = [
  bpf.BPF_PROG_TYPE_KPROBE,
  bpf.BPF_PROG_TYPE_TRACEPOINT,
  bpf.BPF_PROG_TYPE_PERF_EVENT,
  bpf.BPF_PROG_TYPE_CGROUP_SOCK,
  bpf.BPF_PROG_TYPE_SOCK_OPS,
  bpf.BPF_PROG_TYPE_SK_SKB,
  bpf.BPF_PROG_TYPE_CGROUP_DEVICE,
  bpf.BPF_PROG_TYPE_SK_MSG,
  bpf.BPF_PROG_TYPE_SK_REUSEPORT,
  bpf.BPF_PROG_TYPE_CGROUP_SYSCTL,
  bpf.BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE,
]
const everyKind: readonly Program[] = [
  ...packetTypes.map((type) => ({ type, insns: returns(1) })),
  ...others,
  ...untestable.map((type) => ({ type, insns: returns(1) })),
]

/** What every type is asked: no buffers, each kind of buffer, each number. */
function general(): TestRunCase[] {
  const variations: Opts[] = [
    {},
    { data_in: IP },
    { data_in: '' },
    { data_in: IP, data_out: 0 },
    { data_in: IP, data_out: 13 },
    { data_in: IP, data_out: 64 },
    { data_in: IP, data_out: 100 },
    { data_in: IP, data_out: 56, repeat: 3 },
    { data_in: IP, flags: 1 },
    { data_in: IP, flags: 2 },
    { data_in: IP, flags: 4 },
    { data_in: IP, flags: 8 },
    { data_in: IP, cpu: 1 },
    { data_in: IP, batch_size: 1 },
    { data_in: IP, duration: 5 },
    { data_in: IP, ctx_in: '' },
    { data_in: IP, ctx_out: 0 },
    { data_in: IP, ctx_in: '00', ctx_out: 8 },
    { data_in: IP, ctx_out: 300 },
    { data_in: IP, ctx_in: '00'.repeat(300), ctx_out: 300, data_out: 64 },
    { data_in: IP, ctx_in: `${'00'.repeat(300)}01`, ctx_out: 300 },
    { data_in: IP, ctx_in: '00'.repeat(4097) },
    { ctx_in: '00'.repeat(8) },
    { ctx_in: 'ff'.repeat(96) },
    { ctx_in: '00'.repeat(97) },
    { ctx_in: '00'.repeat(8), repeat: 1 },
    { ctx_in: '00'.repeat(8), duration: 1 },
    { ctx_in: '00'.repeat(8), cpu: 1 },
    { ctx_in: '00'.repeat(8), flags: 1, cpu: 1 },
    { ctx_in: '00'.repeat(8), flags: 1, cpu: 999 },
    { ctx_in: '00'.repeat(8), flags: 6 },
    { ctx_in: '00'.repeat(8), ctx_out: 8 },
    { ctx_in: '00'.repeat(65535) },
    { ctx_in: '00'.repeat(65536) },
  ]
  return everyKind.flatMap((made) => variations.map((opts) => ({ ...made, opts })))
}

function sizes(): TestRunCase[] {
  const bytes = [0, 1, 13, 14, 15, 33, 34, 3519, 3520, 3521, 3600, 3711, 3712, 3713, 8000]
  const kinds = [1, 3, 8, 10, 6].flatMap((type) =>
    bytes.map(
      (n): TestRunCase => ({ type, insns: returns(2), opts: { data_in: ethernet(n, 0x800), data_out: n + 8 } }),
    ),
  )
  const seen = [1, 3, 8, 19].flatMap((type) =>
    bytes.map((n): TestRunCase => ({ type, insns: reads(SK_BUFF.len, 4), opts: { data_in: ethernet(n, 0x800) } })),
  )
  const xdp = [14, 3520, 3521, 8000, 73152, 73153].flatMap((n) =>
    [undefined, 10, 1000, 5000, n].map(
      (data_out): TestRunCase => ({
        type: bpf.BPF_PROG_TYPE_XDP,
        insns: distance(XDP_MD.data, XDP_MD.dataEnd),
        opts: { data_in: ethernet(n, 0x800), data_out },
      }),
    ),
  )
  return [...kinds, ...seen, ...xdp]
}

const skbFields: readonly (readonly [string, number, number])[] = Object.entries(SK_BUFF)
  .filter(([name]) => !name.startsWith('$') && !['sk', 'flowKeys', 'data', 'dataEnd', 'dataMeta'].includes(name))
  .map(([name, offset]) => [name, offset, /stamp$/.test(name) ? 8 : name === 'tstampType' ? 1 : 4] as const)

const FULL = context(
  SK_BUFF.$bytes,
  [SK_BUFF.mark, 0x11223344],
  [SK_BUFF.priority, 7],
  [SK_BUFF.ingressIfindex, 9],
  [SK_BUFF.ifindex, 1],
  [SK_BUFF.cb, 1],
  [SK_BUFF.cb + 16, 0x99887766],
  [SK_BUFF.tstamp, 123],
  [SK_BUFF.wireLen, 1000],
  [SK_BUFF.gsoSegs, 3],
  [SK_BUFF.gsoSize, 70000],
  [SK_BUFF.hwtstamp, 88],
)

/** What programs of each type read from each field, and which fields may come in. */
function skb(): TestRunCase[] {
  const read = skbTypes.flatMap((type) =>
    skbFields.flatMap(([, offset, bytes]) =>
      [{ data_in: IP }, { data_in: IP, ctx_in: FULL, ctx_out: SK_BUFF.$bytes }].map(
        (opts): TestRunCase => ({ type, insns: reads(offset, bytes), opts }),
      ),
    ),
  )
  const packets = [IP, ethernet(64, 0x86dd), ethernet(60, 0x806), ethernet(64, 0x100), ethernet(14, 0x100)]
  packets.push(ethernet(64, 0x800, 0xff), ethernet(64, 0x800, 1), ethernet(64, 0x800, 2), ethernet(30, 0x800))
  packets.push(`${'00'.repeat(14)}ffff`, ethernet(50, 0x86dd), ethernet(34, 0x800), ethernet(54, 0x86dd))
  const fields = [SK_BUFF.protocol, SK_BUFF.pktType, SK_BUFF.family, SK_BUFF.remoteIp4, SK_BUFF.localIp4]
  fields.push(SK_BUFF.remoteIp6 + 4, SK_BUFF.localIp6 + 12, SK_BUFF.len, SK_BUFF.wireLen)
  const facts = [bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_PROG_TYPE_CGROUP_SKB, bpf.BPF_PROG_TYPE_SOCKET_FILTER].flatMap(
    (type) =>
      packets.flatMap((data_in) =>
        fields.map((offset): TestRunCase => ({ type, insns: reads(offset, 4), opts: { data_in } })),
      ),
  )
  const into = Array.from({ length: SK_BUFF.$bytes / 4 }, (_, n): Opts => {
    return { data_in: IP, ctx_in: context(SK_BUFF.$bytes, [n * 4, 1]), ctx_out: SK_BUFF.$bytes }
  })
  const limits = [
    [SK_BUFF.wireLen, 49],
    [SK_BUFF.wireLen, 50],
    [SK_BUFF.wireLen, 63],
    [SK_BUFF.wireLen, 64],
    [SK_BUFF.wireLen, 65536],
    [SK_BUFF.wireLen, 65537],
    [SK_BUFF.gsoSegs, 65535],
    [SK_BUFF.gsoSegs, 65536],
    [SK_BUFF.ifindex, 99],
    [SK_BUFF.ifindex, 0xffffffff],
  ] as const
  const limited = limits.map(
    (word): Opts => ({ data_in: IP, ctx_in: context(SK_BUFF.$bytes, word), ctx_out: SK_BUFF.$bytes }),
  )
  const contexts = [bpf.BPF_PROG_TYPE_SCHED_CLS, bpf.BPF_PROG_TYPE_CGROUP_SKB].flatMap((type) =>
    [...into, ...limited].map((opts): TestRunCase => ({ type, insns: returns(0), opts })),
  )
  return [...read, ...facts, ...contexts, ...skbWrites()]
}

/** Programs that change fields of their context or bytes of their packet. */
function skbWrites(): TestRunCase[] {
  const out = { ctx_out: SK_BUFF.$bytes, data_out: 64 }
  const fields = skbTypes.flatMap((type) =>
    skbFields.flatMap(([, offset, bytes]) =>
      [
        { data_in: IP, ...out },
        { data_in: IP, ctx_in: FULL, ...out },
      ].map((opts): TestRunCase => ({ type, insns: writes(offset, bytes, 0x55), opts })),
    ),
  )
  const spots = [0, 12, 13, 14, 20, 49, 50, 63]
  const bytes = skbTypes.flatMap((type) =>
    spots.flatMap((at) =>
      [storeByte, loadByte].flatMap((access) =>
        [0, 4].map(
          (flags): TestRunCase => ({ type, insns: packet(SK_BUFF, at, access), opts: { data_in: IP, ...out, flags } }),
        ),
      ),
    ),
  )
  const lengths = skbTypes.map((type): TestRunCase => {
    return { type, insns: distance(SK_BUFF.data, SK_BUFF.dataEnd), opts: { data_in: IP } }
  })
  const absolute = [0, 12, 14, 49, 50, 63, 64].map((imm): TestRunCase => {
    const insns = hex(program(insn('mov64.reg', { dst: 6, src: 1 }), insn('ldabsb', { imm }), EXIT))
    return { type: bpf.BPF_PROG_TYPE_SOCKET_FILTER, insns, opts: { data_in: IP } }
  })
  return [...fields, ...bytes, ...lengths, ...absolute]
}

function xdp(): TestRunCase[] {
  const type = bpf.BPF_PROG_TYPE_XDP
  const size = XDP_MD.$bytes
  const lengths = [0, 4, 8, 32, 33, 36, 64, 128, 200, 212, 216, 220, 248, 252, 256, 260].flatMap((data) =>
    [64, 300, 63, 65].map(
      (end): TestRunCase => ({
        type,
        insns: distance(XDP_MD.dataMeta, XDP_MD.data),
        opts: {
          data_in: ethernet(end === 300 ? 300 : 64, 0x800),
          data_out: 400,
          ctx_in: context(size, [XDP_MD.data, data], [XDP_MD.dataEnd, end]),
          ctx_out: size,
        },
      }),
    ),
  )
  const base = [XDP_MD.dataEnd, 64] as const
  const words = [
    [XDP_MD.dataMeta, 1],
    [XDP_MD.ingressIfindex, 1],
    [XDP_MD.ingressIfindex, 99],
    [XDP_MD.rxQueueIndex, 1],
    [XDP_MD.egressIfindex, 1],
  ] as const
  const devices = words.flatMap((word) =>
    [XDP_MD.ingressIfindex, XDP_MD.rxQueueIndex].flatMap((field) =>
      [
        context(size, base, word),
        context(size, base, [XDP_MD.ingressIfindex, 1], [XDP_MD.rxQueueIndex, 1]),
        context(size, word),
      ].map((ctx_in): TestRunCase => ({ type, insns: reads(field, 4), opts: { data_in: IP, ctx_in, ctx_out: size } })),
    ),
  )
  const attach = [bpf.BPF_XDP_DEVMAP, bpf.BPF_XDP_CPUMAP, bpf.BPF_XDP].map(
    (made): TestRunCase => ({ type, insns: returns(2), attach: made, opts: { data_in: IP } }),
  )
  const accesses = [0, 13, 63, 64].flatMap((at) =>
    [storeByte, loadByte].map(
      (access): TestRunCase => ({ type, insns: packet(XDP_MD, at, access), opts: { data_in: IP, data_out: 64 } }),
    ),
  )
  const live: Opts[] = [
    { flags: 2, data_out: 64 },
    { flags: 2, ctx_out: size },
    { flags: 2, batch_size: 257 },
    { flags: 2, batch_size: 256, ctx_in: context(size, [XDP_MD.dataEnd, 63], [XDP_MD.dataMeta, 4]) },
    { flags: 3 },
  ]
  const liveCases = live.map((opts): TestRunCase => ({ type, insns: returns(1), opts: { data_in: IP, ...opts } }))
  const partial = [1, 8, 23].map((ctx_out): TestRunCase => {
    return { type, insns: returns(1), opts: { data_in: IP, ctx_in: context(size, base), ctx_out, data_out: 64 } }
  })
  return [...lengths, ...devices, ...attach, ...accesses, ...liveCases, ...partial]
}

function plain(): TestRunCase[] {
  const raw = [0, 8, 88, 96].flatMap((offset) =>
    [0, 7, 8, 15, 16, 95, 96].map(
      (bytes): TestRunCase => ({
        type: bpf.BPF_PROG_TYPE_RAW_TRACEPOINT,
        insns: reads(offset, 8),
        opts: bytes === 0 ? {} : { ctx_in: '2a'.repeat(bytes) },
      }),
    ),
  )
  const system = [
    [reads(0, 4), 0],
    [reads(0, 4), 3],
    [reads(0, 4), 4],
    [reads(60, 4), 63],
    [reads(60, 4), 64],
    [writes(4, 4, 77), 8],
    [writes(4, 1, 77), 5],
    [writes(4, 8, -2), 12],
    [writes(4, 8, -2), 11],
  ] as const
  const syscall = system.map(
    ([insns, bytes]): TestRunCase => ({
      type: bpf.BPF_PROG_TYPE_SYSCALL,
      load_flags: SLEEPABLE,
      insns,
      opts: bytes === 0 ? {} : { ctx_in: '2a'.repeat(bytes) },
    }),
  )
  return [...raw, ...syscall]
}

function flow(): TestRunCase[] {
  const type = bpf.BPF_PROG_TYPE_FLOW_DISSECTOR
  const size = FLOW_KEYS.$bytes
  const contexts = Array.from({ length: size / 4 }, (_, n) => context(size, [n * 4, 3]))
  const given = contexts.map(
    (ctx_in): TestRunCase => ({
      type,
      insns: through(SK_BUFF.flowKeys, FLOW_KEYS.flags),
      opts: { data_in: IP, data_out: size, ctx_in, ctx_out: size },
    }),
  )
  const fields = [FLOW_KEYS.nhoff, FLOW_KEYS.thoff, FLOW_KEYS.nProto, FLOW_KEYS.ipProto, FLOW_KEYS.sport]
  const read = fields.map((field): TestRunCase => {
    const bytes = field === FLOW_KEYS.ipProto ? 1 : 2
    return { type, insns: through(SK_BUFF.flowKeys, field, bytes), opts: { data_in: IP, data_out: size } }
  })
  const written = [FLOW_KEYS.nhoff, FLOW_KEYS.thoff, FLOW_KEYS.sport].flatMap((field) =>
    [0, 14, 40, 64, 1000, -1].map(
      (value): TestRunCase => ({
        type,
        insns: throughStore(SK_BUFF.flowKeys, field, value),
        opts: { data_in: IP, data_out: size, repeat: value & 3 },
      }),
    ),
  )
  const bytes = [13, 14, 64, 4000, 4096, 4097].flatMap((n) =>
    [distance(SK_BUFF.data, SK_BUFF.dataEnd), packet(SK_BUFF, 20, loadByte)].map(
      (insns): TestRunCase => ({ type, insns, opts: { data_in: ethernet(n, 0x800), data_out: 30 } }),
    ),
  )
  return [...given, ...read, ...written, ...bytes]
}

function lookup(): TestRunCase[] {
  const made = { type: bpf.BPF_PROG_TYPE_SK_LOOKUP, attach: bpf.BPF_SK_LOOKUP }
  const size = SK_LOOKUP.$bytes
  const random = randomSource(SEED)
  const words = (family: number, more: readonly (readonly [number, number])[] = []) => {
    const every = Array.from({ length: 11 }, (_, n) => [SK_LOOKUP.remoteIp4 + n * 4, random()] as const)
    const head = [[SK_LOOKUP.family, family] as const, [SK_LOOKUP.protocol, 17] as const]
    return context(size, ...head, ...every, [SK_LOOKUP.localPort, 443], ...more)
  }
  const range = (field: number, bytes: number) => {
    // Verified programs return 0 or 1: whether the field is zero.
    const test = program(
      insn(LOADS[bytes], { dst: 2, src: 1, off: field }),
      insn('mov64.imm', { imm: 1 }),
      insn('jne64.imm', { dst: 2, imm: 0, off: 1 }),
      insn('mov64.imm', { imm: 0 }),
      EXIT,
    )
    return hex(test)
  }
  const fields = Object.entries(SK_LOOKUP).filter(([name]) => !name.startsWith('$') && name !== 'sk')
  const read = [2, 10].flatMap((family) =>
    fields.map(([name, field]): TestRunCase => {
      const insns = range(field, name === 'remotePort' ? 2 : 4)
      return { ...made, insns, opts: { ctx_in: words(family), ctx_out: size } }
    }),
  )
  const inputs = [
    words(0),
    words(1),
    words(0x10002),
    words(2, [[SK_LOOKUP.localPort, 65535]]),
    words(2, [[SK_LOOKUP.localPort, 65536]]),
    words(2, [[SK_LOOKUP.ingressIfindex, 1]]),
    words(2, [[SK_LOOKUP.sk, 1]]),
    words(2, [[SK_LOOKUP.sk + 4, 1]]),
    words(1, [[SK_LOOKUP.localPort, 65536]]),
  ]
  const rules = inputs.flatMap((ctx_in) =>
    [returns(0), returns(1)].map(
      (insns): TestRunCase => ({ ...made, insns, opts: { ctx_in, ctx_out: 40, repeat: 2 } }),
    ),
  )
  return [...read, ...rules]
}

function netfilter(): TestRunCase[] {
  const made = { type: bpf.BPF_PROG_TYPE_NETFILTER, attach: bpf.BPF_NETFILTER, insns: returns(1) }
  const size = NF_HOOK_STATE.$bytes
  const states = [2, 10, 0, 7].flatMap((pf) => [0, 1, 3, 4, 5, 200].map((hook) => context(size, [0, (pf << 8) | hook])))
  const pointers = [NF_HOOK_STATE.in, NF_HOOK_STATE.out, NF_HOOK_STATE.sk, NF_HOOK_STATE.net, NF_HOOK_STATE.okfn]
  const given = [...states, ...pointers.map((field) => context(size, [0, 0x200], [field, 1]))].map(
    (ctx_in): TestRunCase => ({ ...made, opts: { data_in: IP, data_out: 64, ctx_in, ctx_out: size } }),
  )
  const bytes = [13, 14, 19, 20, 39, 40, 3712, 3713].flatMap((n) =>
    [0x302, 0x30a].map((state): TestRunCase => {
      const ctx_in = context(size, [0, ((state & 0xff) << 8) | (state >> 8)])
      return { ...made, opts: { data_in: ethernet(n, 0x800), ctx_in } }
    }),
  )
  const protocols = [0x800, 0x86dd, 0x806, 0x100].flatMap((type) =>
    [13, 14, 20, 33, 34, 53, 54, 64].flatMap((n) =>
      [0x200, 0xa00, 0xa03].map((word): TestRunCase => {
        return { ...made, opts: { data_in: ethernet(n, type), ctx_in: context(size, [0, word]) } }
      }),
    ),
  )
  const context_ = {
    ...made,
    insns: hex(program(insn('ldxdw', { dst: 2, src: 1, off: NF_CONTEXT.state }), insn('mov64.imm'), EXIT)),
  }
  return [...given, ...bytes, ...protocols, { ...context_, opts: { data_in: IP } }]
}

/** Every case, always the same. */
export function testRunCases(): TestRunCase[] {
  return [general(), sizes(), skb(), xdp(), plain(), flow(), lookup(), netfilter()].flat()
}

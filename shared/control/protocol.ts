/** What main, supervisor and CPUs say to each other while they start, and the supervisor's control calls. */
import type { CpuCommand, Publication } from '../messages.js'

/** One entry of the stream that brings every CPU to the same state; `sequence` rises by one from 1. */
export interface Envelope {
  sequence: number
  /** The only CPU that is to obey a command; absent for publications. */
  cpu?: number
  message: Publication | CpuCommand
}

/** All that a starting CPU has missed. */
export interface Snapshot {
  kind: 'snapshot'
  /** Last sequence number contained: what the channel brings up to it is already here. */
  upTo: number
  envelopes: Envelope[]
}

/** What every thread of a machine is given. */
export interface MachineFacts {
  memory: WebAssembly.Memory
  /** Prefix of the names of this machine's broadcast channels. */
  name: string
  /** The helpers every thread has: see shared/runtime. */
  runtime: WebAssembly.Module
  faultPoints: boolean
}

/** workerData of the supervisor; `Port` is Node's MessagePort. */
export interface SupervisorData<Port> extends MachineFacts {
  cpus: number
  /** V8's old generation limit of each CPU, in MiB. */
  cpuHeapMb: number
  /** Comlink endpoints: one for asynchronous calls, one for those that block the main thread. */
  asyncPort: Port
  syncPort: Port
  /** What was published before the supervisor started. */
  history: Snapshot
}

/** Argument of the Piscina task that is a CPU. */
export interface CpuTask<Port> extends MachineFacts {
  cpu: number
  port: Port
}

/** From a CPU to the supervisor: it listens to the stream and wants a Snapshot, or it asks to be terminated. */
export type CpuRequest = { kind: 'subscribed' } | { kind: 'terminateMe' }

export interface CpuFacts {
  cpu: number
  thread: number
  incarnation: number
  state: number
}

/** The supervisor's control interface, called over Comlink. */
export interface SupervisorApi {
  /** Answers with the argument. */
  ping(value: number): number
  /** One row for each CPU that was started. */
  cpus(): CpuFacts[]
  /** Terminates the thread that is the CPU; false when there is none now. The CPU is then restarted. */
  kill(cpu: number): boolean
  /** Envelopes that a restarted CPU would be given. */
  logLength(): number
  /** Ends all CPUs; answers when no thread touches the memory any more. */
  shutdown(): Promise<void>
}

/** Name of the stream of envelopes. */
export function streamName(machine: string): string {
  return `${machine}:stream`
}

/** Name of the channel on which one CPU, in all its incarnations, reports to the main thread. */
export function reportName(machine: string, cpu: number): string {
  return `${machine}:report:${cpu}`
}

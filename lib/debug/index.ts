/** smpbpf/debug: programs step by step on a CPU of a machine. */
export { type DebugOptions, DebugSession, debug, type Frame, type Stop, type StopReason } from './session.js'

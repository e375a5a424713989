import { insnSuite } from './insn.js'
import type { Suite } from './report.js'

/** Every conformance suite, one line each. */
export const suites: readonly Suite[] = [insnSuite]

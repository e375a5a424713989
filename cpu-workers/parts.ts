/** The parts of a CPU that its core knows by interface only. */
export { makeHelpers } from './helpers/index.js'
export { makeWorkloads } from './kernel/index.js'

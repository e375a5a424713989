import type { Workload } from '../../../shared/kernel/workload.js'
import { dd } from './dd.js'
import { cat, fail, rm, run, sleep, succeed, touch } from './small.js'

/** The programs that every CPU has in /bin. */
export const builtinWorkloads: Readonly<Record<string, Workload>> = {
  dd,
  cat,
  touch,
  rm,
  sleep,
  run,
  true: succeed,
  false: fail,
}

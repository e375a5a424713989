/**
 * Keeps the two threads of a measurement on different processors. Left alone, the scheduler sometimes wakes a consumer
 * on its producer's processor and leaves both there, where each event costs two context switches; the peers in C pin
 * their threads as well.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

const TASKS = '/proc/self/task'
/** Asked before anything is pinned. */
const processors = availableParallelism()

/** User-mode ticks of each thread of this process. */
function threadTicks(): Map<string, number> {
  const ticks = new Map<string, number>()
  for (const thread of readdirSync(TASKS)) {
    try {
      // The fields after the command's closing parenthesis; utime is the 12th of them (proc_pid_stat(5)).
      const fields = readFileSync(`${TASKS}/${thread}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
      ticks.set(thread, Number(fields[11]))
    } catch {
      // The thread has ended meanwhile.
    }
  }
  return ticks
}

function taskset(processors: string, thread: string | number): boolean {
  return spawnSync('taskset', ['-pc', processors, String(thread)], { stdio: 'ignore' }).status === 0
}

/**
 * Runs `work`, which keeps another thread busy for some ten ms at least, pins that thread to the first processor and
 * the main thread to the second. Call unpinMain() before anything is to inherit the main thread's processors.
 * @returns whether both are pinned
 */
export function pinApart(work: () => void): boolean {
  if (processors < 2) return false
  try {
    const before = threadTicks()
    work()
    let busiest = ''
    let most = 0
    for (const [thread, ticks] of threadTicks()) {
      const spent = ticks - (before.get(thread) ?? 0)
      if (Number(thread) === process.pid || spent <= most) continue
      busiest = thread
      most = spent
    }
    return busiest !== '' && taskset('0', busiest) && taskset('1', process.pid)
  } catch {
    return false
  }
}

/** Lets the main thread run everywhere again. */
export function unpinMain(): void {
  taskset(`0-${processors - 1}`, process.pid)
}

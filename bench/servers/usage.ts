// CPU time and memory of processes, from /proc.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** Clock ticks per second, the unit of CPU time in /proc. */
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']).toString())

/**
 * Returns the CPU time of a process and its descendants, in microseconds. Children that have ended are included once
 * their parent has waited for them.
 */
export function cpuMicroseconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  // utime, stime, cutime, cstime
  const own = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0)
  const children = childrenOf(pid).map(cpuMicrosecondsIfRunning)
  return (own * 1_000_000) / ticksPerSecond + children.reduce((sum, child) => sum + child, 0)
}

/** Returns 0 for a process that has ended: workers of PostgreSQL may end at any time. */
function cpuMicrosecondsIfRunning(pid: number): number {
  try {
    return cpuMicroseconds(pid)
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH'))
      return 0
    throw error
  }
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter((text) => text !== '')
    .map(Number)
}

/** Returns the peak resident memory of a process, in megabytes. */
export function peakMegabytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

// Runs long jobs one at a time, so that short ones go between.

/**
 * Returns a function that runs a job in a later turn of the event loop, which runs no other job. The holders of jobs take
 * turns, and the jobs of each run in order.
 */
export function takeTurns(): (holder: string, job: () => void) => void {
  /** the jobs of each holder, the next holder first */
  const waiting = new Map<string, (() => void)[]>()

  const runNext = () => {
    const [next] = waiting
    if (next === undefined) return
    const [holder, jobs] = next
    const job = jobs.shift()
    waiting.delete(holder)
    if (jobs.length > 0) waiting.set(holder, jobs)
    if (waiting.size > 0) setImmediate(runNext)
    job?.()
  }
  return (holder, job) => {
    const jobs = waiting.get(holder)
    if (jobs !== undefined) return void jobs.push(job)
    if (waiting.size === 0) setImmediate(runNext)
    waiting.set(holder, [job])
  }
}

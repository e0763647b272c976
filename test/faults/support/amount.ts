// Length of the fault tests: short by default, long with FAULTS=full. FAULTS_SEED repeats a run.

/** whether the long tests run */
export const isFull = process.env.FAULTS === 'full'

/** number of kills */
export const rounds = isFull ? 100 : 4

/** determines which process is killed, and when */
export const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))

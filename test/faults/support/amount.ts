// How much is tried: what anyone will wait for, or with FAULTS=full what it takes to be sure. FAULTS_SEED repeats a run.

/** whether everything is tried at length */
export const isFull = process.env.FAULTS === 'full'

/** how often processes are killed */
export const rounds = isFull ? 100 : 4

/** decides what is killed, and when */
export const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))

// How much is tried: a short form by default; FAULTS_ROUNDS=100 is the full one. FAULTS_SEED repeats a run.

/** how often processes are killed */
export const rounds = Number(process.env.FAULTS_ROUNDS ?? 4)

/** whether outages last as long as they may in earnest */
export const isFull = rounds >= 100

/** decides what is killed, and when */
export const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31))

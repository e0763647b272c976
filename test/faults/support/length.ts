/** Whether the tests run as long as it takes to be sure, instead of as long as anyone will wait: `FAULTS=full`. */
export const isLong = process.env.FAULTS === 'full'

// Scales the number of repetitions: all in continuous integration (CI=true), a quarter elsewhere.

const isThorough = process.env.CI === 'true'

/** Returns `count` in continuous integration, otherwise a quarter of it, rounded up. */
export function amount(count: number): number {
  return isThorough ? count : Math.ceil(count / 4)
}

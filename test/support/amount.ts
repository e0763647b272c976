// Scales the number of repetitions: all in continuous integration (CI=true), an eighth elsewhere.

/** Whether everything is tried, however long it takes. */
export const isThorough = process.env.CI === 'true'

/** Returns `count` in continuous integration, otherwise an eighth of it, rounded up. */
export function amount(count: number): number {
  return isThorough ? count : Math.ceil(count / 8)
}

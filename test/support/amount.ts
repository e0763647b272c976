// How much the tests try: everything in continuous integration (CI=true), a quarter of it elsewhere.

const isThorough = process.env.CI === 'true'

/** Returns the given count in continuous integration, and a quarter of it elsewhere. */
export function amount(count: number): number {
  return isThorough ? count : Math.ceil(count / 4)
}

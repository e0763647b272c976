// Time that passes for the service under test without being waited for.
import { onTestFinished, vi } from 'vitest'

/** Sets the clock of this process forward, and back after the test. Timers are not affected. */
export function skipTime(milliseconds: number): void {
  vi.setSystemTime(Date.now() + milliseconds)
  onTestFinished(() => void vi.useRealTimers())
}

// Compiles the sources once, for the tests that run the built command.
import { execFileSync } from 'node:child_process'

export default function setup(): void {
  execFileSync(process.execPath, ['bin/interaction-api.js', '--version'])
}

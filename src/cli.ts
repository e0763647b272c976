// The command line: the only file that touches the process. Each command has a file in commands/.
import { readFileSync } from 'node:fs'
import { Session } from 'node:inspector'
import { userInfo } from 'node:os'
import { Command } from 'commander'
import { addClientCommands } from './commands/clients.ts'
import { addDistributeCommand } from './commands/distribute.ts'
import { addExportCommand } from './commands/export.ts'
import { addImportCommand } from './commands/import.ts'
import { addRemovalCommands } from './commands/remove.ts'
import { addSeedCommand } from './commands/seed.ts'
import { addServeCommand } from './commands/serve.ts'
import { Interrupted, OutputClosed, type Terminal, withDatabase } from './commands/terminal.ts'
import { addTotalsCommands } from './commands/totals.ts'
import { InvalidConfig } from './config/config.ts'
import { packageFile } from './config/package-file.ts'
import { DataDirectoryInUse } from './embedded/postgres.ts'
import { messageOf } from './types/error-message.ts'

const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8'))

/** Under `npm start` each signal arrives twice: from the terminal, and from npm. */
const repeatedSignalMs = 1000

/** The first error of standard output, apart from a reader that ended: what it did not read, it did not want. */
let outputError: Error | undefined
const isClosedPipe = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EPIPE'
process.stdout.on('error', (error: Error) => {
  if (!isClosedPipe(error)) outputError ??= error
})
process.stderr.on('error', () => {})

const terminal: Terminal = {
  environment: process.env,
  isInteractive: process.stderr.isTTY === true,
  outputIsTerminal: process.stdout.isTTY === true,
  print: (line) => void process.stdout.write(`${line}\n`),
  write: (text) =>
    new Promise((resolve, reject) => {
      process.stdout.write(text, (error) => {
        if (error == null) resolve()
        else reject(isClosedPipe(error) ? new OutputClosed() : error)
      })
    }),
  screen: process.stderr,
  interruption() {
    const interruption = new AbortController()
    const interrupt = () => interruption.abort()
    process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
    return interruption.signal
  },
  onStopSignal(stop) {
    let firstAt: number | undefined
    const receive = () => {
      if (firstAt === undefined) {
        firstAt = performance.now()
        stop()
      } else if (performance.now() - firstAt > repeatedSignalMs) process.exit(1)
    }
    process.on('SIGINT', receive).on('SIGTERM', receive)
  },
  onHangup: (listener) => void process.on('SIGHUP', listener),
  collectGarbage() {
    // not by gc(): after that, V8 makes objects such as those of process.nextTick slowly, for 8 µs of each request
    const session = new Session()
    session.connect()
    session.post('HeapProfiler.collectGarbage')
    session.disconnect()
  },
  operator: userName(),
}

const program = new Command('interaction-api')
  .description(
    'Stores records of customer interactions. Settings come from the environment: see .env.example.',
  )
  .version(version)
  .showHelpAfterError()

addServeCommand(program, terminal)
program
  .command('migrate')
  .description('bring the database schema up to date')
  .action(() => withDatabase(terminal, async () => terminal.print('The schema is up to date.')))
addClientCommands(program, terminal)
addTotalsCommands(program, terminal)
addDistributeCommand(program, terminal)
addSeedCommand(program, terminal)
addExportCommand(program, terminal)
addImportCommand(program, terminal)
addRemovalCommands(program, terminal)

await program.parseAsync().catch(fail)
if (outputError !== undefined) fail(outputError)

function fail(error: unknown): never {
  // 141: the exit code that shells report after SIGPIPE, which Node ignores.
  if (error instanceof OutputClosed) process.exit(141)
  const expected = error instanceof InvalidConfig || error instanceof DataDirectoryInUse
  process.stderr.write(`interaction-api: ${messageOf(error)}\n`)
  if (!expected && process.env.LOG_LEVEL === 'debug')
    process.stderr.write(`${String(error instanceof Error && error.stack)}\n`)
  // 130: the exit code that shells report after ctrl-C.
  process.exit(error instanceof Interrupted ? 130 : 1)
}

/** Containers may run with a user id that has no name. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.()}`
  }
}

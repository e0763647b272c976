// The package as integrators use it: packed, installed with its dependencies, imported by name.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startInteractionApi } from '../../src/ephemeral/start.ts'
import { temporaryFolder } from './support/caller.ts'

const run = promisify(execFile)
const repository = path.join(import.meta.dirname, '..', '..')
const modules = path.join(repository, 'node_modules')

/** Installs the package in a temporary directory and returns that. */
async function install(): Promise<string> {
  const folder = await temporaryFolder()
  const target = path.join(folder, 'node_modules', 'interaction-api-server')
  await mkdir(target, { recursive: true })
  const { stdout } = await run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: repository })
  await run('tar', ['-xzf', path.join(folder, stdout.trim()), '-C', target, '--strip-components=1'])
  for (const name of await readdir(modules)) {
    if (!name.startsWith('.'))
      await symlink(path.join(modules, name), path.join(folder, 'node_modules', name))
  }
  await writeFile(path.join(folder, 'package.json'), '{ "type": "module" }')
  return folder
}

test('the documented test suite compiles strictly against the package and passes', async () => {
  const folder = await install()
  const page = await readFile(path.join(repository, 'docs', 'ephemeral.md'), 'utf8')
  const [, suite = ''] = /^```ts\n(.*?)^```$/ms.exec(page) ?? []
  await writeFile(path.join(folder, 'suite.ts'), suite)

  const compiler = path.join(modules, 'typescript', 'bin', 'tsc')
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'suite.ts']
  await run(process.execPath, [compiler, ...options], { cwd: folder })
  const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', 'suite.js'], {
    cwd: folder,
  })

  expect(stdout).toMatch(/^# pass 1$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})

test('the package exports only its entry point', async () => {
  const folder = await install()
  const program = "await import('interaction-api-server/dist/server.js')"

  const imported = run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder })

  await expect(imported).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
})

test('a CommonJS program requires the package, compiles strictly against it, and has the guides', async () => {
  const folder = await install()
  await writeFile(path.join(folder, 'package.json'), '{ "type": "commonjs" }')
  const program = `
    import { startInteractionApi, type InteractionApi } from 'interaction-api-server'
    async function main() {
      const api: InteractionApi = await startInteractionApi({ settings: { LOG_LEVEL: 'error' } })
      for (const page of ['/health/ready', '/docs/guides/operators.md'])
        console.log((await fetch(api.baseUrl + page)).status)
      await api.stop()
    }
    main()`
  await writeFile(path.join(folder, 'program.ts'), program)

  const compiler = path.join(modules, 'typescript', 'bin', 'tsc')
  const options = ['--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node', 'program.ts']
  await run(process.execPath, [compiler, ...options], { cwd: folder })
  expect(await readFile(path.join(folder, 'program.js'), 'utf8')).toContain(
    'require("interaction-api-server")',
  )
  const { stdout } = await run(process.execPath, ['program.js'], { cwd: folder })

  expect(stdout).toBe('200\n200\n')
})

test('a setting that does not exist is refused by its name', async () => {
  const started = startInteractionApi({ settings: { TOKEN_TTL_SECOND: '1' } })

  await expect(started).rejects.toThrow('TOKEN_TTL_SECOND is not a setting: did you mean TOKEN_TTL_SECONDS?')
})

// The package as integrators use it: packed, installed with its dependencies, imported by name.
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from './support/caller.ts'

const run = promisify(execFile)
const repository = path.join(import.meta.dirname, '..', '..')
const modules = path.join(repository, 'node_modules')

/** Installs `interaction-api` in a temporary directory and returns that. */
async function install(): Promise<string> {
  const folder = await temporaryFolder()
  const target = path.join(folder, 'node_modules', 'interaction-api')
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
  const page = await readFile(path.join(repository, 'docs', 'local-twin.md'), 'utf8')
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
  const program = "await import('interaction-api/dist/server.js')"

  const imported = run(process.execPath, ['--input-type=module', '-e', program], { cwd: folder })

  await expect(imported).rejects.toThrow('ERR_PACKAGE_PATH_NOT_EXPORTED')
})

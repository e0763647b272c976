// Three nodes of PostgreSQL with Patroni and etcd, the proxy that leads to the primary, and two servers of the service
// behind a balancer: as the operations guide configures them, on this machine.
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { signingKeyPem } from '../../support/keys.ts'
import { type RunningService, startService } from '../../support/service.ts'
import { openAddresses, readConfiguration } from './configuration.ts'
import { type Folder, makeFolder, signal } from './folder.ts'
import { findMember, findPatroni, listMembers } from './patroni.ts'

export interface Cluster {
  /** URL of the balancer in front of both servers */
  readonly baseUrl: string
  /** URL of a database of the cluster through the proxy */
  databaseUrl(name?: string): string
  /** Connects to a database as its owner; the caller ends the connection. */
  connect(name?: string): Promise<Client>
  /** Creates a database of the service. */
  createDatabase(name: string): Promise<void>
  /** Starts another server of the service. It ends with the cluster. */
  serve(settings: Record<string, string>): Promise<RunningService>
  /** Returns the name of the primary. */
  primary(): Promise<string>
  /** Waits until there are a primary and a synchronous standby, so that a failover loses nothing. */
  untilSafe(): Promise<void>
  /** Waits until the primary streams to a node. */
  untilFollows(name: string): Promise<void>
  /** Makes the synchronous standby the primary. Resolves when it is. */
  switchOver(): Promise<void>
  /** Sends a signal to PostgreSQL and Patroni of a node. */
  signalNode(name: string, signal: NodeJS.Signals): Promise<void>
  /** Starts Patroni of a node, and so its PostgreSQL, after both were killed. */
  startNode(name: string): void
  /** Sends a signal to the proxy. */
  signalProxy(signal: NodeJS.Signals): Promise<void>
  /** Returns the last lines of what the programs have logged. */
  logs(): Promise<string>
  remove(): Promise<void>
}

const nodes = ['n1', 'n2', 'n3'] as const
const addressOf = (name: string) => `10.0.0.${name.slice(1)}`

export async function startCluster(): Promise<Cluster> {
  const folder = await makeFolder()
  try {
    return await startIn(folder)
  } catch (error) {
    await folder.remove()
    throw error
  }
}

async function startIn(folder: Folder): Promise<Cluster> {
  const patroniProgram = findPatroni()
  const { portOf, replace } = openAddresses()
  const files = readConfiguration()
  const services: RunningService[] = []
  let started = 0

  const write = async (subfolder: string, name: string, text: string) => {
    const file = path.join(await folder.add(subfolder), name)
    await writeFile(file, await replace(text))
    return file
  }
  const ofNode = (text: string, name: string) =>
    text.replaceAll('NAME', name).replaceAll('ADDRESS', addressOf(name))
  const startNode = (name: string) =>
    void folder.start(`patroni-${name}`, patroniProgram, ['patroni.yml'], path.join(folder.path, name))

  for (const name of nodes) {
    const data = path.join(folder.path, `etcd-${name}`, 'data')
    const etcd = ofNode(files.etcd, name).replace('/var/lib/etcd', data)
    const file = await write(`etcd-${name}`, 'etcd.yml', etcd)
    folder.start(`etcd-${name}`, 'etcd', ['--config-file', file], path.dirname(file))
    const dataDirectory = path.join(folder.path, name, 'data')
    const patroni = ofNode(files.patroni, name).replace('/var/lib/postgresql/cluster', dataDirectory)
    await write(name, 'patroni.yml', patroni)
  }
  for (const name of nodes) startNode(name)
  for (const [name, text] of [
    ['proxy', files.proxy],
    ['balancer', files.balancer],
  ] as const) {
    const file = await write(name, 'haproxy.cfg', text)
    folder.start(name, 'haproxy', ['-db', '-f', file], path.dirname(file))
  }

  const [, settingsUrl = ''] = /^DATABASE_URL=(\S+)$/m.exec(await replace(files.settings)) ?? []
  const databaseUrl = (name = 'interaction_api') =>
    Object.assign(new URL(settingsUrl), { pathname: `/${name}` }).href
  const connectTo = async (url: string) => {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 })
    client.on('error', () => {})
    await client.connect()
    return client
  }
  const asSuperuser = async (statement: string) => {
    const [, password = ''] = /superuser: .*password: (\S+)/.exec(files.patroni) ?? []
    const url = Object.assign(new URL(databaseUrl('postgres')), { username: 'postgres', password }).href
    const client = await connectTo(url)
    return client.query(statement).finally(() => client.end())
  }

  const apiOf = async (name: string) => `http://127.0.0.1:${await portOf(`${addressOf(name)}:8008`)}`
  const apis = await Promise.all(nodes.map(apiOf))
  const isSafe = async () =>
    (await findMember(apis, 'leader')) !== undefined && (await findMember(apis, 'sync_standby')) !== undefined
  const untilSafe = () =>
    until(isSafe).catch(async (cause: unknown) => {
      const found = JSON.stringify(await listMembers(apis))
      throw new Error(`no primary with a standby: ${found}\n${await folder.logs()}`, { cause })
    })
  const primary = async () => {
    const name = await findMember(apis, 'leader')
    if (name === undefined) throw new Error('the cluster has no primary')
    return name
  }
  const createDatabase = async (name: string) =>
    void (await asSuperuser(`create database ${name} owner interaction_api`))
  const serve = async (settings: Record<string, string>) => {
    const service = await startService({
      DATABASE_URL: databaseUrl(),
      DATA_DIR: await folder.add(`service-${++started}`),
      JWT_PRIVATE_KEY: signingKeyPem,
      ...settings,
    })
    services.push(service)
    return service
  }

  await untilSafe()
  await until(() =>
    asSuperuser(`create role interaction_api login password 'secret'`).then(
      () => true,
      () => false,
    ),
  )
  await createDatabase('interaction_api')
  const ports = [await portOf('10.0.0.11:8080'), await portOf('10.0.0.12:8080')]
  await Promise.all(ports.map((port) => serve({ PORT: `${port}` })))
  const baseUrl = `http://127.0.0.1:${await portOf('10.0.0.10:80')}`
  await until(async () => (await fetch(`${baseUrl}/health/ready`)).status === 200)

  return {
    baseUrl,
    databaseUrl,
    connect: (name) => connectTo(databaseUrl(name)),
    createDatabase,
    serve,
    primary,
    untilSafe,
    untilFollows: (name) =>
      until(async () => {
        const streaming = `select from pg_stat_replication where application_name = '${name}' and state = 'streaming'`
        return (await asSuperuser(streaming)).rowCount === 1
      }),
    async switchOver() {
      const leader = await primary()
      const response = await fetch(`${await apiOf(leader)}/switchover`, {
        method: 'POST',
        body: JSON.stringify({ leader }),
      })
      if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`)
    },
    signalNode: (name, which) => signal(path.join(folder.path, name), which),
    startNode,
    signalProxy: (which) => signal(path.join(folder.path, 'proxy'), which),
    logs: () => folder.logs(),
    async remove() {
      await Promise.all(services.map((service) => service.stop('SIGKILL')))
      await folder.remove()
    },
  }
}

/** Waits for a condition. @throws Error after two minutes */
async function until(condition: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + 120_000; !(await condition()); await pause(100))
    if (performance.now() > end) throw new Error(`still not after two minutes: ${condition}`)
}

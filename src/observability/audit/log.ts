// The audit log: who did what, a JSON object per line, with stable names of events. Never secrets, tokens or `data`.
import type { FastifyBaseLogger } from 'fastify'
import { type AuditDestination, openAuditDestination } from './destination.ts'
import { limitRepeats, type RepeatLimits } from './repeats.ts'

export type AuditLevel = 'off' | 'security' | 'writes' | 'all'

/** The level from which each event is recorded. */
const levelOf = {
  'token.granted': 'security',
  'token.refused': 'security',
  'token.throttled': 'security',
  'request.unauthenticated': 'security',
  'request.forbidden': 'security',
  'client.bootstrapped': 'security',
  'client.created': 'security',
  'client.rotated': 'security',
  'client.old_secret_dropped': 'security',
  'client.revoked': 'security',
  'client.deleted': 'security',
  'interaction.created': 'writes',
  'interaction.updated': 'writes',
  'interaction.removed': 'writes',
  'interaction.imported': 'writes',
  'interaction.read': 'all',
  'interaction.searched': 'all',
} as const satisfies Record<string, Exclude<AuditLevel, 'off'>>

export type AuditEvent = keyof typeof levelOf

/** What a line says beside its time and event. Members that are undefined are left out. */
export interface AuditFields {
  /** the subject of the token */
  readonly caller?: string | undefined
  /** the user of the operating system who ran a command */
  readonly operator?: string
  readonly client?: string | undefined
  /** the organization of the caller, the client or the interaction */
  readonly organization?: string | null | undefined
  readonly interaction?: string | undefined
  readonly role?: string
  readonly scopes?: readonly string[]
  /** the `jti` of the token */
  readonly token?: string
  readonly oldSecretExpiresAt?: string | null
  readonly command?: string
  readonly createdBefore?: string | undefined
  /** the number of interactions */
  readonly count?: number
  /** the stable code of an error */
  readonly error?: string
  readonly reason?: string
  readonly method?: string
  /** the route, with names in place of values */
  readonly route?: string | undefined
  readonly requestId?: string
  readonly address?: string
}

export interface AuditLog {
  /** Whether the level includes an event. */
  includes(event: AuditEvent): boolean
  /**
   * Writes a line if the level includes the event. Returns before it is on disk, and never throws.
   * @param repeatKey of events that others can cause at will: those with the same key are limited together
   */
  record(event: AuditEvent, fields: AuditFields, repeatKey?: string): void
  /** the number of lines that could not be written */
  lost(): number
  /** Opens the file again under its name, for log rotation. */
  reopen(): Promise<void>
  /** Writes all lines, and closes the file. */
  close(): Promise<void>
}

/** At most 30 lines a second for clients without a valid token, whatever they send. */
const unauthenticatedLimits: RepeatLimits = { windowMs: 10_000, linesPerKey: 5, maxKeys: 50 }

/** At most 6 lines in 10 seconds for a caller with a valid token, and 600 a second for all of them. */
const authenticatedLimits: RepeatLimits = { ...unauthenticatedLimits, maxKeys: 1000 }

const unauthenticatedEvents: ReadonlySet<AuditEvent> = new Set<AuditEvent>([
  'token.refused',
  'token.throttled',
  'request.unauthenticated',
])

const levels: readonly AuditLevel[] = ['off', 'security', 'writes', 'all']

export interface AuditSettings {
  readonly level: AuditLevel
  /** the path of the file; undefined: standard error */
  readonly file: string | undefined
}

const standardError = 2

/** Opens the log. A file that cannot be written is no error: the lost lines are counted, and `log` says so. */
export async function openAuditLog(
  { level, file }: AuditSettings,
  log: FastifyBaseLogger,
): Promise<AuditLog> {
  const destination = level === 'off' ? nowhere : await openAuditDestination(file ?? standardError, log)
  return auditLog(level, destination)
}

const nowhere: AuditDestination = {
  write() {},
  lost: () => 0,
  async reopen() {},
  async close() {},
}

/** Returns a log that writes to a destination, and closes it. */
export function auditLog(level: AuditLevel, destination: AuditDestination): AuditLog {
  const includes = (event: AuditEvent) => levels.indexOf(levelOf[event]) <= levels.indexOf(level)
  const write = (event: string, fields: object) =>
    destination.write(`${JSON.stringify({ time: new Date().toISOString(), event, ...fields })}\n`)
  const summarize = (event: string, repeated: number, first: AuditFields | undefined) =>
    write(event, { ...first, requestId: undefined, token: undefined, repeated })
  const limits = {
    unauthenticated: limitRepeats(unauthenticatedLimits, summarize),
    authenticated: limitRepeats(authenticatedLimits, summarize),
  }
  return {
    includes,
    record(event, fields, repeatKey) {
      if (!includes(event)) return
      const limiter = unauthenticatedEvents.has(event) ? limits.unauthenticated : limits.authenticated
      if (repeatKey === undefined || limiter.admits(event, repeatKey, fields)) write(event, fields)
    },
    lost: destination.lost,
    reopen: destination.reopen,
    async close() {
      for (const limiter of Object.values(limits)) limiter.flush()
      await destination.close()
    },
  }
}

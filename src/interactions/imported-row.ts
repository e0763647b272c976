// Reads a line of an export (see formats.ts) back into what was stored, strictly: what it cannot keep, it refuses.
import type { Faults } from '../http/problem.ts'
import { parseInstant, toTimestamp } from '../types/instant.ts'
import { deepestNesting, type Member, readData, readIdentifier, readJsonObject } from './commands.ts'
import { withoutLineBreaks } from './lines.ts'
import type { ImportedRow } from './sql/import.ts'

const known = ['id', 'organizationId', 'createdBy', 'createdAt', 'type', 'data', 'dataText', 'version']

/** Reads a line, its end apart; what is wrong with it goes into `faults`, and the row is then of no use. */
export function readImportedRow(line: string, faults: Faults): ImportedRow {
  const object = readJsonObject(line)
  if (object === undefined) faults.line = 'must be a JSON object'
  else if (object.depth > deepestNesting) faults.line = `must not nest deeper than ${deepestNesting} levels`
  for (const name of object?.members.keys() ?? [])
    if (!known.includes(name)) faults[name] = 'is no member of an interaction'
  const member = (name: string) => {
    const value = object?.members.get(name)
    return value === 'null' ? undefined : value
  }
  const given = <Value>(name: string, value: Value | undefined) => {
    if (value === undefined && object !== undefined) faults[name] ??= 'is required'
    return value
  }
  const row = {
    id: given('id', readIdentifier('id', member, faults)) ?? '',
    organizationId: given('organizationId', readIdentifier('organizationId', member, faults)) ?? '',
    createdBy: given('createdBy', readIdentifier('createdBy', member, faults)) ?? '',
    createdAt: readCreatedAt(given('createdAt', member('createdAt')), faults),
    type: readIdentifier('type', member, faults) ?? null,
    data: given('data', readExactData(member, faults)) ?? '',
    version: given('version', member('version')) ?? '',
  }
  if (!/^\d{1,19}$/.test(row.version) || BigInt.asIntN(64, BigInt(row.version)) < 0n)
    faults.version ??= 'must be a whole number of 64 bits, not below 0'
  return row
}

function readCreatedAt(json: string | undefined, faults: Faults): string {
  if (json === undefined) return ''
  const instant = json.startsWith('"') ? parseInstant(JSON.parse(json)) : undefined
  const timestamp = instant === undefined ? 'infinity' : toTimestamp(instant.milliseconds)
  if (instant?.nanoseconds === 0 && !timestamp.endsWith('infinity')) return timestamp
  faults.createdAt = 'must be an ISO 8601 date-time with a zone, to the millisecond, of the years 1 to 9999'
  return ''
}

function readExactData(member: Member, faults: Faults): string | undefined {
  const data = readData(member, faults)
  const json = member('dataText')
  if (json === undefined) return data
  const text: unknown = json.startsWith('"') ? JSON.parse(json) : undefined
  if (typeof text === 'string' && withoutLineBreaks(text) === data) return text
  faults.dataText = 'must be the text of data'
  return data
}

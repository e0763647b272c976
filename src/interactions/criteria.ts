// Reads the parameters of the search (contract §6) into what the repository searches by.
import type { Faults } from '../http/problem.ts'
import { compareInstants, firstMillisecond, parseInstant, toTimestamp } from '../types/instant.ts'
import type { ParameterValues } from './page.ts'
import type { Criteria } from './sql/filters.ts'

/** Reads the criteria; what is wrong with them goes into `faults`, and the criteria are then of no use. */
export function readCriteria(values: ParameterValues, faults: Faults): Criteria {
  const recording = readList('recording', values, faults) ?? []
  if (recording.some((word) => !/^(no_)?(media|cobrowse)$/.test(word)))
    faults.recording = 'must be any of media, no_media, cobrowse, no_cobrowse, separated by commas'
  const recorded = (what: string) =>
    recording.filter((word) => word.endsWith(what)).map((word) => !word.startsWith('no_'))
  const { createdFrom, createdTo } = readRange(values, faults)
  return {
    createdFrom,
    createdTo,
    organizationId: readText('organizationId', values, faults),
    types: readList('type', values, faults),
    createdBy: readText('userId', values, faults),
    mediaRecorded: recorded('media'),
    cobrowseRecorded: recorded('cobrowse'),
    customerId: readText('customerId', values, faults),
    conferenceId: readText('conferenceId', values, faults),
    tags: readList('tags', values, faults),
    onHoldDurationAbove: readNumber('onHoldDurationGt', values, faults),
    onHoldDurationBelow: readNumber('onHoldDurationLt', values, faults),
  }
}

function readRange(values: ParameterValues, faults: Faults) {
  const start = readInstant('start', values, faults)
  const end = readInstant('end', values, faults)
  if (start === undefined || end === undefined) return { createdFrom: '', createdTo: '' }
  if (compareInstants(end, start) < 0) faults.end = 'must not be before start'
  return { createdFrom: toTimestamp(firstMillisecond(start)), createdTo: toTimestamp(end.milliseconds) }
}

function readInstant(name: string, values: ParameterValues, faults: Faults) {
  const text = values(name)[0] ?? ''
  const instant = parseInstant(text)
  if (instant === undefined)
    faults[name] =
      `${text === '' ? 'is required: ' : 'must be '}an ISO 8601 date-time with a zone, such as 2025-01-20T22:00:00.928Z`
  return instant
}

/** An empty parameter does not narrow; a repeated one counts as joined by commas, as in Spring. */
function readText(name: string, values: ParameterValues, faults: Faults): string | undefined {
  const given = values(name)
  if (given.length === 0) return undefined
  const text = given.join(',')
  if (text.includes('\u0000')) faults[name] = 'must not hold NUL'
  return text === '' ? undefined : text
}

function readList(name: string, values: ParameterValues, faults: Faults): readonly string[] | undefined {
  const text = readText(name, values, faults)
  if (text === undefined) return undefined
  const words = text.split(',').map((word) => word.trim())
  const given = [...new Set(words.filter((word) => word !== ''))]
  return given.length > 0 ? given : undefined
}

function readNumber(name: string, values: ParameterValues, faults: Faults): string | undefined {
  const text = readText(name, values, faults)
  if (text !== undefined && (text.length > 64 || !/^[+-]?\d+(\.\d+)?(e[+-]?\d{1,4})?$/i.test(text)))
    faults[name] = 'must be a number of milliseconds'
  return text
}

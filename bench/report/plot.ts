// The figures as SVG: a bar chart of ratios to the baseline, and a line chart of latency by database size.
import type { Result } from './table.ts'

const [width, rowHeight, left, right] = [760, 30, 210, 70]

/** Draws a bar for each operation of the service: its throughput as a multiple of the baseline's. */
export function plot(results: readonly Result[]): string {
  const bars = results.flatMap((one) =>
    one.target === 'interaction-api' && one.ratio !== undefined && Number.isFinite(one.ratio)
      ? [{ ...one, ratio: one.ratio }]
      : [],
  )
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(1, ...bars.map(({ ratio }) => ratio)))))
  const x = (ratio: number) => left + ((width - left - right) * Math.log10(Math.max(ratio, 1))) / decades
  const height = rowHeight * (bars.length + 1) + 20
  const grid = Array.from({ length: decades + 1 }, (_, power) => {
    const at = x(10 ** power)
    return `<line x1="${at}" x2="${at}" y1="20" y2="${height - 20}" stroke="#ccc"/><text x="${at}" y="14" text-anchor="middle">${10 ** power} ×</text>`
  })
  const rows = bars.map(({ operation, ratio }, index) => {
    const y = 26 + index * rowHeight
    return (
      `<text x="${left - 8}" y="${y + 15}" text-anchor="end">${operation}</text>` +
      `<rect x="${left}" y="${y}" width="${x(ratio) - left}" height="${rowHeight - 8}" fill="#2a6f97"/>` +
      `<text x="${x(ratio) + 6}" y="${y + 15}">${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} ×</text>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12"><title>Requests per second, as a multiple of the baseline</title><rect width="100%" height="100%" fill="#fff"/>${grid.join('')}${rows.join('')}<text x="${left}" y="${height - 4}">requests per second, as a multiple of the baseline (logarithmic)</text></svg>\n`
}

/** The median latency of one client's requests, in milliseconds, on a database of that many interactions. */
export interface Point {
  readonly interactions: number
  readonly target: string
  readonly operation: string
  readonly p50: number
}

/** Draws a line for each target and operation; both axes are logarithmic. */
export function plotScale(points: readonly Point[]): string {
  const [plotWidth, height, margin] = [480, 300, 50]
  const sizes = [...new Set(points.map(({ interactions }) => interactions))].sort((a, b) => a - b)
  const [smallest = 1, largest = 1] = [sizes.at(0), sizes.at(-1)]
  const decades = [0.1, 1, 10, 100, 1000, 10_000]
  const x = (interactions: number) =>
    margin + (plotWidth * Math.log(interactions / smallest)) / Math.max(Math.log(largest / smallest), 1)
  const y = (milliseconds: number) =>
    height - margin - ((height - 2 * margin) * (Math.log10(milliseconds) + 1)) / (decades.length - 1)
  const lines = [...new Set(points.map(({ target, operation }) => `${target}: ${operation}`))].map((name) => {
    const own = points.filter(({ target, operation }) => `${target}: ${operation}` === name)
    const color = name.startsWith('baseline') ? '#b23a48' : '#2a6f97'
    const dashes = name.includes('deep') ? ' stroke-dasharray="6 3"' : ''
    const path = own.map(({ interactions, p50 }) => `${x(interactions)},${y(p50)}`).join(' ')
    const end = own.at(-1)
    return (
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"${dashes}/>` +
      `<text x="${plotWidth + margin + 8}" y="${y(end?.p50 ?? 1) + (name.includes('deep') ? -4 : 10)}">${name}, ${end?.p50} ms</text>`
    )
  })
  const grid = [
    ...decades.map(
      (at) =>
        `<line x1="${margin}" x2="${margin + plotWidth}" y1="${y(at)}" y2="${y(at)}" stroke="#ccc"/><text x="${margin - 6}" y="${y(at) + 4}" text-anchor="end">${at} ms</text>`,
    ),
    ...sizes.map(
      (size) =>
        `<text x="${x(size)}" y="${height - margin + 18}" text-anchor="middle">${size.toLocaleString('en')}</text>`,
    ),
  ]
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width + 60}" height="${height}" font-family="sans-serif" font-size="12"><title>Latency of a page of a year, by the number of interactions</title><rect width="100%" height="100%" fill="#fff"/>${grid.join('')}${lines.join('')}<text x="${margin}" y="${height - 8}">interactions in the database; median latency with one client, both axes logarithmic</text></svg>\n`
}

// The ratios to the baseline as a bar chart, on a logarithmic scale, in SVG.
import type { Result } from './report.ts'

const [width, rowHeight, left, right] = [760, 30, 210, 70]

/** One bar for each operation of this service: how many times the baseline's throughput it has. */
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
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="12"><title>Requests a second, times those of the baseline</title><rect width="100%" height="100%" fill="#fff"/>${grid.join('')}${rows.join('')}<text x="${left}" y="${height - 4}">requests a second, times those of the baseline</text></svg>\n`
}

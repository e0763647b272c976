// Checks the metrics, the dashboard and the documented alerts with a real Prometheus.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import {
  askForToken,
  createInteraction,
  demoClients,
  serve,
  temporaryFolder,
} from '../process/support/caller.ts'
import { panels } from '../support/dashboard.ts'
import { freePort } from '../support/listening.ts'

const docs = path.join(import.meta.dirname, '..', '..', 'docs')
const configuration = path.join(docs, 'observe', 'prometheus.yml')

test('promtool accepts the configuration and the metrics', async () => {
  const { service } = await startAndUseService()
  const metrics = await (await fetch(`${service.baseUrl}/metrics`)).text()
  expect(execFileSync('promtool', ['check', 'metrics'], { input: metrics, encoding: 'utf8' })).toBe('')
  expect(execFileSync('promtool', ['check', 'config', configuration], { encoding: 'utf8' })).toContain(
    'SUCCESS',
  )
})

test('each panel of the dashboard shows data, and each documented alert can be evaluated', async () => {
  const { service, use } = await startAndUseService()
  const countSeries = await startPrometheus(new URL(service.baseUrl).host)
  for (const { title, targets } of panels)
    for (const { expr } of targets) {
      // Grafana uses four times the scrape interval.
      const expression = expr.replaceAll('$__rate_interval', '20s')
      const isShown = async () => {
        await use()
        return (await countSeries(expression)) > 0
      }
      expect(await vi.waitUntil(isShown, { timeout: 120_000, interval: 200 }), title).toBe(true)
    }
  const page = readFileSync(path.join(docs, 'operators.md'), 'utf8')
  const alerts = [...page.matchAll(/^\| `([^`]+ [=><]+ [\d.]+)`.*\|$/gm)]
  expect(alerts.length).toBeGreaterThan(4)
  // no alert fires
  for (const [, alert = ''] of alerts) expect(await countSeries(alert), alert).toBe(0)
  const opposite = (alert: string) => alert.replace('==', '!=').replace(' > ', ' <= ')
  for (const [, alert = ''] of alerts.filter(([line]) => !line.includes('status=')))
    expect(await countSeries(opposite(alert)), alert).toBeGreaterThan(0)
})

/** Starts a service and makes calls of several kinds. */
async function startAndUseService() {
  const folder = await temporaryFolder()
  const service = await serve({ DATA_DIR: folder })
  const { token } = await askForToken(service, (await demoClients(folder)).agent)
  const use = async () => {
    await createInteraction(service, token)
    await fetch(`${service.baseUrl}/rtc-api/interactions/nothing`)
  }
  await use()
  return { service, use }
}

/**
 * Starts a Prometheus that scrapes the service.
 * @returns a function that returns the current number of series of an expression
 */
async function startPrometheus(host: string): Promise<(expression: string) => Promise<number>> {
  const folder = await temporaryFolder()
  const file = path.join(folder, 'prometheus.yml')
  await writeFile(file, readFileSync(configuration, 'utf8').replace('api:8080', host))
  const address = `127.0.0.1:${await freePort()}`
  const storage = `--storage.tsdb.path=${path.join(folder, 'data')}`
  const options = [`--config.file=${file}`, storage, `--web.listen-address=${address}`]
  const prometheus = spawn('prometheus', options, { stdio: 'ignore' })
  onTestFinished(async () => {
    prometheus.kill()
    await once(prometheus, 'exit')
  })
  const isReady = async () => (await fetch(`http://${address}/-/ready`).catch(() => undefined))?.ok === true
  await vi.waitUntil(isReady, { timeout: 120_000, interval: 100 })
  return async (expression) => {
    const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(expression)}`)
    expect(response.status, expression).toBe(200)
    return ((await response.json()) as { data: { result: unknown[] } }).data.result.length
  }
}

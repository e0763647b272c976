// The Grafana dashboard in docs/observe.
import { readFileSync } from 'node:fs'
import path from 'node:path'

const file = path.join(import.meta.dirname, '..', '..', 'docs', 'observe', 'dashboard.json')

/** The panels of the dashboard, with their Prometheus queries. */
export const { panels } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

// The dashboard that docs/observe has for Grafana.
import { readFileSync } from 'node:fs'
import path from 'node:path'

const file = path.join(import.meta.dirname, '..', '..', 'docs', 'observe', 'dashboard.json')

/** Its panels, each with what it asks Prometheus for. */
export const { panels } = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly panels: readonly {
    readonly title: string
    readonly targets: readonly { readonly expr: string }[]
  }[]
}

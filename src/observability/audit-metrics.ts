// Metrics of the audit log.
import { Counter, type Registry } from 'prom-client'
import type { AuditLog } from './audit/log.ts'

export function registerAuditMetrics(registry: Registry, audit: AuditLog): void {
  new Counter({
    name: 'audit_lines_lost_total',
    help: 'Lines of the audit log that could not be written',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(audit.lost())
    },
  })
}

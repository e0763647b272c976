// Audit logs without a file.
import { type AuditLevel, auditLog } from '../../src/observability/audit/log.ts'

/** Returns an audit log that appends its lines to an array. */
export function auditTo(lines: string[], level: AuditLevel) {
  return auditLog(level, {
    write: (line) => void lines.push(line),
    lost: () => 0,
    async reopen() {},
    async close() {},
  })
}

export const noAudit = auditTo([], 'off')

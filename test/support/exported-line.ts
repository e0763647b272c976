// A line of an export.

/** Returns a line without its end. @param more members in place of, or beside, those of a small interaction */
export function exportedLine(id: string, more: object = {}): string {
  const interaction = { organizationId: 'acme', createdBy: 'a', createdAt: '2024-05-01T00:00:00.000Z' }
  return JSON.stringify({ id, ...interaction, data: {}, version: 0, ...more })
}

import { expect, test } from 'vitest'
import { wantsComments, wantsTraces } from '../../src/observability/tracing.ts'

test.each([
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' }, true],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://collector:4318/v1/traces' }, true],
  [{ OTEL_TRACES_EXPORTER: 'console' }, true],
  [{}, false],
  [{ OTEL_SERVICE_NAME: 'alone' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_TRACES_EXPORTER: 'none' }, false],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318', OTEL_SDK_DISABLED: 'True' }, false],
])('tracing is configured by %j: %s', (environment, wanted) => {
  expect(wantsTraces(environment)).toBe(wanted)
})

test.each([
  [{ SQL_COMMENTER: 'true' }, true],
  [{ SQL_COMMENTER: 'true', OTEL_TRACES_EXPORTER: 'none' }, true],
  [{ SQL_COMMENTER: 'true', OTEL_SDK_DISABLED: 'true' }, false],
  [{ SQL_COMMENTER: 'false', OTEL_TRACES_EXPORTER: 'console' }, false],
  [{}, false],
])('comments on statements are configured by %j: %s', (environment, wanted) => {
  expect(wantsComments(environment)).toBe(wanted)
})

// What tools/record_datadog.py lets Datadog's tracer for Node.js send to the address it is given: a
// trace of two spans.
'use strict'

const tracer = require('dd-trace').init({
  url: process.argv[2],
  service: 'shop',
  env: 'prod',
  version: '1.2',
  flushInterval: 50,
  startupLogs: false,
})
const START = 1789899072123.5

const root = tracer.startSpan('web.request', {
  startTime: START,
  tags: { 'resource.name': 'GET /cart', 'span.type': 'web', 'span.kind': 'server', 'http.method': 'GET', items: 3.5 },
})
const child = tracer.startSpan('sql.query', {
  childOf: root,
  startTime: START + 1,
  tags: { 'service.name': 'db', 'resource.name': 'SELECT 1', 'error.type': 'RangeError', 'error.message': 'bad value' },
})
child.setTag('error', true)
child.finish(START + 250)
root.finish(START + 500)
setTimeout(() => process.exit(0), 1500)

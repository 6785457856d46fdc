// Sends numbered documents with @elastic/elasticsearch's bulk helper, and says how many arrived.
//
//     node elastic.js URL COUNT FIRST_UNIX_MILLIS
'use strict'
const { Client } = require('@elastic/elasticsearch')

const [url, count, first] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const levels = ['debug', 'info', 'warn', 'error']
const documents = Array.from({ length: count }, (_, number) => ({
  '@timestamp': new Date(first + number).toISOString(),
  message: `order ${number} was placed by käufer ${number * 7}`,
  'log.level': levels[number % 4],
  service: { name: `shop-${number % 5}` },
  order: { number }
}))

async function main () {
  const client = new Client({ node: url, compression: true })
  await client.info()
  const result = await client.helpers.bulk({
    datasource: documents,
    flushBytes: 200000,
    onDocument: (document) => ({ create: { _index: `logs-shop-${document.order.number % 3}` } })
  })
  console.log(`${result.successful} ${result.failed}`)
  await client.close()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})

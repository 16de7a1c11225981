import { createHash } from 'node:crypto'

/** A program that a server carries out as one command. */
export interface Script {
  readonly text: string
  /** By which a server knows it that has seen it before. */
  readonly sha: string
}

/** What is no string is nothing here, and gives way. Of the tail of an envelope, as the last 35 bytes have it: 1-4 checksum, 5-12 epoch, 13-20 token, 21-34 its end, 35 marks. */
const TAIL = `
local k = KEYS[1]
local none = string.rep('\\0', 8)
local text = redis.call('TYPE', k).ok == 'string'
local head = text and redis.call('GETRANGE', k, 0, 3) or ''
local size = text and redis.call('STRLEN', k) or 0
local tail = text and redis.call('GETRANGE', k, -35, -1) or ''
local version = string.sub(head, 1, 2) == '\\183\\72' and string.byte(head, 3)
local ours = version == 1 and size >= 35
local alone = ours and size == 35 and string.byte(head, 4) == 2
local whole = ours and string.byte(head, 4) == 0
local token = ours and string.sub(tail, 13, 20)
`

/** Has the server tell this connection again what others change: its own writes it forgets. */
const TRACK = `redis.call('GETRANGE', k, 0, 0)`

/**
 * ARGV: token, lease in ms, what may be replaced (`nothing`, `anything`, `id`, `bytes`), of that the id or the SHA-1, epoch (zeros when not
 * known), what is thought of other epochs (`strict`, `serve-stale`, `ignore`). Answers 1 granted; 2 and for how long: held; 3, bytes and life: found.
 */
export const TAKE: Script = script(`${TAIL}
local mine, ms, over, what, epoch, policy = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local ends = string.format('%014.0f', now + ms)
local function found() return {3, redis.call('GET', k), redis.call('PTTL', k)} end
local function begin()
  redis.call('SET', k, '\\183\\72\\1\\2' .. epoch .. mine .. ends .. '\\0', 'PX', ms)
  ${TRACK}
  return {1}
end
local function same() return over == 'bytes' and redis.sha1hex(redis.call('GET', k)) == what end
if size == 0 then return begin() end
if version and (version > 1 or (ours and not alone and not whole)) then return found() end
if not ours then
  if over == 'anything' or same() then return begin() end
  return found()
end
if token == mine then return {1} end
local other = policy ~= 'ignore' and epoch ~= none and string.sub(tail, 5, 12) ~= epoch
if other and (alone or policy == 'strict') then return begin() end
if alone then
  if over == 'anything' then return begin() end
  return {2, redis.call('PTTL', k)}
end
if over ~= 'anything' then
  if not (over == 'id' and string.sub(tail, 1, 4) == what) and not same() then return found() end
  local left = token ~= none and (tonumber(string.sub(tail, 21, 34)) or 0) - now or 0
  if left > 0 then return {2, left} end
  if over == 'bytes' then return begin() end
end
redis.call('SETRANGE', k, size - 23, mine .. ends)
${TRACK}
return {1}
`)

/** ARGV: token, bytes, life in ms (nothing for no end). Answers 1 when it was stored, by this or when it was sent before; else 0. */
export const FILL: Script = script(`${TAIL}
if token ~= ARGV[1] then
  if #tail == 35 and tail == string.sub(ARGV[2], -35) then return 1 end
  return 0
end
if ARGV[3] == '' then redis.call('SET', k, ARGV[2]) else redis.call('SET', k, ARGV[2], 'PX', ARGV[3]) end
${TRACK}
return 1
`)

/** ARGV: token, lease in ms. Answers 1 when it had not ended, else 0. */
export const RENEW: Script = script(`${TAIL}
if token ~= ARGV[1] then return 0 end
if alone then redis.call('PEXPIRE', k, ARGV[2]) else
  local t = redis.call('TIME')
  local ends = string.format('%014.0f', t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2])
  redis.call('SETRANGE', k, size - 15, ends)
end
${TRACK}
return 1
`)

/** ARGV: token. Answers 1 when it had not ended, else 0. */
export const RELEASE: Script = script(`${TAIL}
if token ~= ARGV[1] then return 0 end
if alone then return redis.call('UNLINK', k) end
redis.call('SETRANGE', k, size - 23, none)
${TRACK}
return 1
`)

/** Answers 1 when there is a value, which is marked; else 0, and then nothing is there, as what cannot be marked is removed. */
export const EXPIRE: Script = script(`${TAIL}
if not whole then
  redis.call('UNLINK', k)
  return 0
end
local marks = string.byte(tail, 35)
if marks % 2 == 0 then marks = marks + 1 end
redis.call('SETRANGE', k, size - 23, none .. string.sub(tail, 21, 34) .. string.char(marks))
${TRACK}
return 1
`)

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') }
}

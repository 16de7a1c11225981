import { createKeyv as createRedisKeyv } from '@keyv/redis'
import { Keyv } from 'keyv'
import type { Contender, Place, Row, Subject } from '../contender.ts'

function subject(keyv: Keyv, { ttlMs }: Place): Subject {
  return {
    get: (key) => keyv.get<Row>(key),
    getMany: (keys) => keyv.get<Row>([...keys]),
    set: (key, value) => keyv.set(key, value, ttlMs),
    close: () => keyv.disconnect(),
  }
}

/** Its documented way to keep values by reference. */
function byReference(): Keyv {
  const keyv = new Keyv()
  keyv.serialize = undefined
  keyv.deserialize = undefined
  return keyv
}

const packages = ['keyv', '@keyv/redis']
export const contenders: readonly Contender[] = [
  {
    name: 'keyv',
    packages,
    about: 'defaults: JSON in a Map without a bound',
    settings: {
      memory: (place) => subject(new Keyv(), place),
      redis: (place) => subject(createRedisKeyv(place.redisUrl), place),
    },
  },
  {
    name: 'keyv, no serialize',
    packages,
    about: 'without serializer: values by reference in a Map without a bound',
    settings: {
      memory: (place) => subject(byReference(), place),
    },
  },
]

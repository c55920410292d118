export { redisStore } from './store/redis/store.js';
export type { RedisLocation, RedisStoreOptions } from './store/redis/options.js';
export type { IoRedisClient, NodeRedisClient, RedisClient } from './store/redis/client.js';

/** Types for the part of the package that is used here. The package has none. */
declare module 'cache-manager-memcached-store' {
  export interface MemcachedStoreClient<Driver> {
    readonly memcached: Driver;
    get(key: string, options?: object): Promise<unknown>;
    set(key: string, value: unknown, ttlSeconds: number): Promise<true>;
    del(key: string): Promise<null>;
  }

  const store: {
    create<Options, Driver>(settings: {
      driver: new (options: Options) => Driver;
      options: Options;
    }): MemcachedStoreClient<Driver>;
  };
  export default store;
}

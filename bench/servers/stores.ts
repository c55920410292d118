/** What a contender can keep its sessions in. */
export interface Stores {
  readonly memcached: string;
  readonly postgres: string;
  readonly redis: string;
}

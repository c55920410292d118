import { CookieJar } from './cookie-jar.js';
import { visitor, type HttpResponse } from './http-client.js';

/** A visitor with a browser's rules for cookies, to whom servers of this machine are hosts of the web. */
export class Browser {
  readonly jar = new CookieJar();
  private readonly servers: ReadonlyMap<string, string>;

  /** `servers`: the address of each host, such as `{ 'app.example.org': 'http://127.0.0.1:1234' }`. */
  constructor(servers: Record<string, string>) {
    this.servers = new Map(Object.entries(servers));
  }

  /** `location`: an URL. For `https`, it sends the headers of a proxy that terminates TLS. */
  async get(location: string): Promise<HttpResponse> {
    const url = new URL(location);
    const cookie = this.jar.headerFor(url);
    const response = await visitor(this.servers.get(url.hostname)!).get(url.pathname + url.search, {
      headers: {
        ...{ host: url.host, 'x-forwarded-proto': url.protocol.slice(0, -1) },
        ...(cookie && { cookie }),
      },
    });
    for (const line of response.setCookies) this.jar.set(line, url);
    return response;
  }
}

// A network that can be broken: a TCP proxy in front of a server. It cuts and refuses connections, delays what passes, hangs,
// or lets requests through and loses their replies.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** What the proxy does to connections and bytes; `pass` is a sound network. */
export type Weather = "pass" | "refuse" | "hang" | "delay" | "lose replies";

export interface Proxy {
  readonly port: number;
  /** From now on. Leaving a weather that swallowed bytes cuts the connections that lack them. */
  set(weather: Weather): void;
  /** Ends all connections; new ones may be made. */
  cut(): void;
  close(): Promise<void>;
}

interface Link {
  readonly ends: readonly [Socket, Socket];
  hasLost: boolean;
}

/** How late bytes are in a delay, in milliseconds. */
const lateness = 300;

export async function proxyTo(target: { readonly port: number; readonly host: string }): Promise<Proxy> {
  let weather: Weather = "pass";
  const links = new Set<Link>();
  const drop = (link: Link): void => link.ends.forEach((end) => end.destroy());

  const pass = (link: Link, bytes: Buffer, to: Socket, isReply: boolean): void => {
    if (weather === "hang" || (weather === "lose replies" && isReply)) link.hasLost = true;
    // Order is kept: bytes that came later are not sent before those that are still late.
    else if (weather === "delay") setTimeout(() => to.writable && to.write(bytes), lateness);
    else if (to.writable) to.write(bytes);
  };

  const server = createServer((client) => {
    if (weather === "refuse") return client.destroy();
    const link: Link = { ends: [client, connect(target.port, target.host)], hasLost: false };
    const [, upstream] = link.ends;
    links.add(link);
    client.on("data", (bytes) => pass(link, bytes, upstream, false));
    upstream.on("data", (bytes) => pass(link, bytes, client, true));
    for (const end of link.ends) {
      end.on("error", () => drop(link));
      end.on("close", () => {
        links.delete(link);
        drop(link);
      });
    }
    return undefined;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      const left = weather;
      weather = next;
      if (next === "refuse" || left === "delay") links.forEach(drop);
      for (const link of links) if (link.hasLost && next === "pass") drop(link);
    },
    cut: () => links.forEach(drop),
    async close() {
      links.forEach(drop);
      server.close();
      await once(server, "close");
    },
  };
}

/** The URL of the same database through the proxy. */
export function throughProxy(url: string, { port }: Proxy): string {
  const through = new URL(url);
  through.host = `127.0.0.1:${port}`;
  return through.href;
}

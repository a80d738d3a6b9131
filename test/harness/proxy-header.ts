/** Headers of the PROXY protocol, version 2: https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt section 2.2. */

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION = 0x20;
export const COMMAND = { local: 0, proxy: 1 } as const;
const TCP_OVER_IPV4 = 0x11;
const ADDRESS_BYTES = 12;
const PORT = 4660;

/** Says that the connection is `source`'s. IPv4 only. */
export function proxyHeader(source: string, command: number = COMMAND.proxy): Buffer {
  const head = Buffer.from([VERSION | command, TCP_OVER_IPV4, 0, ADDRESS_BYTES]);
  const addresses = Buffer.from([...source.split('.').map(Number), 127, 0, 0, 1]);
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(PORT, 0);
  ports.writeUInt16BE(80, 2);
  return Buffer.concat([SIGNATURE, head, addresses, ports]);
}

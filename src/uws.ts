/**
 * The one door to uWebSockets.js: what both threads use of it, with types for what its own declarations leave out.
 * Nothing else imports the package, so swapping in another build touches this file only.
 */
import * as uWS from 'uWebSockets.js';
import type { CertificateFiles, TlsFiles } from './tls-files.ts';

/** Address of a loop's app, as a number. Valid in any thread while that app is open; using it later is a use after free. */
export type LoopDescriptor = number;

interface HandOver {
  getDescriptor(): LoopDescriptor;
  addChildAppDescriptor(descriptor: LoopDescriptor): void;
  removeChildAppDescriptor(descriptor: LoopDescriptor): void;
}

interface ListenWithOptions {
  listen(host: string, port: number, options: number, cb: (token: ListenToken | false) => void): unknown;
}

/** Values that the package exports without declaring them. */
interface Undeclared {
  readonly LIBUS_LISTEN_EXCLUSIVE_PORT: number;
  readonly SHARED_COMPRESSOR: number;
  readonly SHARED_DECOMPRESSOR: number;
  _cfg(setting: 'silent'): void;
}

export type App = uWS.TemplatedApp & HandOver & ListenWithOptions;
export type ListenToken = uWS.us_listen_socket;
export type RawWebSocket<UserData> = uWS.WebSocket<UserData>;
export type { HttpRequest, HttpResponse, RecognizedString, us_socket_context_t } from 'uWebSockets.js';

const native = uWS as unknown as Undeclared;
// Responses carry no banner that names the server and its version.
native._cfg('silent');

/** Zero memory per connection: both windows belong to the loop. */
export const SHARED_COMPRESSION = native.SHARED_COMPRESSOR | native.SHARED_DECOMPRESSOR;
/** Several apps may listen on the port (SO_REUSEPORT). */
const SHARED_PORT = 0;

/** TLS 1.2 and 1.3; files are read now and not again. Throws an `Error` that does not say why when it cannot use them. */
export function createApp(tls: TlsFiles | null = null): App {
  if (tls === null) return uWS.App() as App;
  const app = uWS.SSLApp(fileOptions(tls)) as App;
  for (const [name, files] of tls.byName) app.addServerName(name, fileOptions(files));
  return app;
}

/** Accepts for apps with TLS. Without a certificate it cannot serve a connection itself: the client's handshake fails. */
export function createTlsAcceptor(): App {
  return uWS.SSLApp({}) as App;
}

const fileOptions = ({ cert, key }: CertificateFiles): uWS.AppOptions => ({
  cert_file_name: cert,
  key_file_name: key,
});

/** Runs `addRoutes` for each set of routes that the app has: one for each server name, and one for all others. */
export function addRoutesForEachName(app: App, tls: TlsFiles | null, addRoutes: () => void): void {
  addRoutes();
  for (const name of tls?.byName.keys() ?? []) {
    app.domain(name);
    addRoutes();
  }
}

/**
 * Listens and returns the token and the actual port, or null when the address cannot be had.
 * With `exclusive` a second server on the same port is refused; without it, the port is shared.
 */
export function listen(
  app: App,
  host: string,
  port: number,
  exclusive: boolean,
): { token: ListenToken; port: number } | null {
  let token: ListenToken | false = false;
  const options = exclusive ? native.LIBUS_LISTEN_EXCLUSIVE_PORT : SHARED_PORT;
  const keep = (result: ListenToken | false): void => {
    token = result;
  };
  // An empty host must be left out: given as '', it shifts the arguments after it.
  if (host === '') app.listen(port, options, keep);
  else app.listen(host, port, options, keep);
  return token ? { token, port: uWS.us_socket_local_port(token) } : null;
}

export const closeListenToken = uWS.us_listen_socket_close;

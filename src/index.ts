/** Polyloop: a WebSocket server that runs on every core and behaves like one event loop. */
export {
  type AppModule,
  type AppSetup,
  defineApp,
  type FetchHandler,
  type HeadersInit,
  type LoopContext,
  type PathParams,
  type UpgradeDecision,
  type UpgradeRejection,
  type UpgradeRequest,
  type Upgrader,
} from './app.ts';
export type { ServerOptions } from './config.ts';
export {
  AppLoadError,
  ConfigError,
  type ErrorCode,
  FileError,
  ListenError,
  LoopError,
  PolyloopError,
  RouteError,
  UpgradeContractError,
} from './errors.ts';
export { Server } from './primary/primary.ts';
export type { LoopSnapshot, LoopState } from './shared/control-block.ts';
export type { CounterName } from './shared/layout.ts';
export type {
  CallbackResult,
  CloseEvent,
  MessageData,
  SendOptions,
  SendOutcome,
  WebSocket,
} from './websocket.ts';

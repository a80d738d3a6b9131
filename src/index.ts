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
export type { BackoffOptions } from './client/backoff.ts';
export { type ConnectOptions, connect } from './client/connect.ts';
export {
  type ConnectForeverOptions,
  connectForever,
  type LastingWebSocket,
} from './client/connect-forever.ts';
export type { ServerOptions } from './config.ts';
export {
  AppLoadError,
  ConfigError,
  ConnectError,
  type ConnectErrorCode,
  type ErrorCode,
  FileError,
  ListenError,
  LoopError,
  MutexTimeoutError,
  OffloadQueueFullError,
  OffloadTimeoutError,
  OffloadWorkerError,
  PolyloopError,
  RouteError,
  SharedMemoryFullError,
  SharedTypeError,
  UpgradeContractError,
  UpgradeRejectedError,
} from './errors.ts';
export {
  type Closable,
  defineTasks,
  type OffloadArguments,
  type OffloadOptions,
  type Task,
  type Tasks,
} from './offload/tasks.ts';
export { transferring } from './offload/transferring.ts';
export type { LoopStatus, ServerEvent, ServerStatus } from './primary/admin/status.ts';
export type { OffloadSnapshot, TimeSummary } from './primary/offload-stats.ts';
export type { BackplaneStatus } from './primary/open-bridge.ts';
export { Server } from './primary/primary.ts';
export type { RestartCause, ServerState } from './server-state.ts';
export type { ChannelPosition } from './shared/channel-log.ts';
export type { LoopSnapshot } from './shared/control-block.ts';
export type { DurationSnapshot } from './shared/duration.ts';
export type { HistoryMessage, HistoryResult } from './shared/history.ts';
export type { CounterName, DurationName } from './shared/layout.ts';
export type { Activity, LoopState } from './shared/loop-slot.ts';
export type { PublishRefusal, PublishResult } from './shared/publisher.ts';
export type {
  ExclusiveOptions,
  RateLimit,
  SetOptions,
  Shared,
  SharedCounter,
  SharedMap,
  SharedMutex,
  SharedRateLimiter,
  Synchronous,
  TakeResult,
  UpdateOptions,
} from './shared/shared.ts';
export type {
  CallbackResult,
  CloseEvent,
  HistoryOptions,
  MessageData,
  MissedMessages,
  SendOptions,
  SendOutcome,
  ServerWebSocket,
  SubscribeOptions,
  SubscribePosition,
  SubscribeRefusal,
  SubscribeResult,
  WebSocket,
} from './websocket.ts';

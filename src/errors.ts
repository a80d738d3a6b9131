/** Stable codes of every error this package throws; each has a paragraph in `docs/errors.md`. */
export const ERROR_CODES = [
  'CONFIG_INVALID',
  'FILE_UNREADABLE',
  'APP_LOAD_FAILED',
  'LISTEN_FAILED',
  'LOOP_FAILED',
  'ROUTE_INVALID',
  'UPGRADE_CONTRACT',
  'SHARED_TYPE',
  'SHARED_MEMORY_FULL',
  'MUTEX_TIMEOUT',
  'OFFLOAD_QUEUE_FULL',
  'OFFLOAD_TIMEOUT',
  'OFFLOAD_WORKER_FAILED',
  'CONNECT_INVALID',
  'CONNECT_DNS',
  'CONNECT_REFUSED',
  'CONNECT_TLS',
  'CONNECT_TIMEOUT',
  'CONNECT_PROTOCOL',
  'CONNECT_FAILED',
  'UPGRADE_REJECTED',
] as const;

/**
 * Every value of `code`; each is explained in `docs/errors.md`.
 * @useDeclaredType
 */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** Base of every error this package throws: a stable `code`, the offending value in the message, `cause` where there is one. */
export class PolyloopError extends Error {
  /** Which error it is; codes do not change between releases. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** An option that does not exist or has a value that is not accepted. The message names it and what it accepts. */
export class ConfigError extends PolyloopError {
  constructor(message: string, options?: ErrorOptions) {
    super('CONFIG_INVALID', message, options);
  }
}

/** A file that an option names cannot be read, or one that a command writes cannot be written. */
export class FileError extends PolyloopError {
  constructor(message: string, options?: ErrorOptions) {
    super('FILE_UNREADABLE', message, options);
  }
}

/** The app module could not be loaded on a loop. `cause` carries the loop's own error and stack. */
export class AppLoadError extends PolyloopError {
  /** Path of the app module that failed. */
  readonly file: string;

  constructor(file: string, options: ErrorOptions & { detail: string }) {
    super('APP_LOAD_FAILED', `cannot load app module ${file}: ${options.detail}`, options);
    this.file = file;
  }
}

/** The server could not listen: port in use, no permission, host unknown or not of this machine. */
export class ListenError extends PolyloopError {
  constructor(message: string, options?: ErrorOptions) {
    super('LISTEN_FAILED', message, options);
  }
}

/** A loop's thread ended when it should not have. */
export class LoopError extends PolyloopError {
  constructor(message: string, options?: ErrorOptions) {
    super('LOOP_FAILED', message, options);
  }
}

/** `loop.webSocket` was given a path that is not a valid pattern, or one that is taken. */
export class RouteError extends PolyloopError {
  constructor(message: string) {
    super('ROUTE_INVALID', message);
  }
}

/** `shouldUpgrade` returned something its contract does not allow, e.g. a subprotocol that was not offered. */
export class UpgradeContractError extends PolyloopError {
  constructor(message: string) {
    super('UPGRADE_CONTRACT', message);
  }
}

/** A name of `loop.shared` was asked for as another kind than it has, or with other settings. */
export class SharedTypeError extends PolyloopError {
  constructor(message: string) {
    super('SHARED_TYPE', message);
  }
}

/** There is no room left for what `loop.shared` keeps; `stateBytes` is the option that says how much there is. */
export class SharedMemoryFullError extends PolyloopError {
  constructor(message: string) {
    super('SHARED_MEMORY_FULL', message);
  }
}

/** A mutex could not be taken in time, or is held already by the loop that asks for it. */
export class MutexTimeoutError extends PolyloopError {
  constructor(message: string) {
    super('MUTEX_TIMEOUT', message);
  }
}

/**
 * Every value of `code` of a `ConnectError`.
 * @useDeclaredType
 */
export type ConnectErrorCode = Extract<ErrorCode, `CONNECT_${string}`>;

/** A client could not connect. `code` says what failed: the arguments, the name, TCP, TLS, the time, or the handshake itself. */
export class ConnectError extends PolyloopError {
  constructor(code: ConnectErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** What of an HTTP answer says why it refused. */
interface Refusal {
  readonly statusCode?: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The server answered a handshake with something other than 101. */
export class UpgradeRejectedError extends PolyloopError {
  /** HTTP status of the answer. */
  readonly status: number;
  /** Headers of the answer. */
  readonly headers: Headers;
  /** Body of the answer as text, its first 8 KiB. */
  readonly body: string;

  constructor(url: string, { statusCode = 0, headers }: Refusal, body: string) {
    super('UPGRADE_REJECTED', `${url} answered ${statusCode} to the handshake`);
    this.status = statusCode;
    this.headers = new Headers();
    for (const [name, value] of Object.entries(headers))
      for (const one of [value ?? []].flat()) this.headers.append(name, one);
    this.body = body;
  }
}

/** `loop.offload` was refused: as many tasks as `offloadQueue` allows wait already. */
export class OffloadQueueFullError extends PolyloopError {
  constructor(message: string) {
    super('OFFLOAD_QUEUE_FULL', message);
  }
}

/** A task had no result within its `timeoutMs`. */
export class OffloadTimeoutError extends PolyloopError {
  constructor(message: string) {
    super('OFFLOAD_TIMEOUT', message);
  }
}

/** The offload worker that ran a task ended (`process.exit`, an error outside the task, no heap left), or could not be started. */
export class OffloadWorkerError extends PolyloopError {
  constructor(message: string) {
    super('OFFLOAD_WORKER_FAILED', message);
  }
}

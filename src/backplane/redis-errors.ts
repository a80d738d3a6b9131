/** Not the command is at fault, but where it was sent to. Redis 6 says so in the middle of another error. */
const TRANSIENT =
  /\b(READONLY|LOADING|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOSCRIPT|NOREPLICAS|UNBLOCKED|MOVED|ASK|Too many Cluster)\b/;

/** Redis, or another server, takes such a command later. */
export const isTransient = ({ message }: Error): boolean => TRANSIENT.test(message);

/** Redis has answered that it does not run the command. Otherwise it may have run it. */
export const isRefusal = (error: Error): boolean =>
  error.name === 'ReplyError' || (isTransient(error) && !/closed/i.test(error.message));
